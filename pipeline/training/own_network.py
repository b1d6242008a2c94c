"""A network of the user's own, tested as it is: an ONNX file from images to embeddings."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidGraph, InvalidProtobuf

from pipeline.errors import WeightsError
from pipeline.params.evaluate_nir_vis import NetworkParams
from pipeline.training.data.images import Int64
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.data.sample_set import SampleSet
from pipeline.types import Float32

IMAGES_AT_ONCE = 32

Embed = Callable[[SampleSet, Int64, bool], Float32]
"""Embeds samples by their indices; the last says whether their mirror images instead."""


def by_file(path: Path, params: NetworkParams) -> Embed:
    """Embed with a user's ONNX file, which takes the middle of the aligned crop.

    Args:
        path: of the file, whose sha256 was checked.
        params: how its values are scaled.

    Raises:
        WeightsError: the file is no network from images to embeddings.
    """
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except (Fail, InvalidGraph, InvalidProtobuf) as error:
        raise WeightsError(f"{path}: expected an ONNX network, found {error}") from error
    taken, returned = session.get_inputs(), session.get_outputs()
    shape = taken[0].shape if len(taken) == 1 else []
    sides = shape[2:]
    if len(shape) != 4 or shape[1] not in (1, 3) or not all(type(n) is int for n in sides):
        raise WeightsError(
            f"{path} takes {[(each.name, each.shape) for each in taken]}: expected one input of "
            "images (n, 1 or 3, h, w) whose height and width are fixed"
        )
    preprocess = Preprocess(shape[1] == 1, (sides[0], sides[1]), params.offset, params.divisor)

    def embed(samples: SampleSet, indices: Int64, mirror: bool) -> Float32:
        images = preprocess.values(preprocess.cut(_pixels(samples, indices)))
        values = torch.flip(images, [-1]) if mirror else images
        feed = np.ascontiguousarray(values.numpy())
        vectors = np.asarray(session.run([returned[0].name], {taken[0].name: feed})[0], np.float32)
        if vectors.ndim != 2 or len(vectors) != len(indices):
            raise WeightsError(
                f"{path}: expected embeddings ({len(indices)}, d), found {vectors.shape}; export "
                "the network without its classifier, for any number of images"
            )
        return vectors

    return embed


def _pixels(samples: SampleSet, indices: Int64) -> torch.Tensor:
    return torch.from_numpy(samples.read(indices)).permute(0, 3, 1, 2)
