"""Where prototypes start: at the mean of the features that the network makes of each subject.

Random ones pull features in random directions until they lie right, which undoes what the network
had learned before; a short training ends before that is made good.

Reference:
    H. Qi et al., Low-Shot Learning with Imprinted Weights, CVPR 2018, section 3.2.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pipeline.rng import rng_for
from pipeline.store.progress import progress
from pipeline.training.data.prefetch import batches, loader_threads
from pipeline.training.engine.devices import near
from pipeline.training.engine.embedding import IMAGES_AT_ONCE
from pipeline.types import Int64

FACES_OF_EACH = 4
"""Faces of a subject, at most, whose mean its prototype starts at."""


def some_of_each(labels: Int64, indices: Int64, seed: int) -> Int64:
    """Draw ``FACES_OF_EACH`` samples of each subject, all where there are no more.

    Args:
        labels: int64 (n,), of all samples.
        indices: int64 (k,), the samples to draw from.
        seed: of the draw.

    Returns:
        int64, in random order: a batch is of many subjects.
    """
    shuffled = rng_for(seed, "first prototypes").permutation(indices)
    order = np.argsort(labels[shuffled], kind="stable")
    _, first, subject = np.unique(labels[shuffled][order], return_index=True, return_inverse=True)
    places = np.empty_like(order)
    places[order] = np.arange(len(order)) - first[subject]
    return shuffled[places < FACES_OF_EACH]


@torch.no_grad()
def mean_directions(
    method: nn.Module,
    features: Callable[[Tensor], Tensor],
    inputs: Callable[[Int64], Tensor],
    labels: Int64,
    device: torch.device,
    dtype: torch.dtype,
) -> Tensor:
    """Return the sum of each subject's unit-length features, float32 (subjects, d), on the device.

    Features are those of training, normalised over batches where layers do so; what such layers
    remember is put back.

    Args:
        method: whose layers make the features.
        features: makes features (n, d) of images on the device.
        inputs: makes images of samples by their place in ``labels``, in any thread.
        labels: int64 (k,), the subject of each sample, 0 … s − 1, each at least once.
        device: where the features are made.
        dtype: of the activations there.
    """
    remembered = {name: buffer.clone() for name, buffer in method.named_buffers()}
    runs = np.array_split(np.arange(len(labels)), -(-len(labels) // IMAGES_AT_ONCE))
    sums = torch.zeros(0, 0)
    method.train()
    torch.manual_seed(0)  # of what layers drop
    with (
        torch.autocast(device.type, dtype, enabled=dtype != torch.float32),
        batches(
            lambda at: near(device, [inputs(runs[at])]), range(len(runs)), loader_threads()
        ) as drawn,
        progress("first prototypes", len(labels)) as advance,
    ):
        for run, (images,) in zip(runs, drawn, strict=True):
            found = F.normalize(features(images.to(device, non_blocking=True))).cpu()
            if not len(sums):
                sums = found.new_zeros(int(labels.max()) + 1, found.shape[1])
            sums.index_add_(0, torch.from_numpy(labels[run]), found)  # a GPU adds in any order
            advance(len(run))
    for name, buffer in method.named_buffers():
        buffer.copy_(remembered[name])
    return sums.to(device)
