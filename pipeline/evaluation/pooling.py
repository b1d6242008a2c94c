"""Templates: several embeddings of a person made one."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.evaluation.comparison import unit_length
from pipeline.types import Float32, Int64


def _media_mean(
    embeddings: NDArray[np.float64], template: Int64, media: Int64, count: int
) -> NDArray[np.float64]:
    pairs, inverse = np.unique(np.stack([template, media]), axis=1, return_inverse=True)
    within = _means(embeddings, inverse.ravel(), pairs.shape[1])
    return _means(within, pairs[0], count)


def _mean(
    embeddings: NDArray[np.float64], template: Int64, media: Int64, count: int
) -> NDArray[np.float64]:
    return _means(embeddings, template, count)


def _max(
    embeddings: NDArray[np.float64], template: Int64, media: Int64, count: int
) -> NDArray[np.float64]:
    pooled = np.full((count, embeddings.shape[1]), -np.inf)
    np.maximum.at(pooled, template, embeddings)
    return pooled


POOLINGS: dict[str, Callable[[NDArray[np.float64], Int64, Int64, int], NDArray[np.float64]]] = {
    "media_mean": _media_mean,
    "mean": _mean,
    "max": _max,
}
"""Poolings by name. ``media_mean``: within each media, then over media (the frames of a video weigh
as much as one photograph). ``max``: the largest value of each dimension."""


def pool_templates(
    embeddings: ArrayLike,
    template_ids: ArrayLike,
    media_ids: ArrayLike,
    pooling: str = "media_mean",
) -> tuple[Float32, NDArray[np.generic]]:
    """Pool embeddings to templates.

    Embeddings are pooled as they are; scale them to unit length before, where the network's length
    shall not count.

    Args:
        embeddings: (n, d), finite.
        template_ids: (n,).
        media_ids: (n,); only ``media_mean`` looks at them, and only within a template.
        pooling: a name of ``POOLINGS``.

    Returns:
        Templates (t, d), float32, unit length, and their ids (t,), sorted. A template of which
        nothing was enrolled is not among them.

    Raises:
        ValueError: no such pooling, the shapes do not fit, or a template has no direction.

    Reference:
        C. Whitelam et al., IARPA Janus Benchmark-B face dataset, CVPRW 2017; N. Crosswhite et al.,
        Template adaptation for face verification and identification, FG 2017, section 3.
    """
    if pooling not in POOLINGS:
        raise ValueError(f"pooling {pooling!r} is none of {list(POOLINGS)}")
    values = np.asarray(embeddings, np.float64)
    ids, media = np.asarray(template_ids), np.asarray(media_ids)
    if values.ndim != 2 or ids.shape != (len(values),) or media.shape != (len(values),):
        raise ValueError(
            f"expected (n, d), (n,), (n,), got {values.shape}, {ids.shape}, {media.shape}"
        )
    known, template = np.unique(ids, return_inverse=True)
    _, media_code = np.unique(media, return_inverse=True)
    return unit_length(POOLINGS[pooling](values, template, media_code, len(known))), known


def _means(values: NDArray[np.float64], group: Int64, count: int) -> NDArray[np.float64]:
    sums = np.zeros((count, values.shape[1]))
    np.add.at(sums, group, values)
    means: NDArray[np.float64] = sums / np.bincount(group, minlength=count)[:, None]
    return means
