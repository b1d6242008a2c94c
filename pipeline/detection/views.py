"""Faces in images of heat: several views of an image, their candidates voted together.

Detectors and meshes trained on visible light expect dark sockets and a bright nose. In heat the
sockets are the warmest and the nose the coolest skin, so the inverted image looks more like a face;
behind glasses, which are cold, it is the other way round. No single view shows all faces.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.detection.faces import (
    FaceDetector,
    Faces,
    GreyFaceDetector,
    sorted_faces,
    voted,
)
from pipeline.detection.image import restored
from pipeline.face3d.mesh import FaceMesh
from pipeline.ops.contrast import CONTRASTS
from pipeline.params.detect import ThermalViewParams
from pipeline.types import Float32, UInt8

VOTER_SCORE = 0.3
"""Candidates weaker than this have no vote: most lie beside a face."""
_MAX_ENLARGEMENT = 1.5  # more costs time and shows nothing new
_NEVER_SILENT = 0.01  # so that a face in which the mesh sees nothing keeps the mean of the views


class ThermalDetector:
    """A detector that is shown several views of a grey image.

    Args:
        detector: finds the faces of one view; its threshold is at most ``VOTER_SCORE``, and its
            ``max_side_px`` at least every view's.
        views: how the image is shown.
        score_threshold: in [0, 1]; a face is one whose strongest candidate reaches it.
        nms_threshold: in [0, 1]; overlap (IoU) above which the weaker of two faces goes.
    """

    def __init__(
        self,
        detector: FaceDetector,
        views: Sequence[ThermalViewParams],
        *,
        score_threshold: float,
        nms_threshold: float,
    ) -> None:
        self._detector = detector
        self._views = tuple(views)
        self._score_threshold = score_threshold
        self._nms_threshold = nms_threshold

    def detect(self, image_rgb: UInt8) -> Faces:
        """Find the faces of an image, uint8 (h, w, 3); its colours count for nothing."""
        grey = cv2.cvtColor(image_rgb, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
        tones = {tone: CONTRASTS[tone](grey) for tone in {view.tone for view in self._views}}
        found = [self._seen(tones[view.tone], view) for view in self._views]
        everyone = sorted_faces(
            np.concatenate([faces.boxes_xyxy for faces in found]),
            np.concatenate([faces.landmarks_xy for faces in found]),
            np.concatenate([faces.scores for faces in found]),
        )
        faces = voted(everyone, self._nms_threshold)
        sure = faces.scores >= self._score_threshold
        return Faces(faces.boxes_xyxy[sure], faces.landmarks_xy[sure], faces.scores[sure])

    def _seen(self, grey: UInt8, view: ThermalViewParams) -> Faces:
        """Detect in one view; boxes and landmarks in pixels of the image."""
        height, width = grey.shape
        border = round(view.border_share * max(height, width))
        toned = np.asarray(255 - grey if view.inverted else grey, np.uint8)
        shown = np.pad(toned, border) if border else toned
        high, wide = shown.shape
        scale = min(view.side_px / max(high, wide), _MAX_ENLARGEMENT)
        wh = max(1, round(wide * scale)), max(1, round(high * scale))
        per_pixel = np.array([wide / wh[0], high / wh[1]], np.float32)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(shown, wh, interpolation=how)
        found = self._found(np.asarray(small, np.uint8))
        corners = restored(found.boxes_xyxy.reshape(-1, 2, 2), per_pixel) - np.float32(border)
        landmarks = restored(found.landmarks_xy, per_pixel) - np.float32(border)
        return Faces(corners.reshape(-1, 4), landmarks, found.scores)

    def _found(self, grey: UInt8) -> Faces:
        if isinstance(self._detector, GreyFaceDetector):
            return self._detector.detect_grey(grey)
        return self._detector.detect(np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8))


def thermal_mesh(
    mesh: FaceMesh, image_rgb: UInt8, landmarks_xy: Float32
) -> tuple[Float32, Float32]:
    """Fit the mesh to faces in an image of heat: in the image and in its negative.

    The two are averaged, weighted by the root of the mesh's own probability of a face: where one of
    them shows the mesh no face, the other decides.

    Args:
        mesh: the network.
        image_rgb: uint8 (h, w, 3); its colours count for nothing.
        landmarks_xy: (n, 5, 2), pixels of the image.

    Returns:
        As ``FaceMesh.points``; the probability is the larger of the two.
    """
    grey = cv2.cvtColor(image_rgb, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    heat = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)
    first, second = (mesh.points(shown, landmarks_xy) for shown in (heat, 255 - heat))
    weights = [np.sqrt(presence) + _NEVER_SILENT for _, presence in (first, second)]
    share = (weights[0] / (weights[0] + weights[1])).astype(np.float32)[:, None, None]
    xyz = share * first[0] + (1 - share) * second[0]
    return xyz.astype(np.float32), np.maximum(first[1], second[1])
