"""What taking up anybody's checkpoint needs: bare names, and a strict look at what fits."""

import argparse
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from pipeline.errors import WeightsError, one_line
from pipeline.weights.tensors import BROKEN, read_tensors

_KIND = "a checkpoint of plain tensors"


@dataclass(frozen=True)
class PersonReport:
    """What became of the weights of a checkpoint for people; all names are sorted.

    Attributes:
        loaded: taken as they were.
        resized: positions that were laid on another grid.
        copied: that start as copies: local tokens and positions of the class token's, both of
            DEEN's stems of the one of a ResNet.
        unused: of the file, that the network has no place for.
        missing: of the network, that the file lacks and that start anew.
    """

    loaded: tuple[str, ...]
    resized: tuple[str, ...]
    copied: tuple[str, ...]
    unused: tuple[str, ...]
    missing: tuple[str, ...]

    def __str__(self) -> str:
        parts = [f"{len(self.loaded)} weights loaded"]
        others = ("resized", "copied", "unused", "missing")
        told = ((name, getattr(self, name)) for name in others)
        return "; ".join(
            [*parts, *(f"{name}: {', '.join(names)}" for name, names in told if names)]
        )


def read_checkpoint(path: Path) -> object:
    """Read a file of ``torch.save``, without running code from it, or of safetensors.

    Raises:
        WeightsError: the file is missing, damaged, or holds more than tensors and plain values.
    """
    if not path.is_file():
        raise WeightsError(f"checkpoint {path} is missing: expected a file that torch.save wrote")
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except (SafetensorError, *BROKEN) as error:
            raise WeightsError(f"{path}: cannot read {_KIND}: {one_line(error)}") from error
    # DINO keeps the options of its command line beside the weights
    with torch.serialization.safe_globals([argparse.Namespace]):
        return read_tensors(path, _KIND)


def bare_tensors(
    found: object, path: Path, *, wrappers: Sequence[str], prefixes: Sequence[str]
) -> dict[str, Tensor]:
    """Return names and tensors without what training scripts put around them.

    Args:
        found: what ``read_checkpoint`` returned.
        path: of it, for the message.
        wrappers: keys under which scripts keep the weights, each taken off once, in this order.
        prefixes: of names, taken off where all names have them, in this order.

    Raises:
        WeightsError: there are no names with tensors.
    """
    for wrapper in wrappers:
        if isinstance(found, dict) and isinstance(found.get(wrapper), dict):
            found = found[wrapper]
    if not isinstance(found, dict) or not all(isinstance(v, Tensor) for v in found.values()):
        raise WeightsError(f"{path}: expected names and tensors, found {type(found).__name__}")
    weights = {str(name): value for name, value in found.items()}
    for prefix in prefixes:
        if weights and all(name.startswith(prefix) for name in weights):
            weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    return weights


def load_fitting(
    network: nn.Module,
    weights: Mapping[str, Tensor],
    path: Path,
    *,
    unused: Collection[str],
    missing: Collection[str],
    advice: str,
) -> list[str]:
    """Load weights into a network that they fit.

    Args:
        network: whose weights are replaced.
        weights: by the network's names.
        path: that they are of, for the message.
        unused: names of weights that the network may have no place for.
        missing: names of the network's that the file must have and has not.
        advice: what to do where they do not fit, for the message.

    Returns:
        Names of the weights taken, sorted.

    Raises:
        WeightsError: weights are missing, unknown, of another shape, or not finite: the message
            lists them.
    """
    expected = network.state_dict()
    unknown = sorted(weights.keys() - expected.keys() - set(unused))
    shapes = [
        f"{name} {tuple(weights[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in sorted(expected.keys() & weights.keys())
        if weights[name].shape != expected[name].shape
    ]
    if missing or unknown or shapes:
        raise WeightsError(
            f"{path} does not fit {type(network).__name__}: missing {few(sorted(missing))}; "
            f"unknown {few(unknown)}; of another shape {few(shapes)}. {advice}"
        )
    taken = {name: value for name, value in weights.items() if name in expected}
    if broken := sorted(name for name, value in taken.items() if not value.isfinite().all()):
        raise WeightsError(
            f"{path}: {len(broken)} of {len(taken)} weights are not finite, {few(broken)}: "
            "expected finite ones; its training had failed, name an earlier file of it"
        )
    network.load_state_dict(taken, strict=False)
    return sorted(taken)


def few(names: Sequence[str]) -> str:
    """Return names as words, five at most and how many more there are."""
    if not names:
        return "none"
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
