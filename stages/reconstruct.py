"""Stage ``reconstruct``: a UV position map of each face, checked against its five landmarks."""

from functools import partial

from pipeline.face3d.backends import BACKENDS, backend_weights
from pipeline.face3d.rows import reconstruct_rows
from pipeline.params.whole import Params
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.reconstruct import reconstruct_metrics
from pipeline.schemas.reconstruct import RECONSTRUCT
from stages.run import StageRun, stage_main


def code_of(params: Params, item: str) -> tuple[str, ...]:
    """Return the modules whose code the rows depend on: see ``store.fingerprint``."""
    return "stages.reconstruct", BACKENDS[params.reconstruct.backend]


def run(stage: StageRun) -> None:
    """Reconstruct the faces of a data set."""
    params = stage.params.reconstruct
    weights = {name: stage.weight(name) for name in backend_weights(params.backend)}
    output = stage.map(
        stage.source("parts"),
        RECONSTRUCT,
        partial(reconstruct_rows, params, weights),
        params={"reconstruct": params},
        code=code_of(stage.params, stage.dataset),
    )
    stage.write_metrics(reconstruct_metrics(output))
    contact_sheet(output, stage.report("contact", ".png"))


if __name__ == "__main__":
    stage_main("reconstruct", run)
