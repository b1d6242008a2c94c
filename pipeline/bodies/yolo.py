"""YOLO networks that ultralytics loads, as detectors of people: frames in, boxes out.

The network file is opened, run and decoded by ultralytics' own code; what is left out is its
engine, which handles one image at a time and brings downloads, callbacks and settings.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision  # noqa: F401 (ultralytics takes its NMS where it is imported, a slower one where not)
from torch import Tensor, nn

from models.precision import device_of, precision_of
from pipeline.bodies.detections import KEYPOINTS, Bodies, settled
from pipeline.bodies.ultralytics_offline import ultralytics_module
from pipeline.errors import WeightsError, one_line
from pipeline.ops.images import check_rgb
from pipeline.types import UInt8
from pipeline.weights.tensors import BROKEN

_STEP_PX = 32
"""A side that the network sees is a multiple of it: its deepest layer's step."""


class YoloDetector:
    """A YOLO network: boxes of people, with keypoints where it is a pose network.

    Input convention of the network: RGB, [0, 1], letterboxed with grey 114 to a longer side of
    ``image_px`` and, where the network takes any shape, the shortest other side that its stride
    divides.

    On a CPU, what is found in a frame does not depend, bit for bit, on which frames are given with
    it: each pass of the network holds one frame, since the rounding of a convolution depends on a
    frame's place in a batch. On a GPU each pass holds ``batch_frames`` frames of one shape. More
    arguments because each is a param of the stage.

    Args:
        weights: ``.pt`` or ``.onnx``, already verified: a ``.pt`` is a pickle.
        score_threshold: in [0, 1]; weaker detections are nobody.
        nms_threshold: in [0, 1]; overlap (IoU) above which the weaker of two goes. End-to-end
            networks such as YOLOv10 have no NMS.
        max_detections: most people of a frame.
        image_px: longer side that the network sees, a multiple of 32; smaller frames are enlarged
            to it. An ONNX file of fixed shape keeps its own.
        precision: ``float32``; ``bfloat16``, convolutions only; ``float16`` on a GPU; ``auto``:
            bfloat16 where the device computes it natively. Boxes are made of its maps in float32
            in any case. An ONNX file has its own.
        device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.
        batch_frames: frames in one pass on a GPU.

    Raises:
        WeightsError: the file is no such network, or knows no people.
        ValueError: a name or number that is not offered.
    """

    def __init__(
        self,
        weights: Path,
        *,
        score_threshold: float = 0.25,
        nms_threshold: float = 0.7,
        max_detections: int = 300,
        image_px: int = 640,
        precision: str = "auto",
        device: str = "cpu",
        batch_frames: int = 8,
    ) -> None:
        if not (0.0 <= score_threshold <= 1.0 and 0.0 <= nms_threshold <= 1.0):
            raise ValueError(f"thresholds lie in [0, 1], not at {score_threshold}, {nms_threshold}")
        if image_px < _STEP_PX or image_px % _STEP_PX:
            raise ValueError(f"image_px has to be a multiple of {_STEP_PX}, got {image_px}")
        if max_detections < 1 or batch_frames < 1:
            raise ValueError(
                f"expected max_detections and batch_frames of 1 or more, "
                f"got {max_detections}, {batch_frames}"
            )
        device = device_of(device)
        precision = precision_of(precision, device, "float16")
        if precision == "float16" and device == "cpu":
            raise ValueError("precision float16 needs a GPU")
        self.precision, self.device = precision, device
        self._score, self._nms, self._most = score_threshold, nms_threshold, max_detections
        self._network = _load(weights, device, half=precision == "float16")
        self._person = _person(self._network.names, weights)
        self._fixed_hw = _fixed_hw(self._network)
        self._image_px = image_px
        self._pass_frames = batch_frames if device == "cuda" and self._fixed_hw is None else 1
        if precision == "bfloat16" and isinstance(self._network.model, nn.Module):
            for module in self._network.model.modules():
                if isinstance(module, nn.Conv2d):
                    module.to(torch.bfloat16)
        if precision != "float32" and isinstance(self._network.model, nn.Module):
            for module in self._network.model.modules():
                if hasattr(module, "dfl") and hasattr(module, "_inference"):
                    _decode_in_float32(module, device)

    def detect(self, frames: Sequence[UInt8]) -> list[Bodies]:
        """Find the people of each frame.

        Args:
            frames: uint8 RGB (h, w, 3) each; sizes may differ.

        Returns:
            One per frame, in order.

        Raises:
            ValueError: a frame is another array; see ``check_rgb``.
        """
        by_shape: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for index, frame in enumerate(frames):
            check_rgb(frame)
            by_shape[frame.shape[:2]].append(index)
        found: dict[int, Bodies] = {}
        for indices in by_shape.values():
            for start in range(0, len(indices), self._pass_frames):
                group = indices[start : start + self._pass_frames]
                boxed = np.stack([self._letterbox(frames[index]) for index in group])
                predictions = self._pass(boxed)
                for index, prediction in zip(group, predictions, strict=True):
                    hw = frames[index].shape[:2]
                    found[index] = self._decode(prediction, boxed.shape[1:3], hw)
        return [found[index] for index in range(len(frames))]

    def _letterbox(self, frame: UInt8) -> UInt8:
        letterbox = ultralytics_module("ultralytics.data.augment").LetterBox(
            self._fixed_hw or (self._image_px, self._image_px),
            auto=self._fixed_hw is None,
            stride=int(self._network.stride),
        )
        return np.asarray(letterbox(image=frame), np.uint8)

    @torch.inference_mode()
    def _pass(self, boxed: UInt8) -> list[Tensor]:
        """Run frames (n, h, w, 3) of one shape; returns each one's raw prediction, batch of one."""
        pixels = torch.from_numpy(boxed).to(self.device).permute(0, 3, 1, 2)
        x = pixels.to(torch.float16 if self._network.fp16 else torch.float32) / 255
        low = torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bfloat16")
        with low:
            raw = self._network.forward(x)
        first = raw[0] if isinstance(raw, (list, tuple)) else raw
        predictions = torch.as_tensor(first).float().cpu()
        return [predictions[index : index + 1] for index in range(len(boxed))]

    @torch.inference_mode()  # older versions of ultralytics change the prediction in place
    def _decode(self, prediction: Tensor, boxed_hw: Any, hw: Any) -> Bodies:
        """Keep people, in pixels of the frame."""
        ops = ultralytics_module("ultralytics.utils.ops")
        # One frame at a time: for a batch, ultralytics stops at a time limit and loses frames.
        # All of them: of an end-to-end network older versions take the best of any class first.
        (rows,) = ultralytics_module("ultralytics.utils.nms").non_max_suppression(
            prediction,
            self._score,
            self._nms,
            classes=[self._person],
            max_det=prediction.shape[1] * prediction.shape[2],
            nc=len(self._network.names),
            end2end=self._network.end2end,
        )
        rows = rows[rows[:, 4].argsort(descending=True, stable=True)[: self._most]]
        # ultralytics counts from the image's corner, crossband from the first pixel's centre.
        boxes = ops.scale_boxes(boxed_hw, rows[:, :4].clone(), hw).numpy() - np.float32(0.5)
        points = scores = None
        if rows.shape[1] == 6 + 3 * len(KEYPOINTS):
            three = ops.scale_coords(
                boxed_hw, rows[:, 6:].reshape(-1, len(KEYPOINTS), 3).clone(), hw
            ).numpy()
            points, scores = three[..., :2] - np.float32(0.5), three[..., 2]
        return settled(boxes, rows[:, 4].numpy(), points, scores, hw)


def _decode_in_float32(head: Any, device: str) -> None:
    """Let a head of ultralytics make pixels of its maps in float32.

    It computes in its maps' type, and coordinates of some hundred pixels are bfloat16's only in
    steps of 2 or 4.
    """
    decode = head._inference  # there is no public name for this step alone
    head.dfl.float()

    def in_float32(maps: Mapping[str, Any]) -> Any:
        with torch.autocast(device, enabled=False):
            return decode(
                {
                    name: [each.float() for each in value]
                    if isinstance(value, (list, tuple))
                    else value.float()
                    for name, value in maps.items()
                }
            )

    head._inference = in_float32


def _load(weights: Path, device: str, *, half: bool) -> Any:
    """Open a network by ultralytics' code for its kind of file."""
    if weights.suffix.lower() == ".onnx":
        return _load_onnx(weights, device)
    if weights.suffix.lower() != ".pt":
        raise WeightsError(f"{weights}: expected a network of ultralytics, .pt or .onnx")
    backends = ultralytics_module("ultralytics.nn.backends")
    ultralytics_module("ultralytics.nn.tasks")  # which PyTorchBackend would import outside
    try:
        network = backends.PyTorchBackend(str(weights), torch.device(device), half, verbose=False)
    except BROKEN as error:
        raise WeightsError(
            f"{weights} holds no network that ultralytics loads: {one_line(error)}"
        ) from error
    network.model.eval().to(memory_format=torch.channels_last)
    return network


def _load_onnx(weights: Path, device: str) -> Any:
    """Open an ONNX file with one thread: the workers are the parallelism."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    refused = state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf
    missing = state.NoSuchFile, state.NotImplemented, state.RuntimeException
    backend = ultralytics_module("ultralytics.nn.backends").ONNXBackend
    try:
        return backend(str(weights), torch.device(device), session_options=options)
    except (*BROKEN, *refused, *missing) as error:
        raise WeightsError(
            f"{weights} holds no network that ONNX can run: {one_line(error)}"
        ) from error


def _fixed_hw(network: Any) -> tuple[int, int] | None:
    """Return the one shape that an ONNX file takes, None where it takes any."""
    if not hasattr(network, "session"):
        return None
    height, width = network.session.get_inputs()[0].shape[2:]
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None


def _person(names: Any, weights: Path) -> int:
    named = {str(name): int(index) for index, name in dict(names).items()}
    if "person" not in named:
        raise WeightsError(
            f"{weights} has no class 'person', only {', '.join(list(named)[:5]) or 'no names'}"
        )
    return named["person"]
