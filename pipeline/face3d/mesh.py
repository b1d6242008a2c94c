"""MediaPipe's 468-point face mesh on faces that a detector found."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import WeightsError
from pipeline.face3d.canonical import canonical_vertices
from pipeline.ops.alignment import interocular_px
from pipeline.ops.contours import LEFT_EYE_LOOP, RIGHT_EYE_LOOP
from pipeline.ops.geometry import (
    invert_affine,
    scale_of,
    similarity_from_points,
    transform_points,
    warp_affine,
)
from pipeline.ops.images import check_rgb
from pipeline.types import Float32, UInt8
from pipeline.weights.tflite import open_tflite

POINTS = 468
_INPUT_PX = 192
_CONTEXTNESS = (
    1.5  # side of the crop over the longer side of the mesh's box: what it was trained with
)

NOSE_TIP = 4
NOSE = (1, 4)
"""Above and below the point that detectors call the nose tip."""
MOUTH_RIGHT, MOUTH_LEFT = 61, 291


class FaceMesh:
    """The 468-point network (attention-free ``face_landmark.tflite``), one face at a time.

    Input convention of the network: RGB in [0, 1], 192 × 192, the face upright and filling two
    thirds of the crop. The first crop follows from the five landmarks; the second from the first
    mesh, as MediaPipe follows a face through a video, which makes the result depend little on the
    five.

    Reference:
        Y. Kartynnik et al., Real-time facial surface geometry from monocular video on mobile GPUs,
        CVPR workshops 2019.
    """

    def __init__(self, weights: Path) -> None:
        """Load the network; it runs on one thread.

        Args:
            weights: ``face_landmark.tflite``.

        Raises:
            WeightsError: the file is missing or holds another network.
        """
        self._network = open_tflite(weights, "the face mesh")
        (self._input,) = (each["index"] for each in self._network.get_input_details())
        outputs = {
            int(np.prod(each["shape"])): each["index"]
            for each in self._network.get_output_details()
        }
        if set(outputs) != {POINTS * 3, 1}:
            raise WeightsError(f"{weights} is not the 468-point network: outputs {sorted(outputs)}")
        self._points, self._score = outputs[POINTS * 3], outputs[1]

    def points(self, image_rgb: UInt8, landmarks_xy: Float32) -> tuple[Float32, Float32]:
        """Fit the mesh to each of an image's faces.

        Args:
            image_rgb: uint8 (h, w, 3).
            landmarks_xy: (n, 5, 2), pixels of the image, in the order of ``detection.faces.Faces``.

        Returns:
            The points, float32 (n, 468, 3): x and y in pixels of the image, z in the same unit,
            falling towards the camera, its zero near the head's middle; and presence, float32 (n,):
            the network's own probability that the crop shows a face. A face whose five landmarks
            are degenerate gets NaN points and presence 0.

        Raises:
            ValueError: the image is another array; see ``check_rgb``.
        """
        check_rgb(image_rgb)
        faces = np.asarray(landmarks_xy, dtype=np.float32).reshape(-1, 5, 2)
        xyz = np.full((len(faces), POINTS, 3), np.nan, dtype=np.float32)
        presence = np.zeros(len(faces), dtype=np.float32)
        for index, five_xy in enumerate(faces):
            try:
                first, _ = self._run(image_rgb, _crop_of_five(five_xy))
                xyz[index], presence[index] = self._run(image_rgb, _crop_of_mesh(first))
            except ValueError:  # degenerate points span no crop
                continue
        return xyz, presence

    def _run(self, image_rgb: UInt8, source_to_crop: Float32) -> tuple[Float32, float]:
        crop = warp_affine(image_rgb, source_to_crop, (_INPUT_PX, _INPUT_PX), border="replicate")
        self._network.set_tensor(self._input, crop[None].astype(np.float32) / np.float32(255))
        self._network.invoke()
        mesh = self._network.get_tensor(self._points).reshape(POINTS, 3)
        logit = float(self._network.get_tensor(self._score).reshape(()))
        # The network counts from the crop's corner; we count from the first pixel's centre.
        xy = transform_points(mesh[:, :2] - np.float32(0.5), invert_affine(source_to_crop))
        z = mesh[:, 2:] / np.float32(scale_of(source_to_crop))
        return np.concatenate([xy, z], axis=1), float(1.0 / (1.0 + np.exp(-logit)))


def five_landmarks(xyz: NDArray[np.floating]) -> Float32:
    """Return the detector's five landmarks as the mesh sees them.

    Eyes are the means of the eye contours, the nose tip lies midway between vertices 1 and 4, the
    mouth corners are 61 and 291. Of the usual choices these agree best with YuNet.

    Args:
        xyz: (n, 468, 3) of ``FaceMesh.points``.

    Returns:
        float32 (n, 5, 2), in the order of ``detection.faces.Faces``.
    """
    xy = np.asarray(xyz, dtype=np.float32)[..., :2]
    return np.stack(
        [
            xy[:, RIGHT_EYE_LOOP].mean(axis=1),
            xy[:, LEFT_EYE_LOOP].mean(axis=1),
            xy[:, NOSE].mean(axis=1),
            xy[:, MOUTH_RIGHT],
            xy[:, MOUTH_LEFT],
        ],
        axis=1,
    )


def disagreement_percent(landmarks_xy: Float32, mesh_xyz: Float32) -> float:
    """Return the mean distance of five landmarks from the mesh's, % of the inter-ocular distance.

    Args:
        landmarks_xy: (5, 2).
        mesh_xyz: (468, 3), same frame.
    """
    mesh_points = five_landmarks(mesh_xyz[None])[0]
    between_eyes = interocular_px(landmarks_xy)
    distances = np.hypot(*(landmarks_xy - mesh_points).T)
    return float(distances.mean() / between_eyes * 100) if between_eyes else float("inf")


def _crop_of_five(five_xy: Float32) -> Float32:
    """Return source_to_crop for the box that the canonical face has where the five landmarks lie.

    The canonical face is first turned as far as the nose tip lies beside the line from eyes to
    mouth: a head seen from the side reaches far behind its five landmarks, and a crop about the
    points would miss half of it.
    """
    canonical = canonical_vertices()
    five = five_xy.astype(np.float64)
    down = five[3:].mean(axis=0) - five[:2].mean(axis=0)
    rows = float(np.hypot(*down))
    if not np.isfinite(rows) or rows == 0.0:
        raise ValueError("eyes and mouth lie in one place")
    across = np.array([down[1], -down[0]]) / rows
    corners, nose = (
        canonical[[RIGHT_EYE_LOOP[0], LEFT_EYE_LOOP[0], MOUTH_RIGHT, MOUTH_LEFT]],
        canonical[NOSE_TIP],
    )
    rows_cm = float(corners[2:, 1].mean() - corners[:2, 1].mean())
    beside_cm = float((five[2] - five[[0, 1, 3, 4]].mean(axis=0)) @ across) * rows_cm / rows
    sin = float(np.clip(beside_cm / (corners[:, 2].mean() - nose[2]), -1.0, 1.0))
    cos = float(np.sqrt(1.0 - sin * sin))
    turned = canonical @ np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
    fitted = similarity_from_points(five_landmarks(turned[None])[0], five).astype(np.float64)
    low, high = turned[:, :2].min(axis=0), turned[:, :2].max(axis=0)
    pixels_per_cm = scale_of(fitted)
    return _square_crop(
        fitted[:, :2] @ ((low + high) / 2) + fitted[:, 2],
        fitted[:, :2] / pixels_per_cm,
        pixels_per_cm * float((high - low).max()),
    )


def _crop_of_mesh(xyz: Float32) -> Float32:
    """Return source_to_crop for the box around a mesh, upright by the outer eye corners."""
    xy = xyz[:, :2].astype(np.float64)
    cos, sin = (xy[LEFT_EYE_LOOP[0]] - xy[RIGHT_EYE_LOOP[0]]) / np.hypot(
        *(xy[LEFT_EYE_LOOP[0]] - xy[RIGHT_EYE_LOOP[0]])
    )
    rotation = np.array([[cos, -sin], [sin, cos]])
    upright = xy @ rotation
    low, high = upright.min(axis=0), upright.max(axis=0)
    return _square_crop(rotation @ ((low + high) / 2), rotation, float((high - low).max()))


def _square_crop(
    centre: NDArray[np.float64], rotation: NDArray[np.float64], side_px: float
) -> Float32:
    linear = rotation.T * (_INPUT_PX / (_CONTEXTNESS * side_px))
    shift = (_INPUT_PX - 1) / 2 - linear @ centre
    return np.column_stack([linear, shift]).astype(np.float32)
