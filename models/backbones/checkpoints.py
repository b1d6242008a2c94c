"""Takes up a backbone's weights from a checkpoint of a public zoo."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from models.checkpoints import bare_tensors, load_fitting, read_checkpoint

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network")
"""Keys under which training scripts keep the weights."""
_PREFIXES = ("module.", "backbone.", "encoder.")
HEADS = ("fc2.", "head.", "classifier.", "output.", "logits.")
"""Prefixes of classifiers, which embed nothing and may be left over."""

_FIRST = "input_layer.0.weight"
_ADVICE = (
    "Name the network that it was made for, or another file. If only shapes differ, it is for "
    "crops of another size: most are for 112×112, which `align.template: arcface112` makes"
)


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

    ``module.`` (data-parallel training) and the usual wrappers are taken off. AdaFace's files take
    BGR and have no weights in their last normalisation: the first layer's channels are turned
    round, as ours takes RGB, and that normalisation keeps 1 and 0.

    Args:
        network: of the architecture that the file holds.
        path: a file that ``torch.save`` wrote; it is opened without running code from it.

    Raises:
        WeightsError: the file is missing, is no checkpoint, or holds another architecture: the
            message lists what is missing, unknown, or of another shape.
    """
    found = read_checkpoint(path)
    weights = bare_tensors(found, path, wrappers=_WRAPPERS, prefixes=_PREFIXES)
    expected = network.state_dict()
    optional = {name for name in expected if name.endswith("num_batches_tracked")}
    if getattr(network, "adaface", False):
        weights = {name.removeprefix("model."): value for name, value in weights.items()}
        optional |= {"output_layer.4.weight", "output_layer.4.bias"}
        if _FIRST in weights and weights[_FIRST].ndim == 4:
            weights[_FIRST] = weights[_FIRST].flip(1)
    heads = {n for n in weights.keys() - expected.keys() if n.startswith(HEADS)}
    taken = load_fitting(
        network,
        weights,
        path,
        unused=heads,
        missing=expected.keys() - weights.keys() - optional,
        advice=_ADVICE,
    )
    return LoadReport(tuple(taken), tuple(sorted(heads)))
