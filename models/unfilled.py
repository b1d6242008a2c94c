"""Networks that are built for weights of a file."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

_Network = TypeVar("_Network", bound=nn.Module)


def unfilled(build: Callable[[], _Network]) -> _Network:
    """Build a network on the CPU without filling it: no random numbers are drawn for its weights.

    Whatever lay in memory is in its parameters and buffers until a strict ``load_state_dict``, so
    all of its buffers have to be in the state.
    """
    with torch.device("meta"):
        network = build()
    # Not `to_empty`: it asks a meta tensor for one like it, for which torch imports sympy first.
    for module in network.modules():
        for name, each in module.named_parameters(recurse=False):
            setattr(module, name, nn.Parameter(_empty(each), each.requires_grad))
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, _empty(buffer))
    return network


def _empty(like: Tensor) -> Tensor:
    return torch.empty(like.shape, dtype=like.dtype)
