"""YuNet through ONNX Runtime, its boxes and landmarks voted by all candidates of a face.

The strongest candidate's five landmarks depend on how a face happens to lie on the network's grid:
the same portrait at another scale moves them by 6 % of the inter-ocular distance (median).
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError

from pipeline.detection.faces import Faces, sorted_faces, voted
from pipeline.detection.image import from_corner, reduced, restored
from pipeline.errors import WeightsError
from pipeline.types import Float32, UInt8

_STRIDES = (8, 16, 32)
_OUTPUTS = [f"{what}_{stride}" for stride in _STRIDES for what in ("cls", "obj", "bbox", "kps")]
_ERRORS_ONLY = 3  # ONNX Runtime warns of each output whose shape is not the one in the file


WEIGHTS = ("yunet",)
"""What it opens, by names of ``weights.yaml``."""


class YuNet:
    """YuNet 2023mar, 5 landmarks; computes in one thread, and serves one at a time.

    Input convention of the network: BGR, 0..255, no mean, sides that are multiples of 32. A face
    must be about 10 to 600 pixels high in the reduced image.

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
            max_side_px: longer side to which a larger image is reduced.

        Raises:
            WeightsError: the file is missing or holds another network.
        """
        if not weights.is_file():
            raise WeightsError(f"YuNet's weights are missing: {weights}")
        self._weights, self._network = weights, _load(weights)
        self._score_threshold = score_threshold
        self._nms_threshold = nms_threshold
        self._max_side_px = max_side_px
        self._memory = np.empty(0, np.float32)

    def detect(self, image_rgb: UInt8) -> Faces:
        """Find the faces of an image, uint8 (h, w, 3)."""
        small, pixels_per_pixel = reduced(image_rgb, self._max_side_px)
        found = self._voted(small)
        boxes = restored(found.boxes_xyxy.reshape(-1, 2, 2), pixels_per_pixel).reshape(-1, 4)
        landmarks = restored(found.landmarks_xy, pixels_per_pixel)
        return sorted_faces(boxes, landmarks, found.scores)

    def detect_grey(self, image: UInt8) -> Faces:
        """Find the faces of a grey image, uint8 (h, w): those of ``detect``, a tenth sooner.

        Raises:
            ValueError: the image has colours, or is larger than ``max_side_px``.
        """
        if image.ndim != 2 or max(image.shape) > self._max_side_px:
            raise ValueError(
                f"expected (h, w) of at most {self._max_side_px} pixels a side, got {image.shape}"
            )
        return self._voted(image)

    def _voted(self, image: UInt8) -> Faces:
        found = voted(self.candidates(image), self._nms_threshold)
        corners = from_corner(found.boxes_xyxy.reshape(-1, 2, 2)).reshape(-1, 4)
        return Faces(corners, from_corner(found.landmarks_xy), found.scores)

    @cached_property
    def _grey_network(self) -> onnxruntime.InferenceSession:
        return _load(self._weights, grey=True)

    def candidates(self, image: UInt8) -> Faces:
        """Run the network at the size of an image, uint8 (h, w, 3) or grey (h, w), unsuppressed.

        Returns:
            Boxes and landmarks as the network counts them, from the image's corner.
        """
        grey = image.ndim == 2
        planes = [image] if grey else cv2.split(image)[::-1]
        height, width = image.shape[:2]
        bottom, right = -height % 32, -width % 32
        shown = self._input(len(planes), height + bottom, width + right)
        for channel, plane in enumerate(planes):
            shown[0, channel, :height, :width] = plane
        shown[..., height:, :] = 0
        shown[..., width:] = 0
        network = self._grey_network if grey else self._network
        outputs = network.run(_OUTPUTS, {"input": shown})
        levels = [
            self._decoded(stride, (width + right) // stride, *outputs[4 * index : 4 * index + 4])
            for index, stride in enumerate(_STRIDES)
        ]
        boxes, landmarks, scores = (np.concatenate(each) for each in zip(*levels, strict=True))
        finite = np.isfinite(boxes).all(axis=1) & np.isfinite(landmarks).all(axis=(1, 2))
        return sorted_faces(boxes[finite], landmarks[finite], scores[finite])

    def _input(self, channels: int, height: int, width: int) -> Float32:
        """Return an input of the network, float32 (1, c, h, w), in memory that is used again.

        Megabytes that are allocated for each image are slow to touch for the first time.
        """
        count = channels * height * width
        if count > len(self._memory):
            self._memory = np.empty(count, np.float32)
        return self._memory[:count].reshape(1, channels, height, width)

    def _decoded(
        self, stride: int, columns: int, cls: Float32, obj: Float32, bbox: Float32, kps: Float32
    ) -> tuple[Float32, Float32, Float32]:
        """Return boxes (n, 4), landmarks (n, 5, 2) and scores (n,) of one level's n sure cells."""
        scores = np.sqrt(np.clip(cls[0, :, 0], 0, 1) * np.clip(obj[0, :, 0], 0, 1))
        cells = np.flatnonzero(scores >= self._score_threshold)
        bbox, kps = bbox[0, cells], kps[0, cells]
        cell_xy = np.column_stack([cells % columns, cells // columns]).astype(np.float32)
        centre, half = (cell_xy + bbox[:, :2]) * stride, np.exp(bbox[:, 2:]) * (stride / 2)
        boxes = np.concatenate([centre - half, centre + half], axis=1)
        landmarks = (cell_xy[:, None] + kps.reshape(-1, 5, 2)) * np.float32(stride)
        return boxes, landmarks, scores[cells]


def _load(weights: Path, *, grey: bool = False) -> onnxruntime.InferenceSession:
    """Open the network for images of any size: the file says 640 × 640, its layers don't.

    For grey images, whose channels are alike, the first layer's weights are summed over them.
    """
    try:
        model = onnx.load(weights)
        inputs = [each.name for each in model.graph.input]
        if inputs != ["input"] or {each.name for each in model.graph.output} != set(_OUTPUTS):
            raise WeightsError(f"{weights} is not YuNet of March 2023: it takes {inputs}")
    except (DecodeError, onnx.checker.ValidationError) as error:
        raise WeightsError(f"{weights} is not an ONNX file: {error}") from error
    for axis, name in ((2, "height"), (3, "width")):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
    if grey:
        model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
        (first,) = (w for w in model.graph.initializer if w.name == model.graph.node[0].input[1])
        summed = onnx.numpy_helper.to_array(first).sum(axis=1, keepdims=True)
        first.CopyFrom(onnx.numpy_helper.from_array(summed, first.name))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def make(
    weights: Mapping[str, Path],
    *,
    score_threshold: float,
    nms_threshold: float,
    max_side_px: int,
    device: str,
) -> YuNet:
    """Build the detector, which computes on a CPU; see ``detection.make_detector``."""
    return YuNet(
        weights["yunet"],
        score_threshold=score_threshold,
        nms_threshold=nms_threshold,
        max_side_px=max_side_px,
    )
