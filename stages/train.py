"""Stage ``train``: trains one method, fold by fold."""

from pathlib import Path

from pipeline.errors import ParamsError
from pipeline.report.train import loss_figure, write_curve
from pipeline.store.locks import locked
from pipeline.store.protocols import read_protocol
from stages.run import StageRun, stage_main


def run(stage: StageRun) -> None:
    """Train one method of the section ``methods`` on each fold's own table ``train``."""
    from pipeline.training import recognisers  # these bring torch
    from pipeline.training.trained import load_trained, pretrained_path, trained_path

    name = stage.dataset
    if name not in stage.params.methods:
        raise ParamsError(
            f"{name!r} is none of methods' {list(stage.params.methods)}: add it to params.yaml"
        )
    params = stage.params.methods[name]
    stage = stage.on(params.dataset)
    protocol = read_protocol(Path("data", params.dataset, "protocols", params.protocol))
    sources = recognisers.Sources(
        stage.source("parts"), stage.source("masks") if params.masked else None
    )
    start = load_trained(stage.trained(pretrained_path(params.start)))
    curves, folds = [], {}
    for number in protocol.folds():
        samples = protocol.fold(number).train["sample_id"].to_pylist()
        faces, components = recognisers.load_training_faces(params, sources, samples)
        path = trained_path(name, number)
        with locked(path.parent):
            curve = recognisers.train_method(
                stage.label,
                params,
                start,
                faces,
                components,
                key=stage.key({f"methods.{name}": params}).fingerprint(faces.digest),
                path=path,
            )
        curves += [{"fold": number} | point for point in curve]
        folds[f"fold_{number}"] = {
            "faces": len(faces),
            "subjects": len(set(faces.subjects)),
            "simulated": faces.simulated,
            "loss": curve[-1] if curve else {},
        }
    stage.write_metrics({"steps": params.steps, **folds})
    write_curve(curves, stage.report("curves", ".csv"))
    loss_figure(curves, stage.report("figures", ".png"))


if __name__ == "__main__":
    stage_main("train", run)
