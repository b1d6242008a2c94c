"""What a detector of people returns."""

from dataclasses import dataclass

import numpy as np

from pipeline.types import Float32

KEYPOINTS = (
    *("nose", "left_eye", "right_eye", "left_ear", "right_ear"),
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    *("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
)
"""COCO's keypoints in COCO's order; left and right are the subject's."""


@dataclass(frozen=True)
class Bodies:
    """The people of one image, best first.

    Attributes:
        boxes_xyxy: float32 (n, 4), pixels of the image, inside it, each with an area.
        scores: float32 (n,), in [0, 1], falling.
        keypoints_xy: float32 (n, 17, 2) in the order of ``KEYPOINTS``; None where the network has
            none. They may lie outside the box and, where a limb is hidden, anywhere.
        keypoint_scores: float32 (n, 17), in [0, 1]; None where the network has none.
    """

    boxes_xyxy: Float32
    scores: Float32
    keypoints_xy: Float32 | None = None
    keypoint_scores: Float32 | None = None

    def __len__(self) -> int:
        return len(self.scores)


def settled(
    boxes_xyxy: Float32,
    scores: Float32,
    keypoints_xy: Float32 | None,
    keypoint_scores: Float32 | None,
    hw: tuple[int, int],
) -> Bodies:
    """Clip boxes to the image, leave out what is no box then, and sort by falling score.

    Args:
        boxes_xyxy: (n, 4), pixels of the image, pixel centres at integers.
        scores: (n,).
        keypoints_xy: (n, 17, 2) or None.
        keypoint_scores: (n, 17) or None.
        hw: height and width of the image.
    """
    high = np.array([hw[1], hw[0], hw[1], hw[0]], np.float32) - np.float32(0.5)
    boxes = np.clip(np.asarray(boxes_xyxy, np.float32).reshape(-1, 4), np.float32(-0.5), high)
    with np.errstate(invalid="ignore"):
        solid = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)  # false where a corner is NaN
    kept = np.flatnonzero(solid & np.isfinite(scores))
    kept = kept[np.argsort(-scores[kept], kind="stable")]
    return Bodies(
        boxes[kept],
        np.asarray(scores[kept], np.float32),
        None if keypoints_xy is None else np.asarray(keypoints_xy[kept], np.float32),
        None if keypoint_scores is None else np.asarray(keypoint_scores[kept], np.float32),
    )


def as_one_body(found: Bodies, hw: tuple[int, int]) -> Bodies:
    """Take an image that shows one person already, cut out, as a whole.

    Args:
        found: what a detector found in it.
        hw: height and width of the image.

    Returns:
        One body: all of the image, with score 1 and the keypoints of the best detection, if any.
    """
    box = np.array([[-0.5, -0.5, hw[1] - 0.5, hw[0] - 0.5]], np.float32)
    points, scores = found.keypoints_xy, found.keypoint_scores
    if points is None or scores is None or not len(found):
        return Bodies(box, np.ones(1, np.float32))
    return Bodies(box, np.ones(1, np.float32), points[:1], scores[:1])
