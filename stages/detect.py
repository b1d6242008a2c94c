"""Stage ``detect``: every face of every image, with five landmarks, mesh and pose."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipeline.detection import DETECTORS, detector_weights, make_detector
from pipeline.detection.faces import Faces, faces_from_ground_truth
from pipeline.face3d.measures import detected_measures
from pipeline.face3d.mesh import FaceMesh, disagreement_percent, five_landmarks
from pipeline.face3d.pose import pose_deg
from pipeline.ops.codec import decode_rgb
from pipeline.ops.contrast import equalise
from pipeline.params.detect import DetectParams
from pipeline.params.whole import Params
from pipeline.report.contact_sheet import contact_sheet
from pipeline.report.detect import detection_metrics
from pipeline.report.ground_truth_figure import ground_truth_figure
from pipeline.schemas.detect import DETECT
from pipeline.store.mapping import BatchFunction, Outcome
from pipeline.types import Rejected, Row, UInt8
from stages.run import StageRun, stage_main

Find = Callable[[Row, UInt8], Faces]

COLUMNS = (
    "box_xyxy",
    "landmarks_xy",
    "detected_xy",
    "score",
    "mesh_xyz",
    "mesh_presence",
    "pose_deg",
)


def make(params: DetectParams, weights: dict[str, Path], mesh_weights: Path) -> BatchFunction:
    """Load the networks and build the batch function."""
    mesh = FaceMesh(mesh_weights)
    known = params.backend == "truth"
    find = ground_truth_of if known else detection(params, weights)
    by_mesh = params.landmarks == "mesh" and not known

    def describe(row: Row) -> Outcome:
        image = decode_rgb(row["image"]["bytes"])
        if row["band"] in params.equalise_bands:
            image = equalise(image)
        faces = find(row, image)
        if not len(faces):
            return [Rejected("no_face", f"{params.backend} knows no face in it")]
        detected = faces.landmarks_xy
        xyz, presence = mesh.points(image, detected)
        landmarks = five_landmarks(xyz) if by_mesh else detected
        values = (faces.boxes_xyxy, landmarks, detected, faces.scores, xyz, presence, pose_deg(xyz))
        found = [dict(zip(COLUMNS, face, strict=True)) for face in zip(*values, strict=True)]
        made = {"faces": found, "parent_id": row["sample_id"]}
        return [row | made | measures_of(row, found)]

    return lambda rows: [describe(row) for row in rows]


def measures_of(row: Row, faces: list[Row]) -> Row:
    """Measure an image's faces, best first: the first by its mesh, the known one by the truth."""
    first = faces[0]
    return detected_measures(row, faces) | {
        "yaw_deg": float(first["pose_deg"][0]),
        "mesh_agreement_percent": disagreement_percent(first["detected_xy"], first["mesh_xyz"]),
    }


def detection(params: DetectParams, weights: dict[str, Path]) -> Find:
    """Load a detector."""
    detector = make_detector(
        params.backend,
        weights,
        score_threshold=params.score_threshold,
        nms_threshold=params.nms_threshold,
        max_side_px=params.max_side_px,
    )
    return lambda row, image: detector.detect(image)


def ground_truth_of(row: Row, image: UInt8) -> Faces:
    """Take the face that the data set itself names."""
    known = row["truth_box_xyxy"], row["truth_landmarks_xy"]
    boxes, landmarks = ([], []) if any(value is None for value in known) else ([v] for v in known)
    return faces_from_ground_truth(boxes, landmarks)


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
        partial(make, params, weights, stage.weight("face_mesh_468")),
        params={"detect": params},
        code=code_of(stage.params, stage.dataset),
    )
    metrics = detection_metrics(output, stage.source("ingest"))
    stage.write_metrics(metrics)
    ground_truth_figure("detect", metrics, stage.report("figures", ".png"))
    contact_sheet(output, stage.report("contact", ".png"), tile_px=240)


if __name__ == "__main__":
    stage_main("detect", run)
