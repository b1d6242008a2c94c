"""Face parsing with the released BiSeNet: context crops in, label maps in the aligned frame out."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from numpy.typing import NDArray
from torch import Tensor

from models.bisenet.network import FACE_CLASSES, STRIDE, fold_batch_norm, load_bisenet
from models.precision import device_of, precision_of
from pipeline.ops.geometry import invert_affine, transform_points
from pipeline.ops.templates import (
    CONTEXT,
    CONTEXT_PX,
    AlignmentTemplate,
    PointUse,
    warp_to_template,
)
from pipeline.types import FaceClass, Float32, UInt8

GRID = CONTEXT_PX // STRIDE
"""Side of the grid of logits."""


_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
_DEEPEST_STRIDE = 32
_SPARE_PX = 6.0
"""Faces' five landmarks fit no template exactly, so their crops lie a little aside."""
_INSIDE = 0.5 + 1e-3
"""A pixel covers half a pixel around its centre; the rest is rounding of float32 matrices."""


Window = tuple[int, int, int, int]
"""A part of the context crop: first column and row, and those after the last; sides of 32 · n."""

WHOLE: Window = (0, 0, CONTEXT_PX, CONTEXT_PX)


def window_of(template: AlignmentTemplate) -> Window:
    """Return the part of the context crop that a template's crops lie in.

    Without the rest the network takes a third less time for ArcFace's crops and labels them as
    well. A turned head's crop may reach a few pixels beyond; it has the window's edge there.
    A crop that levels the eyes lies elsewhere on each turned head, by as much as a tenth of its
    side: it gets all of the context.
    """
    if template.point_use is PointUse.LEVEL_EYES:
        return WHOLE
    to_context = invert_affine(warp_to_template(CONTEXT.landmarks_xy, template))
    height, width = template.hw
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32) - 0.5
    places = transform_points(corners, to_context)
    low, high = places.min(axis=0) - _SPARE_PX, places.max(axis=0) + _SPARE_PX
    spans = [_span(float(low[axis]), float(high[axis])) for axis in (0, 1)]
    return spans[0][0], spans[1][0], spans[0][1], spans[1][1]


def _span(low: float, high: float) -> tuple[int, int]:
    """Widen a range to a multiple of 32 pixels inside the context crop."""
    low, high = max(low, 0.0), min(high, float(CONTEXT_PX))
    side = min(int(np.ceil((high - low) / _DEEPEST_STRIDE)) * _DEEPEST_STRIDE, CONTEXT_PX)
    first = int(np.clip(np.floor((low + high - side) / 2), 0, CONTEXT_PX - side))
    return first, first + side


class FaceParser:
    """BiSeNet-R18 with 19 classes, in the order of ``FaceClass``.

    A crop's logits do not depend on which crops are given with it, bit for bit. On a CPU each pass
    of the network holds one crop, which is also the fastest there (the activations stay in the
    cache); on a GPU each pass holds ``batch_rows`` crops, the last one filled up with black.

    Args:
        weights: the released file, already verified (``79999_iter.pth``).
        precision: ``float32``, ``bfloat16``, or ``auto``: bfloat16 where the device computes it
            natively. A machine always makes the same choice; it stands in ``self.precision``.
        batch_rows: crops in one pass on a GPU.
        eye_bias: added to both eye classes' logits. The released weights lose narrow eyes to skin
            and brow; a positive bias gets them back at the price of wider masks of open ones.
        device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.
        window: the part of the context crop that the network sees; see ``window_of``.

    Raises:
        WeightsError: the file is not this network's.
        ValueError: a name that is not offered, or ``batch_rows`` below 1.
    """

    def __init__(
        self,
        weights: Path,
        *,
        precision: str = "auto",
        batch_rows: int = 8,
        device: str = "cpu",
        eye_bias: float = 0.0,
        window: Window = WHOLE,
    ) -> None:
        if batch_rows < 1:
            raise ValueError(f"batch_rows must be at least 1, got {batch_rows}")
        self.device = device = device_of(device)
        self.precision = precision = precision_of(precision, device)
        self._eye_bias = np.float32(eye_bias)
        self._window = window
        self._pass_rows = batch_rows if device == "cuda" else 1
        self._dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        net = load_bisenet(weights)
        fold_batch_norm(net)  # in float32, so that bfloat16 rounds the weights once
        net = net.to(device=torch.device(device), dtype=self._dtype)
        self._net = net.to(memory_format=torch.channels_last)
        x1, y1, x2, y2 = window
        # As large as an image: a product with three numbers takes twice as long.
        like = torch.zeros(1, 3, y2 - y1, x2 - x1).contiguous(memory_format=torch.channels_last)
        mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (_MEAN, _STD))
        self._factor = (like + 1 / (255 * std)).to(self.device)
        self._shift = (like - mean / std).to(self.device)

    def logits(self, crops: UInt8) -> Float32:
        """Score each class on the network's grid.

        Args:
            crops: uint8 (n, 512, 512, 3), RGB, in the frame of ``CONTEXT``.

        Returns:
            float32 (n, 19, 64, 64), fewer cells where ``window`` is smaller than the crop.

        Raises:
            ValueError: another shape or dtype.
        """
        if crops.dtype != np.uint8 or crops.shape[1:] != (CONTEXT_PX, CONTEXT_PX, 3):
            raise ValueError(f"expected uint8 (n, 512, 512, 3), got {crops.dtype} {crops.shape}")
        x1, y1, x2, y2 = self._window
        grid = (y2 - y1) // STRIDE, (x2 - x1) // STRIDE
        scores = np.empty((len(crops), FACE_CLASSES, *grid), dtype=np.float32)
        for start in range(0, len(crops), self._pass_rows):
            rows = crops[start : start + self._pass_rows, y1:y2, x1:x2]
            scores[start : start + len(rows)] = self._pass(rows)[: len(rows)]
        scores[:, [FaceClass.LEFT_EYE, FaceClass.RIGHT_EYE]] += self._eye_bias
        return scores

    def labels(
        self, logits: Float32, context_to_frame: Float32, frame_hw: tuple[int, int]
    ) -> UInt8:
        """Label each pixel of another frame: ``labels_in_frame`` on the parser's device."""
        return labels_in_frame(
            logits, context_to_frame, frame_hw, device=self.device, window=self._window
        )

    def _pass(self, rows: UInt8) -> Float32:
        filled = np.zeros((self._pass_rows, *rows.shape[1:]), dtype=np.uint8)
        filled[: len(rows)] = rows
        pixels = torch.from_numpy(filled).to(self.device).permute(0, 3, 1, 2)
        with torch.inference_mode():
            x = torch.addcmul(self._shift, pixels.float(), self._factor).to(self._dtype)
            scores: Float32 = self._net(x).float().cpu().numpy()
        return scores


def labels_in_frame(
    logits: Float32,
    context_to_frame: Float32,
    frame_hw: tuple[int, int],
    *,
    device: str = "cpu",
    window: Window = WHOLE,
) -> UInt8:
    """Resample class scores into a frame and take the best class there: one resampling.

    The released network upsamples its grid of 64 to 512 pixels with ``align_corners=True``, so cell
    ``c`` sits on context pixel ``c · 511 / 63`` (in a window likewise: corner cells sit on its
    corner pixels); scores between cells are bilinear.

    Args:
        logits: float32 (n, classes, 64, 64), fewer cells for a smaller window.
        context_to_frame: float32 (n, 2, 3), context pixels to frame pixels.
        frame_hw: height and width of the frame.
        device: where to compute.
        window: what the network saw of the context crop.

    Returns:
        uint8 (n, h, w) of ``FaceClass``; BACKGROUND where the context crop does not reach. As the
        net gives them: left and right are not settled yet (``sides.settle_left_right``).

    Raises:
        ValueError: shapes that do not fit, or a map without an inverse.
    """
    height, width = frame_hw
    if logits.ndim != 4 or context_to_frame.shape != (len(logits), 2, 3):
        raise ValueError(
            f"logits {logits.shape} and context_to_frame {context_to_frame.shape} differ"
        )
    labels = np.empty((len(logits), height, width), dtype=np.uint8)
    corner, sides = np.array(window[:2]), np.array(window[2:]) - window[:2]
    for row, (scores, matrix) in enumerate(zip(logits, context_to_frame, strict=True)):
        context_xy = _context_points(matrix, frame_hw)
        outside = (np.abs(context_xy - (CONTEXT_PX - 1) / 2) > CONTEXT_PX / 2 - 0.5 + _INSIDE).any(
            -1
        )
        cells = torch.from_numpy((context_xy - corner) * (2 / (sides - 1)) - 1)
        cells = cells.float()[None].to(device)
        # Channels last: one sample reads its 19 scores from one place, twice as fast.
        grid = torch.from_numpy(scores)[None].to(device, memory_format=torch.channels_last)
        sampled: Tensor = F.grid_sample(
            grid, cells, mode="bilinear", padding_mode="border", align_corners=True
        )
        labels[row] = sampled.max(dim=1).indices[0].cpu().numpy()  # argmax is 3 times slower here
        labels[row][outside] = FaceClass.BACKGROUND
    return labels


def _context_points(context_to_frame: Float32, frame_hw: tuple[int, int]) -> NDArray[np.float64]:
    """Return where each pixel of the frame lies in the context crop, float64 (h, w, 2)."""
    matrix = context_to_frame.astype(np.float64)
    linear, shift = matrix[:, :2], matrix[:, 2]
    determinant = np.linalg.det(linear)
    if not np.isfinite(determinant) or determinant == 0.0:
        raise ValueError("context_to_frame has no inverse")
    y, x = np.mgrid[: frame_hw[0], : frame_hw[1]]
    return (np.stack([x, y], axis=-1) - shift) @ np.linalg.inv(linear).T
