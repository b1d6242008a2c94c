"""Networks that are built for weights of a file."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

_Network = TypeVar("_Network", bound=nn.Module)


def unfilled(build: Callable[[], _Network]) -> _Network:
    """Build a network on the CPU without filling it: no random numbers are drawn for its weights.

    Whatever lay in memory is in its parameters and buffers until a strict ``load_state_dict``, so
    all of its buffers have to be in the state.
    """
    with torch.device("meta"):
        network = build()
    return network.to_empty(device="cpu")
