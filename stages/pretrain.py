"""Stage ``pretrain``: gives a backbone its start on visible faces, or takes up a checkpoint."""

from pathlib import Path
from typing import Any

from pipeline.errors import ParamsError
from pipeline.params.load import section_values
from pipeline.report.train import loss_figure, write_curve
from pipeline.store.locks import locked
from stages.run import StageRun, stage_main


def run(stage: StageRun) -> None:
    """Train, or take up, one backbone of the section ``pretrain``."""
    from models.backbones.checkpoints import load_backbone  # these bring torch
    from pipeline.training.backbones import make_backbone
    from pipeline.training.faces import crop_side
    from pipeline.training.pretrain import load_pretraining_faces, pretrain
    from pipeline.training.trained import Trained, pretrained_path, save_trained

    name = stage.dataset
    if name not in stage.params.pretrain:
        raise ParamsError(
            f"{name!r} is none of pretrain's {list(stage.params.pretrain)}: add it to params.yaml"
        )
    params = stage.params.pretrain[name]
    stage = stage.on(params.dataset)
    attributes, path = stage.source("attributes"), pretrained_path(name)
    side = crop_side(attributes)
    network = make_backbone(params.backbone, side, params.seed)
    matched = ""
    if params.checkpoint is not None:
        file = stage.file(Path(params.checkpoint.path), params.checkpoint.sha256)
        matched = str(load_backbone(network, file))
        print(f"{stage.label}: {matched}")
    metrics: dict[str, Any] = {"steps": params.steps, "checkpoint": matched or None}
    curve, subjects, key = [], [], stage.key({f"pretrain.{name}": params}).digest.hex()
    with locked(path.parent):
        if params.steps:
            found = load_pretraining_faces(attributes, params)
            key = stage.key({f"pretrain.{name}": params}).fingerprint(found.faces.digest)
            curve = pretrain(stage.label, params, network, found, key=key, path=path)
            subjects = sorted({f"{params.dataset}/{subject}" for subject in found.faces.subjects})
            metrics |= {
                "faces": len(found.faces),
                "subjects": len(subjects),
                "simulated": found.faces.simulated,
                "loss": curve[-1],
            }
        made = (params.backbone, side, stage.params.align.template, section_values(params), key)
        save_trained(Trained(name, *made, subjects, network.state_dict()), path)
    stage.write_metrics(metrics)
    write_curve(curve, stage.report("curves", ".csv"))
    loss_figure(curve, stage.report("figures", ".png"))


if __name__ == "__main__":
    stage_main("pretrain", run)
