"""YuNet through OpenCV, its boxes and points voted by all candidates of a face.

The strongest candidate's five points depend on how a face happens to lie on the network's grid: the
same portrait at another scale moves them by 6 % of the inter-ocular distance (median).
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.detection.faces import Faces, sorted_faces
from pipeline.detection.picture import reduced, restored
from pipeline.errors import WeightsError
from pipeline.ops.boxes import iou
from pipeline.types import UInt8

_CANDIDATES = 5000  # more than a picture of a crowd has above any useful threshold
_LEAST_SIDE_PX = 64  # on a side of 32 or less, OpenCV 4.14 reads memory that nobody wrote
_VOTE_IOU = 0.5  # the usual bound between "the same object" and "another one"


class YuNet:
    """YuNet 2023mar, 5 points.

    Input convention of the network: BGR, 0..255, no mean; OpenCV pads the sides to multiples of 32.
    A face must be about 10 to 600 pixels high in the reduced picture.

    Reference:
        W. Wu, H. Peng, S. Yu, YuNet: a tiny millisecond-level face detector, MIR 20, 2023; voting:
        S. Gidaris, N. Komodakis, Object detection via a multi-region CNN, ICCV 2015, section 4.
    """

    def __init__(
        self,
        weights: Path,
        *,
        score_threshold: float = 0.7,
        nms_threshold: float = 0.3,
        max_side_px: int = 640,
    ) -> None:
        """Load the network.

        Args:
            weights: ``face_detection_yunet_2023mar.onnx``.
            score_threshold: in [0, 1]; weaker candidates are no faces and have no vote.
            nms_threshold: in [0, 1]; overlap (IoU) above which the weaker of two faces goes.
            max_side_px: longer side to which a larger picture is reduced.

        Raises:
            WeightsError: the file is missing or no network that OpenCV reads.
        """
        if not weights.is_file():
            raise WeightsError(f"YuNet's weights are missing: {weights}")
        try:
            # Suppression is ours: OpenCV's would drop the candidates that shall vote.
            self._network = cv2.FaceDetectorYN.create(
                str(weights), "", (32, 32), score_threshold, 1.0, _CANDIDATES
            )
        except cv2.error as error:
            raise WeightsError(f"{weights} is no network that OpenCV reads: {error}") from error
        self._nms_threshold = nms_threshold
        self._max_side_px = max_side_px

    def detect(self, image_rgb: UInt8) -> Faces:
        """Find the faces of a picture, uint8 (h, w, 3)."""
        small, pixels_per_pixel = reduced(image_rgb, self._max_side_px)
        found = self._vote(small)
        boxes = restored(found.boxes_xyxy.reshape(-1, 2, 2), pixels_per_pixel).reshape(-1, 4)
        points = restored(found.landmarks_xy, pixels_per_pixel)
        return sorted_faces(boxes, points, found.scores)

    def _vote(self, image_rgb: UInt8) -> Faces:
        """Detect once; boxes and points are means over the candidates, weighted by score."""
        height, width = image_rgb.shape[:2]
        bottom, right = max(0, _LEAST_SIDE_PX - height), max(0, _LEAST_SIDE_PX - width)
        image_bgr = cv2.cvtColor(image_rgb, cv2.COLOR_RGB2BGR)
        if bottom or right:
            image_bgr = cv2.copyMakeBorder(image_bgr, 0, bottom, 0, right, cv2.BORDER_CONSTANT)
        self._network.setInputSize((width + right, height + bottom))
        _, rows = self._network.detect(image_bgr)
        candidates = np.zeros((0, 15), np.float32) if rows is None else np.asarray(rows, np.float32)
        candidates = candidates[np.isfinite(candidates).all(axis=1)]
        candidates[:, 2:4] += candidates[:, :2]
        everyone = sorted_faces(
            candidates[:, :4], candidates[:, 4:14].reshape(-1, 5, 2), candidates[:, 14]
        )
        boxes, points, scores = everyone.boxes_xyxy, everyone.landmarks_xy, everyone.scores
        left = np.arange(len(everyone))
        kept: list[tuple[NDArray[np.float64], NDArray[np.float64], float]] = []
        while len(left):
            overlap = iou(boxes[left[0]], boxes[left])[0]
            voters = left[overlap >= _VOTE_IOU]
            voters = voters if len(voters) else left[:1]  # a box without area overlaps nothing
            weights = scores[voters].astype(np.float64)
            kept.append(
                (
                    np.average(boxes[voters].astype(np.float64), axis=0, weights=weights),
                    np.average(points[voters].astype(np.float64), axis=0, weights=weights),
                    float(scores[left[0]]),
                )
            )
            keep = overlap <= self._nms_threshold
            keep[0] = False
            left = left[keep]
        return sorted_faces([k[0] for k in kept], [k[1] for k in kept], [k[2] for k in kept])
