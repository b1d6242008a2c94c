"""Stage ``detect``: every face of every image, with five landmarks, mesh and pose."""

from functools import partial

from pipeline.detection import DETECTORS, detector_weights
from pipeline.detection.rows import detect_rows
from pipeline.params.whole import Params
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.detect import detection_metrics
from pipeline.report.ground_truth_figure import ground_truth_figure
from pipeline.schemas.detect import DETECT
from stages.run import StageRun, stage_main


def code_of(params: Params, item: str) -> tuple[str, ...]:
    """Return the modules whose code the rows depend on: see ``store.fingerprint``."""
    backend = params.detect.backend
    return "stages.detect", *((DETECTORS[backend],) if backend in DETECTORS else ())


def run(stage: StageRun) -> None:
    """Detect the faces of a data set."""
    params = stage.params.detect
    opened = detector_weights(params.backend) if params.backend in DETECTORS else ()
    weights = {name: stage.weight(name) for name in opened}
    output = stage.map(
        stage.source("ingest"),
        DETECT,
        partial(detect_rows, params, weights, stage.weight("face_mesh_468")),
        params={"detect": params},
        code=code_of(stage.params, stage.dataset),
    )
    metrics = detection_metrics(output, stage.source("ingest"))
    stage.write_metrics(metrics)
    ground_truth_figure("detect", metrics, stage.report("figures", ".png"))
    contact_sheet(output, stage.report("contact", ".png"), tile_px=190)


if __name__ == "__main__":
    stage_main("detect", run)
