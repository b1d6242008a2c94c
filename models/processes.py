"""Batches that several processes share: what one loss needs of all of them.

Each process has every so-manieth sample of a batch (``Method.shard``) and its gradients are
averaged with the others'. A loss that is a mean over samples needs no more. One that compares
samples, or counts their spread, takes the features of all by ``with_all`` and is then the same
number in every process, as in a training by one.
"""

import torch
from torch import Tensor


def process_count() -> int:
    """Return how many processes share each batch."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return 1
    return int(torch.distributed.get_world_size())


@torch.no_grad()
def from_all(values: Tensor) -> Tensor:
    """Return the values (n, …) of all processes, dealt out in turn; those of one as they are."""
    if process_count() == 1:
        return values
    found = [torch.empty_like(values) for _ in range(process_count())]
    torch.distributed.all_gather(found, values.contiguous())
    return torch.stack(found, dim=1).flatten(0, 1)


def with_all(values: Tensor) -> Tensor:
    """Return the values (n, …) of all processes, dealt out in turn, with their gradients.

    The gradient that comes back is the sum over all processes' losses; the average that follows
    makes it the gradient of one loss.
    """
    return values if process_count() == 1 else _WithAll.apply(values)


def own(values: Tensor) -> Tensor:
    """Return this process's part of the values of all."""
    count = process_count()
    return values if count == 1 else values[torch.distributed.get_rank() :: count]


class _WithAll(torch.autograd.Function):
    """Gathers forward, and sums what comes back."""

    @staticmethod
    def forward(context: object, values: Tensor) -> Tensor:
        """Gather."""
        return from_all(values)

    @staticmethod
    def backward(context: object, gradient: Tensor) -> Tensor:
        """Sum over all processes, and take the own part."""
        total = gradient.contiguous().clone()
        torch.distributed.all_reduce(total)
        return own(total)
