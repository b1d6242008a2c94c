"""What the stage ``detect_bodies`` makes of a row: an image with the people in it."""

from pathlib import Path

from pipeline.bodies.detections import Bodies, as_one_body
from pipeline.bodies.measures import detected_measures
from pipeline.errors import ParamsError
from pipeline.ops.codec import decode_rgb
from pipeline.ops.contrast import equalise
from pipeline.params.detect_bodies import DetectBodiesParams
from pipeline.store.mapping import BatchFunction, Outcome
from pipeline.types import Region, Row, UInt8


def body_rows(params: DetectBodiesParams, weights: Path) -> BatchFunction:
    """Load the network and build the batch function.

    Raises:
        ParamsError: half precision is asked for where there is no GPU.
    """
    from models.precision import device_of
    from pipeline.bodies.yolo import YoloDetector  # brings torch: only who detects waits for it

    if params.precision == "float16" and device_of(params.device) == "cpu":
        raise ParamsError(
            "precision float16 needs a GPU, but torch sees none: set detect_bodies.precision to "
            "auto, or to float32"
        )

    detector = YoloDetector(
        weights,
        score_threshold=params.score_threshold,
        nms_threshold=params.nms_threshold,
        max_detections=params.max_detections,
        image_px=params.image_px,
        precision=params.precision,
        device=params.device,
        batch_frames=params.batch_frames,
    )

    def detect(rows: list[Row]) -> list[Outcome]:
        found = detector.detect([seen(row, params) for row in rows])
        pairs = zip(rows, found, strict=True)
        return [[described(row, of_row(row, bodies))] for row, bodies in pairs]

    return detect


def of_row(row: Row, found: Bodies) -> Bodies:
    """Return an image's people: of a body that is cut out already, itself."""
    if row["region"] != Region.BODY:
        return found
    return as_one_body(found, (row["height_px"], row["width_px"]))


def seen(row: Row, params: DetectBodiesParams) -> UInt8:
    """Return the image as the network sees it."""
    image = decode_rgb(row["image"]["bytes"])
    return equalise(image) if row["band"] in params.equalise_bands else image


def described(row: Row, bodies: Bodies) -> Row:
    """Add the people to an image's row; the list is empty where nobody was found."""
    none = [None] * len(bodies)
    points = none if bodies.keypoints_xy is None else bodies.keypoints_xy
    point_scores = none if bodies.keypoint_scores is None else bodies.keypoint_scores
    columns = zip(bodies.boxes_xyxy, bodies.scores, points, point_scores, strict=True)
    names = "box_xyxy", "score", "keypoints_xy", "keypoint_scores"
    found = [dict(zip(names, body, strict=True)) for body in columns]
    made = {"bodies": found, "parent_id": row["sample_id"]}
    return row | made | detected_measures(row, found)
