"""Takes up a ResNet of ImageNet, or a network that the authors' code trained.

Layouts:
    torchvision's and timm's ResNets: ``conv1``, ``bn1``, ``layer1…4``, ``fc``; both stems start as
    copies of the one, and what the ResNet lacks starts anew. The authors': under ``net``, a whole
    ResNet in ``visible_module.visible``, ``thermal_module.thermal`` and ``base_resnet.base``, of
    which the stems and the stages are used, beside ``MFA1…3``, ``DEE`` and ``bottleneck``.
"""

import re
from pathlib import Path

from torch import Tensor

from models.checkpoints import PersonReport, bare_tensors, load_fitting, read_checkpoint
from models.deen.network import Deen

_WRAPPERS = ("net", "state_dict", "model")
_PREFIXES = ("module.", "backbone.")
_NAMES = [
    (r"visible_module\.visible\.(conv1|bn1)\.", r"stems.0.\1."),
    (r"thermal_module\.thermal\.(conv1|bn1)\.", r"stems.1.\1."),
    (r"(?:base_resnet\.base\.)?layer1\.", "layers.0."),
    (r"(?:base_resnet\.base\.)?layer2\.", "layers.1."),
    (r"(?:base_resnet\.base\.)?layer3\.", "layers.2."),
    (r"(?:base_resnet\.base\.)?layer4\.", "layers.3."),
    (r"bottleneck\.", "neck."),
]
_UNUSED = re.compile(r"(visible_module|thermal_module|base_resnet|classifier|fc|layers\.3)\b")
_FRESH = re.compile(r"(aggregations|expansion|neck)\.|.*num_batches_tracked")
_EXPANSION = re.compile(r"DEE\.FC([1-9])([1-9]?)\.(.*)")
_AGGREGATION = re.compile(r"MFA([1-9])\.(CNL|PNL)\.(g|theta|phi|W)\.(.*)")
_RELATION = {"g": "value", "theta": "query", "phi": "key", "W": "back"}
_BLOCK = {"CNL": "channel", "PNL": "place"}


def load_deen(network: Deen, path: Path) -> PersonReport:
    """Load a checkpoint strictly: what starts anew belongs to DEEN alone.

    Args:
        network: whose weights are replaced.
        path: a file of ``torch.save``, opened without running code from it, or of safetensors.

    Raises:
        WeightsError: the file is missing or none, or of another depth.
    """
    found = bare_tensors(read_checkpoint(path), path, wrappers=_WRAPPERS, prefixes=_PREFIXES)
    weights: dict[str, Tensor] = {}
    for name, value in found.items():
        weights |= dict.fromkeys(_own_names(name), value)
    expected = network.state_dict()
    left_over = sorted(n for n in weights if n not in expected and _UNUSED.match(n))
    fresh = sorted(n for n in expected if n not in weights and _FRESH.match(n))
    copied = sorted(n for n in weights if n.startswith("stems.")) if "conv1.weight" in found else []
    taken = load_fitting(
        network,
        weights,
        path,
        unused=left_over,
        missing=expected.keys() - weights.keys() - set(fresh),
        advice="Name a ResNet of the network's depth, or a file of DEEN's own",
    )
    loaded = tuple(name for name in taken if name not in copied)
    return PersonReport(loaded, (), tuple(copied), tuple(left_over), tuple(fresh))


def _own_names(name: str) -> list[str]:
    """Return what the network calls a weight; a ResNet's stem has two places."""
    if name.startswith(("conv1.", "bn1.")):
        return [f"stems.{side}.{name}" for side in (0, 1)]
    if found := _EXPANSION.fullmatch(name):
        branch, step, rest = found.groups()
        layer = f"dilated.{int(step) - 1}" if step else "back"
        return [f"expansion.branches.{int(branch) - 1}.{layer}.{rest}"]
    if found := _AGGREGATION.fullmatch(name):
        stage, block, layer, rest = found.groups()
        return [f"aggregations.{int(stage) - 1}.{_BLOCK[block]}.{_RELATION[layer]}.{rest}"]
    for pattern, own in _NAMES:
        if re.match(pattern, name):
            return [re.sub(pattern, own, name, count=1)]
    return [name]
