"""Networks that are tested as they are, by aligned faces of any stage: SFace, and a user's own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidGraph, InvalidProtobuf

from pipeline.errors import WeightsError
from pipeline.evaluation.recognition import Embeddings
from pipeline.ops.geometry import compose_affine, invert_affine, warp_affine
from pipeline.ops.templates import ALIGNMENT_TEMPLATES, warp_to_template
from pipeline.params.evaluate_nir_vis import NetworkParams
from pipeline.recognition.sface import SFace
from pipeline.store.protocols import Protocol
from pipeline.store.shards import ShardFolder
from pipeline.training.data.images import Int64
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.data.sample_set import Part, SampleSet, of_samples
from pipeline.training.embed import TestedSets, named, opened
from pipeline.training.methods.recogniser import pixels
from pipeline.types import Band, Float32, UInt8

IMAGES_AT_ONCE = 32
TEMPLATE = ALIGNMENT_TEMPLATES["arcface112"]
_GEOMETRY = ("landmarks_xy", "warp_2x3")

Embed = Callable[[SampleSet, Int64, bool], Float32]
"""Embeds samples by their indices; the last says whether their mirror images instead."""


def open_faces(
    gallery: ShardFolder, probes: ShardFolder, protocol: Protocol, budget_mb: int
) -> TestedSets:
    """Open what a protocol tests, with the geometry that ``by_sface`` needs.

    Raises:
        StageError: a stage has none of it, or holds no aligned faces.
    """

    def opens(folder: ShardFolder, ids: frozenset[str]) -> SampleSet:
        return SampleSet.open(
            [Part(folder, of_samples(ids, *Band))],
            extras=_GEOMETRY,
            budget_bytes=budget_mb << 20,
            asked_by="a zero-shot test",
            unknown_subjects=True,
        )

    return opened(gallery, probes, protocol, opens)


def embed_zero_shot(
    embed: Embed, sets: TestedSets, *, flip: bool = False
) -> tuple[Embeddings, Embeddings]:
    """Return gallery's and probes' embeddings by a network as it is.

    Args:
        embed: ``by_sface`` or ``by_file``.
        sets: what ``open_faces`` found.
        flip: whether embeddings of an image and of its mirror image are added.
    """
    found = []
    for each in sets:
        made = []
        everyone = np.arange(len(each.samples))
        for run in np.array_split(everyone, -(-len(everyone) // IMAGES_AT_ONCE)):
            vectors = embed(each.samples, run, False)
            made.append(vectors + embed(each.samples, run, True) if flip else vectors)
        found.append(named(each, np.concatenate(made)))
    return found[0], found[1]


def by_sface(weights: Path) -> Embed:
    """Embed with SFace, whatever template the faces are aligned by.

    Its crop is cut out of the aligned one; what lies beyond that repeats its border.
    """
    network = SFace(weights)

    def embed(samples: SampleSet, indices: Int64, mirror: bool) -> Float32:
        crops = arcface_crops(samples, indices)
        return network.embed(crops[:, :, ::-1] if mirror else crops)

    return embed


def arcface_crops(samples: SampleSet, indices: Int64) -> UInt8:
    """Return faces aligned by ``arcface112``, uint8 (n, 112, 112, 3)."""
    landmarks, warps = (np.asarray(samples.column(name))[indices] for name in _GEOMETRY)
    crops = []
    for image, points, source_to_crop in zip(samples.read(indices), landmarks, warps, strict=True):
        source_to_target = warp_to_template(points, TEMPLATE)
        crop_to_target = compose_affine(invert_affine(source_to_crop), source_to_target)
        crops.append(warp_affine(image, crop_to_target, TEMPLATE.hw, border="replicate"))
    return np.stack(crops)


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
        images = preprocess.values(preprocess.cut(pixels(samples, indices)))
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
