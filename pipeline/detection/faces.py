"""What a face detector is and what it returns."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.ops.boxes import iou
from pipeline.types import Float32, UInt8

_VOTE_IOU = 0.5  # the usual bound between "the same object" and "another one"
_LEAST_VOTE = 1e-12  # so that candidates without any score, of a threshold of 0, have a mean


@dataclass(frozen=True)
class Faces:
    """The n faces of one image, by falling score.

    Attributes:
        boxes_xyxy: float32 (n, 4), pixels of the image; may reach beyond its border.
        landmarks_xy: float32 (n, 5, 2): the eye on the image's left (the subject's right eye), the
            other eye, the nose tip, the mouth corner on the image's left, the other corner.
        scores: float32 (n,), the detector's own confidence in [0, 1].
    """

    boxes_xyxy: Float32
    landmarks_xy: Float32
    scores: Float32

    def __len__(self) -> int:
        """Return n."""
        return len(self.scores)


class FaceDetector(Protocol):
    """Finds the faces of one image; equal images give equal faces."""

    def detect(self, image_rgb: UInt8) -> Faces:
        """Find the faces of an image, uint8 (h, w, 3)."""
        ...


@runtime_checkable
class GreyFaceDetector(FaceDetector, Protocol):
    """Finds the same faces sooner where an image has no colours."""

    def detect_grey(self, image: UInt8) -> Faces:
        """Find the faces of a grey image, uint8 (h, w), no larger than the detector takes."""
        ...


def sorted_faces(boxes_xyxy: ArrayLike, landmarks_xy: ArrayLike, scores: ArrayLike) -> Faces:
    """Make ``Faces`` of anything that holds n boxes, landmarks and scores.

    Equal scores are ordered by the box (x1, then y1, x2, y2), so the order of the input is nothing.

    Raises:
        ValueError: the three do not agree in n, or have other shapes.
    """
    boxes = np.asarray(boxes_xyxy, dtype=np.float32)
    landmarks = np.asarray(landmarks_xy, dtype=np.float32)
    confidence = np.asarray(scores, dtype=np.float32).reshape(-1)
    count = len(confidence)
    boxes, landmarks = (
        (boxes, landmarks) if count else (boxes.reshape(0, 4), landmarks.reshape(0, 5, 2))
    )
    if boxes.shape != (count, 4) or landmarks.shape != (count, 5, 2):
        raise ValueError(
            f"expected boxes ({count}, 4) and landmarks ({count}, 5, 2), "
            f"got {boxes.shape} and {landmarks.shape}"
        )
    order = best_first(boxes, confidence)
    return Faces(boxes[order], landmarks[order], confidence[order])


def best_first(boxes_xyxy: Float32, scores: Float32) -> NDArray[np.intp]:
    """Return the order of ``Faces``, (n,): by falling score, of equals by the box."""
    boxes = boxes_xyxy
    return np.lexsort((boxes[:, 3], boxes[:, 2], boxes[:, 1], boxes[:, 0], -scores))


def faces_from_ground_truth(boxes_xyxy: ArrayLike, landmarks_xy: ArrayLike) -> Faces:
    """Take the faces that a data set itself gives: score 1, no network.

    Args:
        boxes_xyxy: (n, 4), pixels of the image.
        landmarks_xy: (n, 5, 2), in the order of ``Faces``.

    Raises:
        ValueError: the shapes are others.
    """
    return sorted_faces(boxes_xyxy, landmarks_xy, np.ones(len(np.asarray(boxes_xyxy))))


def voted(everyone: Faces, nms_threshold: float) -> Faces:
    """Suppress; boxes and landmarks are means over a face's candidates, weighted by score.

    Args:
        everyone: all candidates of an image.
        nms_threshold: in [0, 1]; overlap (IoU) above which the weaker of two faces goes.

    Returns:
        A face's score is its strongest candidate's.
    """
    boxes, landmarks, scores = everyone.boxes_xyxy, everyone.landmarks_xy, everyone.scores
    left = np.arange(len(everyone))
    kept: list[tuple[NDArray[np.float64], NDArray[np.float64], float]] = []
    while len(left):
        overlap = iou(boxes[left[0]], boxes[left])[0]
        voters = left[overlap >= _VOTE_IOU]
        voters = voters if len(voters) else left[:1]  # a box without area overlaps nothing
        weights = np.maximum(scores[voters].astype(np.float64), _LEAST_VOTE)
        kept.append(
            (
                np.average(boxes[voters].astype(np.float64), axis=0, weights=weights),
                np.average(landmarks[voters].astype(np.float64), axis=0, weights=weights),
                float(scores[left[0]]),
            )
        )
        keep = overlap <= nms_threshold
        keep[0] = False
        left = left[keep]
    return sorted_faces([k[0] for k in kept], [k[1] for k in kept], [k[2] for k in kept])
