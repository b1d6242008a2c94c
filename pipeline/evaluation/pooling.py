"""Templates: several embeddings of a person made one."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.evaluation.comparison import unit_length
from pipeline.types import Float32, Int64


def pool_templates(
    embeddings: ArrayLike, template_ids: ArrayLike, media_ids: ArrayLike
) -> tuple[Float32, NDArray[np.generic]]:
    """Pool embeddings to templates: their mean within each media, then over media.

    So the frames of a video weigh as much as one photograph. Embeddings are pooled as they are;
    scale them to unit length before, where the network's length shall not count.

    Args:
        embeddings: (n, d), finite.
        template_ids: (n,).
        media_ids: (n,); those of one template count, not those of others.

    Returns:
        Templates (t, d), float32, unit length, and their ids (t,), sorted. A template of which
        nothing was enrolled is not among them.

    Raises:
        ValueError: the shapes do not fit, or a template has no direction.

    Reference:
        C. Whitelam et al., IARPA Janus Benchmark-B face dataset, CVPRW 2017; N. Crosswhite et al.,
        Template adaptation for face verification and identification, FG 2017, section 3.
    """
    values = np.asarray(embeddings, np.float64)
    ids, media = np.asarray(template_ids), np.asarray(media_ids)
    if values.ndim != 2 or ids.shape != (len(values),) or media.shape != (len(values),):
        raise ValueError(
            f"expected (n, d), (n,), (n,), got {values.shape}, {ids.shape}, {media.shape}"
        )
    known, template = np.unique(ids, return_inverse=True)
    _, media_code = np.unique(media, return_inverse=True)
    pairs, inverse = np.unique(np.stack([template, media_code]), axis=1, return_inverse=True)
    within = _means(values, inverse.ravel(), pairs.shape[1])
    return unit_length(_means(within, pairs[0], len(known))), known


def _means(values: NDArray[np.float64], group: Int64, count: int) -> NDArray[np.float64]:
    sums = np.zeros((count, values.shape[1]))
    np.add.at(sums, group, values)
    means: NDArray[np.float64] = sums / np.bincount(group, minlength=count)[:, None]
    return means
