"""Stage ``pretrain``: gives a backbone its start on visible faces, or takes up a checkpoint."""

from pathlib import Path

from pipeline.errors import ParamsError
from pipeline.report.quality import write_curve
from pipeline.report.recognition import loss_figure
from pipeline.store.guard import locked
from stages.run import StageRun, stage_main


def run(stage: StageRun) -> None:
    """Train, or take up, one backbone of the section ``pretrain``."""
    from pipeline.training.pretrain import load_pretraining_faces, pretrain  # these bring torch
    from pipeline.training.trained import pretrained_path

    name = stage.dataset
    if name not in stage.params.pretrain:
        raise ParamsError(
            f"{name!r} is none of pretrain's {list(stage.params.pretrain)}: add it to params.yaml"
        )
    params = stage.params.pretrain[name]
    stage = stage.on(params.dataset)
    attributes = stage.source("attributes")
    checkpoint = None
    if params.checkpoint is not None:
        checkpoint = stage.file(Path(params.checkpoint.path), params.checkpoint.sha256)
    faces = load_pretraining_faces(attributes, params)
    path = pretrained_path(name)
    with locked(path.parent):
        curve, report = pretrain(
            stage.label,
            params,
            faces,
            attributes,
            checkpoint=checkpoint,
            template=stage.params.align.template,
            key=stage.key([params]).fingerprint(faces.digest),
            path=path,
        )
    if report:
        print(f"{stage.label}: {report}")
    stage.write_metrics(
        {
            "faces": len(faces),
            "subjects": len(set(faces.subjects)),
            "steps": params.steps,
            "checkpoint": report or None,
            "loss": curve[-1] if curve else {},
            "simulated": faces.simulated,
        }
    )
    write_curve(curve, stage.report("curves", ".csv"))
    loss_figure(curve, stage.report("figures", ".png"))


if __name__ == "__main__":
    stage_main("pretrain", run)
