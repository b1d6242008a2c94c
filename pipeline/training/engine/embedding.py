"""Embeds images with a network, as many at once as pay."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.precision import device_of, precision_of
from pipeline.store.progress import progress
from pipeline.training.data.prefetch import batches, loader_threads
from pipeline.training.engine.devices import near
from pipeline.types import Float32

IMAGES_AT_ONCE = 32
"""Images that a network sees in one pass where it makes features and doesn't train."""


@torch.no_grad()
def embed_all(
    network: nn.Module,
    inputs: Callable[[NDArray[np.int64]], Tensor | Sequence[Tensor]],
    count: int,
    *,
    embed: Callable[..., Tensor] | None = None,
    device: Literal["cpu", "cuda", "auto"] = "cpu",
    precision: str = "auto",
) -> Float32:
    """Embed samples by their index.

    Args:
        network: which embeds; it is left in evaluation mode.
        inputs: makes the network's input of samples, one tensor or several, by their indices int64
            (k,), in any thread.
        count: number of samples, 1 or more.
        embed: makes the embeddings (k, d) of the network's input; by default the network does.
        device: ``cpu``, ``cuda`` or ``auto``.
        precision: one of ``models.precision.PRECISIONS``.

    Returns:
        float32 (count, d).
    """
    at = device_of(device)
    reduced = precision_of(precision, at) == "bfloat16"
    network.to(at).eval()
    runs = np.array_split(np.arange(count), -(-count // IMAGES_AT_ONCE))
    made = []

    def draw(number: int) -> tuple[Tensor, ...]:
        given = inputs(runs[number])
        return near(torch.device(at), [given] if isinstance(given, Tensor) else given)

    with (
        torch.autocast(at, torch.bfloat16, enabled=reduced),
        batches(draw, range(len(runs)), loader_threads()) as drawn,
        progress("embed", count) as advance,
    ):
        for given in drawn:
            here = (each.to(at, non_blocking=True) for each in given)
            made.append((embed or network)(*here).float().cpu())
            advance(len(made[-1]))
    vectors: Float32 = torch.cat(made).numpy()
    return vectors
