"""Faces on their side or upside down: found in the turned image where the upright one is in doubt.

Detectors find such faces, too, but put the landmarks as if they were upright; the mesh network then
sees no face there, or disagrees with them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from pipeline.detection.faces import Faces, best_first
from pipeline.face3d.mesh import disagreement_percent
from pipeline.ops.boxes import iou
from pipeline.types import Float32, UInt8

_QUARTERS = (1, 2, 3)
_SURE_PRESENCE, SURE_PERCENT = 0.9, 15.0
"""Presence, and the landmarks' distance from the mesh's, of nearly all upright faces."""
_CLEARLY, _UNSEEN = 0.7, 0.5
"""A turned face disagrees by so much less, or upright the mesh rather sees none."""
_SAME_IOU = 0.2
"""Of boxes of one face, found upright and turned: they frame other parts of it."""


@dataclass(frozen=True)
class Fitted:
    """Faces of an image with their meshes.

    Attributes:
        faces: as the detector found them; the first eye is the subject's right one whatever its
            place in the image.
        mesh_xyz: float32 (n, 468, 3).
        presence: float32 (n,), the mesh network's own probability of a face.
    """

    faces: Faces
    mesh_xyz: Float32
    presence: Float32

    def disagreement(self) -> Float32:
        """Return each face's distance of landmarks and mesh, % of the inter-ocular distance."""
        pairs = zip(self.faces.landmarks_xy, self.mesh_xyz, strict=True)
        return np.array([disagreement_percent(*pair) for pair in pairs], np.float32)

    def sure(self) -> np.ndarray:
        """Say of each face whether mesh and detector agree that it is one, bool (n,)."""
        return (self.presence >= _SURE_PRESENCE) & (self.disagreement() <= SURE_PERCENT)

    def least(self) -> float:
        """Return the least disagreement of a face that is sure, +inf where none is."""
        return float(np.min(self.disagreement(), where=self.sure(), initial=np.inf))

    def turned_back(self, quarters: int, hw: tuple[int, int]) -> Self:
        """Carry what was found in ``np.rot90(image, quarters)`` into the image, (h, w) large."""
        boxes = _turned_back(self.faces.boxes_xyxy.reshape(-1, 2, 2), quarters, hw)
        corners = np.concatenate([boxes.min(axis=1), boxes.max(axis=1)], axis=1)
        landmarks = _turned_back(self.faces.landmarks_xy, quarters, hw)
        mesh = self.mesh_xyz.copy()
        mesh[..., :2] = _turned_back(mesh[..., :2], quarters, hw)
        return type(self)(Faces(corners, landmarks, self.faces.scores), mesh, self.presence)


def whichever_way(image_rgb: UInt8, look: Callable[[UInt8], Fitted]) -> Fitted:
    """Find the faces of an image, those that lie on their side or upside down as well.

    The image is turned only where no face is found, or mesh and detector disagree on one. A face
    that is no surer turned stays as it is; the turn that shows the surest face comes first. All are
    sorted by their scores, those of turned ones too.

    Args:
        image_rgb: uint8 (h, w, 3).
        look: finds the faces of an upright image.
    """
    found = look(image_rgb)
    doubtful = ~found.sure()
    if len(found.faces) and not doubtful.any():
        return found
    hw = image_rgb.shape[0], image_rgb.shape[1]
    turns = [
        look(np.ascontiguousarray(np.rot90(image_rgb, quarters))).turned_back(quarters, hw)
        for quarters in _QUARTERS
    ]
    for other in sorted(turns, key=Fitted.least):
        found = _better(found, other)
    return _taken(found, best_first(found.faces.boxes_xyxy, found.faces.scores))


def _better(found: Fitted, other: Fitted) -> Fitted:
    """Take the other way's sure faces where ours are in doubt, or where we have none at all."""
    sure = np.flatnonzero(other.sure())
    if not len(found.faces):
        return _taken(other, sure)
    boxes, landmarks, scores = (
        each.copy()
        for each in (found.faces.boxes_xyxy, found.faces.landmarks_xy, found.faces.scores)
    )
    mesh, presence = found.mesh_xyz.copy(), found.presence.copy()
    ours, theirs = found.disagreement(), other.disagreement()
    doubtful = ~found.sure()
    for index in sure:
        overlap = iou(other.faces.boxes_xyxy[index], boxes)[0]
        place = int(overlap.argmax())
        clearly = theirs[index] < _CLEARLY * ours[place] or presence[place] < _UNSEEN
        if overlap[place] >= _SAME_IOU and doubtful[place] and clearly:
            boxes[place] = other.faces.boxes_xyxy[index]
            landmarks[place] = other.faces.landmarks_xy[index]
            scores[place] = other.faces.scores[index]
            mesh[place], presence[place] = other.mesh_xyz[index], other.presence[index]
            doubtful[place] = False
    return Fitted(Faces(boxes, landmarks, scores), mesh, presence)


def _taken(found: Fitted, which: np.ndarray) -> Fitted:
    faces = found.faces
    kept = Faces(faces.boxes_xyxy[which], faces.landmarks_xy[which], faces.scores[which])
    return Fitted(kept, found.mesh_xyz[which], found.presence[which])


def _turned_back(points_xy: Float32, quarters: int, hw: tuple[int, int]) -> Float32:
    """Carry points (…, 2) of a turned image back."""
    x, y = points_xy[..., 0], points_xy[..., 1]
    height, width = hw
    back = {1: (width - 1 - y, x), 2: (width - 1 - x, height - 1 - y), 3: (y, height - 1 - x)}
    return np.stack(back[quarters], axis=-1).astype(np.float32)
