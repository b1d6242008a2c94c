"""A network of the user's own, tested as it is: an ONNX file from images to embeddings."""

import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from onnxruntime.capi import onnxruntime_pybind11_state as state

from models.precision import device_of
from pipeline.errors import ParamsError, StageError, WeightsError, one_line
from pipeline.ops.templates import ALIGNMENT_TEMPLATES
from pipeline.params.base import Device
from pipeline.params.evaluation import NetworkParams
from pipeline.training.data.images import HW
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.embedders import Embed
from pipeline.training.realign import realigned
from pipeline.types import FACE_PARTS, Float32, Int64, UInt8

_REFUSED = (
    state.Fail,
    state.InvalidArgument,
    state.InvalidGraph,
    state.InvalidProtobuf,
    state.NotImplemented,
    state.RuntimeException,
)
"""What ONNX Runtime raises of a file that it can't load, or not run on what it is given."""
_UINT8 = "tensor(uint8)"
_NUMBERS = {"tensor(float)": np.float32, _UINT8: np.uint8}
TEMPLATE = "crossband.template"
"""Name under which a file that ``crossband export-model`` wrote says how its crops are aligned."""
TRAINED_ON = "crossband.trained_on"
"""Name under which it says on which data sets it was trained."""
PARTS = "parts"
"""Name of the input of such a file that takes the crops of the parts beside the face."""
_MIRRORED = [1, 0, 2, 3]
"""A left eye is a right one in the mirror."""
_ON_CPU, _ON_GPU = "CPUExecutionProvider", "CUDAExecutionProvider"

log = logging.getLogger(__name__)


def if_named(
    params: NetworkParams | None, file: Callable[[Path, str], Path], device: Device
) -> Embed | None:
    """Embed with the network that params name; None where they name none.

    Args:
        params: of the network.
        file: checks that a path has a sha256: ``StageRun.file``.
        device: as of ``by_file``.

    Raises:
        WeightsError: as ``by_file`` does; or ``file`` refuses the file.
        ParamsError: as ``by_file`` does.
    """
    if params is None:
        return None
    return by_file(file(Path(params.path), params.sha256), params, device)


def by_file(path: Path, params: NetworkParams, device: Device) -> Embed:
    """Embed with a user's ONNX file, which takes the middle of the aligned crop.

    With a template of its own that crop is cut out of the aligned one, as SFace's is. A file of
    ``crossband export-model`` may take the crops of the face's parts, too.

    Args:
        path: of the file, whose sha256 was checked.
        params: how its values are scaled, unless it takes uint8 and scales them itself; how its
            crops are aligned, where not as those that it is given.
        device: of the method that it stands beside. On a GPU it runs where ONNX Runtime can.

    Raises:
        WeightsError: the file is no network from images to embeddings.
        ParamsError: ``cuda`` where torch sees no GPU; or values are to be scaled for a file that
            takes uint8, or are not for another; or a file says that it has another template.
    """
    session = _session(path, on_gpu=device_of(device) == "cuda")
    taken, returned = session.get_inputs(), session.get_outputs()
    parts = taken.pop().shape[2:] if len(taken) == 2 and taken[1].name == PARTS else None
    shape = taken[0].shape if len(taken) == 1 else []
    sides = shape[2:]
    fixed = [type(n) is int for n in shape]
    images = len(shape) == 4 and shape[1] in (1, 3) and not fixed[0] and all(fixed[2:])
    if not images or taken[0].type not in _NUMBERS:
        raise WeightsError(
            f"{path} takes {[(each.name, each.type, each.shape) for each in taken]}: expected one "
            "input of images (n, 1 or 3, h, w), float32 or uint8, with a fixed height and width "
            "and any number n; export it again like this"
        )
    offset, divisor = _scaling(path, params, taken[0].type)
    preprocess = Preprocess(shape[1] == 1, (sides[0], sides[1]), offset, divisor)
    numbers = _NUMBERS[taken[0].type]
    told = session.get_modelmeta().custom_metadata_map
    crops = _crops(path, params, told.get(TEMPLATE))
    _tell_people(path, told.get(TRAINED_ON, "{}"))

    def embed(samples: SampleSet, indices: Int64, mirror: bool) -> Float32:
        pixels = torch.from_numpy(crops(samples, indices)).permute(0, 3, 1, 2)
        images = preprocess.values(preprocess.cut(pixels))
        values = torch.flip(images, [-1]) if mirror else images
        feed = {taken[0].name: np.ascontiguousarray(values.numpy(), numbers)}
        if parts is not None:
            feed[PARTS] = _parts(path, (parts[0], parts[1]), samples, indices, mirror)
        try:
            made = session.run([returned[0].name], feed)[0]
        except _REFUSED as error:
            raise WeightsError(
                f"{path}: ONNX Runtime can't run it on {len(indices)} images: {one_line(error)}; "
                "export the network for any number of images"
            ) from error
        vectors = np.asarray(made, np.float32)
        if vectors.ndim != 2 or len(vectors) != len(indices):
            raise WeightsError(
                f"{path}: expected embeddings ({len(indices)}, d), found {vectors.shape}; export "
                "the network without its classifier, for any number of images"
            )
        return vectors

    return embed


def _scaling(path: Path, params: NetworkParams, kind: str) -> tuple[float, float]:
    """Return offset and divisor of what a file takes; a file that takes uint8 scales itself."""
    if kind == _UINT8:
        if params.offset is not None:
            raise ParamsError(
                f"{path} takes values of 0..255, uint8, and scales them itself: expected no offset "
                "and no divisor in `network`; leave them out"
            )
        return 0.0, 1.0
    if params.offset is None or params.divisor is None:
        raise ParamsError(
            f"{path} takes float32: expected offset and divisor in `network`, by which values of "
            "0..255 become what it was trained on"
        )
    return params.offset, params.divisor


def _crops(
    path: Path, params: NetworkParams, template: str | None
) -> Callable[[SampleSet, Int64], UInt8]:
    """Return what reads a file's crops, uint8 (n, h, w, 3): cut anew, or those that there are.

    Args:
        path: of the file.
        params: of the network, which may name a template.
        template: of the file itself; None where it says nothing.
    """
    if params.template is None:

        def read(samples: SampleSet, indices: Int64) -> UInt8:
            if template is not None:
                _check_template(path, template, samples.take(indices))
            return samples.read(indices)

        return read
    if template not in (None, params.template):
        raise ParamsError(
            f"{path} was trained on crops of {template}: expected this, or no template in "
            f"`network`, found {params.template}"
        )
    return partial(realigned, template=ALIGNMENT_TEMPLATES[params.template])


def _tell_people(path: Path, told: str) -> None:
    """Say in the log who trained a file, as it says itself; nothing where it says it otherwise."""
    try:
        counts = {str(name): int(of["subjects"]) for name, of in json.loads(told).items()}
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return
    if counts:
        people = " and ".join(f"{count} people of {name!r}" for name, count in counts.items())
        log.info("%s was trained on %s: see that none of them is tested", path, people)


def _check_template(path: Path, template: str, samples: SampleSet) -> None:
    """Refuse crops that are aligned, or bodies that are cut, otherwise than a file says."""
    column = "template" if "template" in samples.extras else "policy"
    if (found := {str(each) for each in samples.column(column)}) != {template}:
        raise StageError(
            f"{path} was trained on crops of {template}, these are of {' and '.join(found)}: "
            "expected the same; prepare them like this, or export another network"
        )


def _session(path: Path, *, on_gpu: bool) -> onnxruntime.InferenceSession:
    """Open a file, on a GPU if it can be; one line says where it can't."""
    providers = [_ON_CPU]
    if on_gpu and _ON_GPU in onnxruntime.get_available_providers():
        providers.insert(0, _ON_GPU)
    try:
        session = onnxruntime.InferenceSession(path, providers=providers)
    except _REFUSED as error:
        raise WeightsError(f"{path}: expected an ONNX network, found {one_line(error)}") from error
    # What is asked for is not always had: without CUDA's libraries ONNX Runtime takes the CPU.
    if on_gpu and _ON_GPU not in session.get_providers():
        log.warning(
            "%s runs on the CPU: ONNX Runtime has no CUDA here; install onnxruntime-gpu in place "
            "of onnxruntime",
            path,
        )
    return session


def _parts(path: Path, hw: HW, samples: SampleSet, indices: Int64, mirror: bool) -> UInt8:
    """Return crops of parts in the order of ``FACE_PARTS``, black where a face has none.

    Returns:
        uint8 (n, 4, h, w), grey.

    Raises:
        StageError: the samples' stage has none, or some of another size.
    """
    if lacking := [part for part in FACE_PARTS if part not in samples.images]:
        raise StageError(
            f"{path} takes crops of {', '.join(FACE_PARTS)} beside a face, but these samples have "
            f"no {lacking[0]}: expected rows of the stage `parts` or `masks`; set `rows`"
        )
    crops = np.zeros((len(indices), len(FACE_PARTS), *hw), np.uint8)
    for place, part in enumerate(FACE_PARTS):
        if not samples.present(part).any():
            continue
        if (found := samples.image_hw(part)) != hw:
            raise StageError(
                f"{path} takes crops of parts of {hw[0]}×{hw[1]} pixels, found "
                f"{found[0]}×{found[1]}: set parts.crop_px to {hw[0]} and run `parts` again"
            )
        crops[:, place] = samples.read(indices, part, grey=True)
    return np.ascontiguousarray(crops[:, _MIRRORED, :, ::-1]) if mirror else crops
