"""Stage ``detect``: every face of every image, with five landmarks, mesh and pose."""

from functools import partial

from pipeline.alignment.template import template_named
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
    detector = detector_of(params, item)
    return "stages.detect", *((DETECTORS[detector],) if detector else ())


def detector_of(params: Params, dataset: str) -> str | None:
    """Return the detector of a data set, None where its faces are known."""
    backend = params.detect.backend
    return backend if backend in DETECTORS and params.datasets[dataset].aligned is None else None


def run(stage: StageRun) -> None:
    """Detect the faces of a data set."""
    params = stage.params.detect
    template = stage.dataset_params.aligned
    aligned = template_named(template, stage.params.align) if template else None
    detector = detector_of(stage.params, stage.dataset)
    opened = detector_weights(detector) if detector else ()
    weights = {name: stage.weight(name) for name in opened}
    output = stage.map(
        stage.source("ingest"),
        DETECT,
        partial(detect_rows, params, weights, stage.weight("face_mesh_468"), aligned),
        params={"detect": params} | ({"aligned": aligned.values()} if aligned else {}),
        code=code_of(stage.params, stage.dataset),
    )
    metrics = detection_metrics(output, stage.source("ingest"))
    stage.write_metrics(metrics)
    ground_truth_figure("detect", metrics, stage.report("figures", ".png"))
    contact_sheet(output, stage.report("contact", ".png"), tile_px=190)


if __name__ == "__main__":
    stage_main("detect", run)
