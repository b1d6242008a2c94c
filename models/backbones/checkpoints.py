"""Takes up a backbone's weights from a checkpoint of a public zoo."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from pipeline.errors import WeightsError
from pipeline.weights.tensors import read_tensors

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network")
"""Keys under which training scripts keep the weights."""
_PREFIXES = ("module.", "backbone.", "encoder.")
HEADS = ("fc2.", "head.kernel", "classifier.", "output.", "logits.")
"""Prefixes of classifiers, which embed nothing and may be left over."""


@dataclass(frozen=True)
class LoadReport:
    """What matched.

    Attributes:
        matched: names of the weights that were taken.
        heads: names left over that belong to a classifier.
    """

    matched: tuple[str, ...]
    heads: tuple[str, ...]

    def __str__(self) -> str:
        left = f"; left over: {', '.join(self.heads)}" if self.heads else ""
        return f"{len(self.matched)} weights matched, none missing{left}"


def load_backbone(network: nn.Module, path: Path) -> LoadReport:
    """Load a checkpoint strictly: all of the network's weights, nothing unknown but a classifier.

    ``module.`` (data-parallel training) and the usual wrappers are taken off.

    Args:
        network: of the architecture that the file holds.
        path: a file that ``torch.save`` wrote; it is opened without running code from it.

    Raises:
        WeightsError: the file is missing, is no checkpoint, or holds another architecture: the
            message lists what is missing, unknown, or of another shape.
    """
    if not path.is_file():
        raise WeightsError(f"checkpoint {path} is missing: expected a file that torch.save wrote")
    weights = _bare(read_tensors(path, "a checkpoint of plain tensors"), path)
    expected = network.state_dict()
    optional = {name for name in expected if name.endswith("num_batches_tracked")}
    heads = {n for n in weights.keys() - expected.keys() if n.startswith(HEADS)}
    missing = sorted(expected.keys() - weights.keys() - optional)
    unknown = sorted(weights.keys() - expected.keys() - heads)
    shapes = [
        f"{name} {tuple(weights[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in sorted(expected.keys() & weights.keys())
        if weights[name].shape != expected[name].shape
    ]
    if missing or unknown or shapes:
        raise WeightsError(
            f"{path} does not fit {type(network).__name__}: missing {_few(missing)}; unknown "
            f"{_few(unknown)}; of another shape {_few(shapes)}. Name the network that it was made "
            "for, or another file"
        )
    taken = {name: value for name, value in weights.items() if name in expected}
    network.load_state_dict(taken, strict=False)
    return LoadReport(tuple(sorted(taken)), tuple(sorted(heads)))


def _bare(found: object, path: Path) -> dict[str, Tensor]:
    """Return names and tensors without wrappers and prefixes."""
    for wrapper in _WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(wrapper), dict):
            found = found[wrapper]
    if not isinstance(found, dict) or not all(isinstance(v, Tensor) for v in found.values()):
        raise WeightsError(f"{path}: expected names and tensors, found {type(found).__name__}")
    weights = {str(name): value for name, value in found.items()}
    for prefix in _PREFIXES:
        if weights and all(name.startswith(prefix) for name in weights):
            weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    return weights


def _few(names: list[str]) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
