"""PRNet as a back end of ``reconstruct``: its map, carried into the canonical face's layout.

PRNet lays its texture out after BFM, we after MediaPipe. Where its 68 landmarks lie in its texture
is a file of the released data (``uv_kpt_ind.txt``); where the same landmarks lie in ours is known,
and a thin-plate spline between the two carries every texel. It is exact at the landmarks and
smooth between them; the forehead, which has none, is continued.
"""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.interpolate import RBFInterpolator

from models.precision import device_of
from models.prnet.network import POSITION_SCALE, SIDE_PX, load_resfcn256
from pipeline.errors import WeightsError, one_line
from pipeline.face3d.backends import Reconstruct
from pipeline.face3d.canonical import canonical_texture
from pipeline.face3d.map_codec import encode_position_map
from pipeline.face3d.position_map import MAP_PX, mesh_of_position_map, transform_map, valid_texels
from pipeline.ops.codec import decode_rgb
from pipeline.ops.geometry import invert_affine, transform_points, warp_affine
from pipeline.types import Float32, Row, UInt8
from pipeline.weights.tensors import BROKEN, read_tensors

MESH_OF_68 = (
    *(162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389),
    *(71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87),
)
"""The mesh's points that stand for the 68 of 300-W."""
_ROOM = 1.6
"""Side of the crop over the mean side of the landmarks' box, as in the released code."""


WEIGHTS = ("prnet", "prnet_uv_keypoints")
"""What it opens, by names of ``weights.yaml``."""


class PRNet:
    """The position map regression network."""

    def __init__(self, weights: Path, uv_keypoints: Path, *, device: str = "cpu") -> None:
        """Load a converted checkpoint.

        Args:
            weights: a state dict of ``ResFCN256``, saved by torch.
            uv_keypoints: the released ``uv_kpt_ind.txt``: two lines of 68 numbers, column and row
                of each landmark in PRNet's map.
            device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.

        Raises:
            WeightsError: a file is missing or holds something else.
        """
        self.device = device_of(device)
        try:
            network = load_resfcn256(read_tensors(weights, "a state dict of resfcn256"))
            self._network = network.to(self.device)
        except BROKEN as error:
            raise WeightsError(
                f"{weights} is not a checkpoint of resfcn256: {one_line(error)}"
            ) from error
        try:
            columns_rows = np.array(
                [line.split() for line in uv_keypoints.read_text(encoding="utf-8").splitlines()],
                float,
            )
        except (OSError, ValueError) as error:
            raise WeightsError(f"{uv_keypoints} holds no landmarks: {one_line(error)}") from error
        if columns_rows.shape != (2, 68):
            shape = columns_rows.shape
            raise WeightsError(f"{uv_keypoints}: expected two lines of 68 numbers, got {shape}")
        if not ((columns_rows >= 0) & (columns_rows < SIDE_PX)).all():
            raise WeightsError(f"{uv_keypoints}: expected numbers from 0 to {SIDE_PX - 1}")
        self._x, self._y = _layout(columns_rows.T)

    def position_map(self, image_rgb: UInt8, landmarks68_xy: Float32) -> Float32:
        """Regress the map of a face.

        Args:
            image_rgb: uint8 (h, w, 3).
            landmarks68_xy: (68, 2), pixels of the image; only their box is used.

        Returns:
            float32 (256, 256, 3), pixels of the image, our layout and our z (away from the
            camera; PRNet's points to it).

        Raises:
            ValueError: the landmarks lie in one place.
        """
        low, high = landmarks68_xy.min(axis=0), landmarks68_xy.max(axis=0)
        side = float((high - low).mean()) * _ROOM
        if not np.isfinite(side) or side <= 0:
            raise ValueError("the landmarks lie in one place")
        scale = (SIDE_PX - 1) / side
        corner = (low + high) / 2 - side / 2
        to_crop = np.array([[scale, 0, -scale * corner[0]], [0, scale, -scale * corner[1]]])
        crop = warp_affine(image_rgb, to_crop, (SIDE_PX, SIDE_PX))
        with torch.inference_mode():
            batch = torch.from_numpy(crop.astype(np.float32) / 255).permute(2, 0, 1)[None]
            made = (
                self._network(batch.to(self.device))[0].permute(1, 2, 0).contiguous().cpu().numpy()
            )
        theirs = made * np.float32(POSITION_SCALE)
        ours = np.asarray(cv2.remap(theirs, self._x, self._y, cv2.INTER_LINEAR), np.float32)
        ours[..., 2] *= -1
        ours[~valid_texels()] = np.nan
        return transform_map(ours, invert_affine(to_crop))

    def of_row(self, row: Row) -> Float32:
        """Return the map of a row's face, from its context crop, in pixels of the source image."""
        points = transform_points(row["mesh_xyz"][list(MESH_OF_68), :2], row["context_warp_2x3"])
        made = self.position_map(decode_rgb(row["context"]["bytes"]), points)
        return transform_map(made, invert_affine(row["context_warp_2x3"]))


def _layout(columns_rows: np.ndarray) -> tuple[Float32, Float32]:
    """Return where each of our texels lies in PRNet's map, x and y, (256, 256) each."""
    uv, _ = canonical_texture()
    ours = uv[list(MESH_OF_68)] * MAP_PX - 0.5
    spline = RBFInterpolator(ours, columns_rows, kernel="thin_plate_spline")
    rows, columns = np.indices((MAP_PX, MAP_PX))
    theirs = spline(np.column_stack([columns.ravel(), rows.ravel()]).astype(np.float64))
    theirs = np.clip(theirs, 0, MAP_PX - 1).astype(np.float32).reshape(MAP_PX, MAP_PX, 2)
    return np.ascontiguousarray(theirs[..., 0]), np.ascontiguousarray(theirs[..., 1])


def make(weights: Mapping[str, Path], device: str) -> Reconstruct:
    """Build the back end."""
    network = PRNet(weights["prnet"], weights["prnet_uv_keypoints"], device=device)

    def reconstruct(row: Row) -> tuple[Float32, bytes]:
        position_map = network.of_row(row)
        return mesh_of_position_map(position_map), encode_position_map(position_map)

    return reconstruct
