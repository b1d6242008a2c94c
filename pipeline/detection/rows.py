"""What the stage ``detect`` makes of a row: its faces, by a detector and the mesh network."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from pipeline.detection import make_detector
from pipeline.detection.faces import FaceDetector, Faces, faces_from_ground_truth
from pipeline.detection.turned import Fitted, whichever_way
from pipeline.detection.views import VOTER_SCORE, ThermalDetector, thermal_mesh
from pipeline.face3d.measures import detected_measures
from pipeline.face3d.mesh import FaceMesh, disagreement_percent, five_landmarks
from pipeline.face3d.pose import pose_deg
from pipeline.ops.boxes import boxes_about
from pipeline.ops.codec import decode_rgb
from pipeline.ops.contrast import equalise
from pipeline.ops.templates import AlignmentTemplate
from pipeline.params.detect import DetectParams
from pipeline.store.mapping import BatchFunction, Outcome
from pipeline.types import HEAT_BANDS, Band, Rejected, Row, UInt8

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


def detect_rows(
    params: DetectParams,
    weights: dict[str, Path],
    mesh_weights: Path,
    aligned: AlignmentTemplate | None = None,
) -> BatchFunction:
    """Load the networks and build the batch function.

    Args:
        params: of the stage.
        weights: of the detector, by names of ``weights.yaml``; none where nothing is detected.
        mesh_weights: of the mesh's network.
        aligned: what all images are crops of: faces lie where it says, and nothing is detected.
    """
    mesh = FaceMesh(mesh_weights)
    known = params.backend == "truth" or aligned is not None
    find = known_faces(aligned) if known else detection(params, weights)
    by_mesh = params.landmarks == "mesh" and not known

    def describe(row: Row) -> Outcome:
        if aligned and (why := no_crop_of(aligned, row)):
            return [why]
        image = decode_rgb(row["image"]["bytes"])
        thermal = seen_in_views(row["band"], params)
        if row["band"] in params.equalise_bands and not thermal:
            image = equalise(image)
        fit = thermal_mesh if thermal else FaceMesh.points

        def look(shown: UInt8) -> Fitted:
            seen = find(row, shown)
            return Fitted(seen, *fit(mesh, shown, seen.landmarks_xy))

        turns = params.try_turned and not (known or thermal)
        fitted = whichever_way(image, look) if turns else look(image)
        faces, xyz, presence = fitted.faces, fitted.mesh_xyz, fitted.presence
        if not len(faces):
            unknown = "the data set gives no box with five landmarks for this image"
            least = f"with a score of {threshold_of(row['band'], params):g} or more"
            detail = unknown if known else f"{params.backend} found no face {least} in it"
            return [Rejected("no_face", detail)]
        detected = faces.landmarks_xy
        landmarks = five_landmarks(xyz) if by_mesh else detected
        boxes = boxes_about(xyz) if aligned else faces.boxes_xyxy
        values = (boxes, landmarks, detected, faces.scores, xyz, presence, pose_deg(xyz))
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


def seen_in_views(band: str, params: DetectParams) -> bool:
    """Say whether images of a band are shown in the views of heat."""
    return bool(params.thermal_views) and band in HEAT_BANDS


def threshold_of(band: str, params: DetectParams) -> float:
    """Return the least score of a face in a band."""
    return params.band_score_thresholds.get(Band(band), params.score_threshold)


def detection(params: DetectParams, weights: dict[str, Path]) -> Find:
    """Load a detector for each threshold and kind of band, when the first image needs it."""

    def build(score_threshold: float, max_side_px: int) -> FaceDetector:
        return make_detector(
            params.backend,
            weights,
            score_threshold=score_threshold,
            nms_threshold=params.nms_threshold,
            max_side_px=max_side_px,
            device=params.device,
        )

    @cache
    def detector(threshold: float, thermal: bool) -> FaceDetector:
        if not thermal:
            return build(threshold, params.max_side_px)
        return ThermalDetector(
            build(min(VOTER_SCORE, threshold), max(v.side_px for v in params.thermal_views)),
            params.thermal_views,
            score_threshold=threshold,
            nms_threshold=params.nms_threshold,
        )

    detector(params.score_threshold, False)  # broken weights are found before the first image

    def find(row: Row, image: UInt8) -> Faces:
        band = row["band"]
        return detector(threshold_of(band, params), seen_in_views(band, params)).detect(image)

    return find


def known_faces(aligned: AlignmentTemplate | None) -> Find:
    """Build what looks for nothing: of an aligned crop it takes the template's landmarks."""
    if aligned is None:
        return ground_truth_of
    height, width = aligned.hw
    face = faces_from_ground_truth([(0, 0, width - 1, height - 1)], [aligned.landmarks_xy])
    return lambda row, image: face


def no_crop_of(aligned: AlignmentTemplate, row: Row) -> Rejected | None:
    """Say why an image can't be a crop of an alignment template, if it can't."""
    height, width = aligned.hw
    if (row["height_px"], row["width_px"]) == (height, width):
        return None
    found = f"{row['width_px']}×{row['height_px']} px"
    return Rejected("other_size", f"{found}: crops aligned by {aligned.name} have {width}×{height}")


def ground_truth_of(row: Row, image: UInt8) -> Faces:
    """Take the face that the data set itself names."""
    known = row["truth_box_xyxy"], row["truth_landmarks_xy"]
    boxes, landmarks = ([], []) if any(value is None for value in known) else ([v] for v in known)
    return faces_from_ground_truth(boxes, landmarks)
