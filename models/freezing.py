"""Which parameters of a network train."""

from collections.abc import Iterator

from torch import nn


def freeze(module: nn.Module) -> None:
    """Take a module's parameters out of training."""
    for parameter in module.parameters():
        parameter.requires_grad_(False)


def trainable(module: nn.Module) -> Iterator[nn.Parameter]:
    """Yield the parameters that train."""
    return (parameter for parameter in module.parameters() if parameter.requires_grad)
