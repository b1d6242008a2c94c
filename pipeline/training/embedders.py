"""Embeds a set of samples: by a method, by a backbone, or by a network as it is."""

from collections.abc import Callable
from functools import partial

import numpy as np
from torch import Tensor

from pipeline.params.training import RecogniserParams
from pipeline.store.progress import progress
from pipeline.training.backbones import backbone_named, make_backbone
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.engine.embedding import IMAGES_AT_ONCE, embed_all
from pipeline.training.engine.trained import Trained, load_weights
from pipeline.training.methods.people import PeopleMethod
from pipeline.training.methods.recogniser import Recogniser, whole_images
from pipeline.types import Float32, Int64

Embed = Callable[[SampleSet, Int64, bool], Float32]
"""Embeds samples by their indices; the last says whether their mirror images instead."""


def embed_samples(
    method: Recogniser | PeopleMethod,
    samples: SampleSet,
    *,
    embed: Callable[..., Tensor] | None = None,
    flip: bool = False,
) -> Float32:
    """Embed samples by a method's network, (n, …).

    Args:
        method: with its weights.
        samples: as the method opens them.
        embed: makes embeddings of the network's input; by default the method's ``embed``.
        flip: whether embeddings are means of an image's and of its mirror image's.
    """
    make = embed or method.embed

    def both_ways(*given: Tensor) -> Tensor:
        turned = method.mirrored(*given)
        theirs = make(turned) if isinstance(turned, Tensor) else make(*turned)
        return (make(*given) + theirs) / 2

    return embed_all(
        method.network,
        partial(method.network_inputs, samples),
        len(samples),
        embed=both_ways if flip else make,
        device=method.params.device,
        precision=method.params.precision,
    )


def embed_by_backbone(
    params: RecogniserParams, pretrained: Trained, samples: SampleSet, *, flip: bool = False
) -> Float32:
    """Embed samples by the pretrained backbone alone, (n, d).

    Args:
        params: of a method that starts from it.
        pretrained: the backbone.
        samples: aligned faces.
        flip: whether embeddings are means of an image's and of its mirror image's.
    """
    backbone = make_backbone(pretrained.backbone, pretrained.crop_hw, params.seed)
    load_weights(backbone, pretrained)

    def both_ways(images: Tensor) -> Tensor:
        vectors: Tensor = (backbone(images) + backbone(images.flip(-1))) / 2
        return vectors

    return embed_all(
        backbone,
        partial(whole_images, backbone_named(pretrained.backbone).preprocess, samples),
        len(samples),
        embed=both_ways if flip else None,
        device=params.device,
        precision=params.precision,
    )


def embed_as_is(embed: Embed, samples: SampleSet, *, flip: bool = False) -> Float32:
    """Embed samples by a network as it is, (n, d): SFace, or a user's own.

    Args:
        embed: the network.
        samples: with the columns that it reads.
        flip: whether embeddings are means of an image's and of its mirror image's.
    """
    made = []
    with progress("embed", len(samples)) as advance:
        for run in np.array_split(np.arange(len(samples)), -(-len(samples) // IMAGES_AT_ONCE)):
            vectors = embed(samples, run, False)
            made.append((vectors + embed(samples, run, True)) / 2 if flip else vectors)
            advance(len(run))
    return np.concatenate(made)
