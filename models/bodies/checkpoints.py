"""Takes up what others pretrained on people: PASS, TransReID-SSL, PersonViT, or timm's ViTs.

Layouts:
    PASS (K. Zhu et al., ECCV 2022): ``cls_token``, ``part_token1…3``, ``cls_pos``, ``part1…3_pos``,
    and ``pos_embed`` of the patches alone. TransReID-SSL (H. Luo et al., arXiv:2111.12084) and
    PersonViT (B. Hu et al., 2024): a DINO teacher's ``module.backbone.*`` with ``pos_embed`` of the
    class token and the patches, its stem maybe of convolutions. timm: the same without wrapper, on
    a square grid.
"""

import re
from math import isqrt
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from models.bodies.semantic_vit import SemanticViT
from models.checkpoints import PersonReport, bare_tensors, few, load_fitting, read_checkpoint
from pipeline.errors import WeightsError

_WRAPPERS = ("teacher", "target_encoder", "model", "state_dict", "backbone")
_PREFIXES = ("module.", "base.", "target_encoder.")
_BACKBONE = "backbone."
_HEADS = re.compile(r"(head|head_dist|fc|pre_logits|classifier|bottleneck|mask_token|fc_norm)\b")
_OPTIONAL = re.compile(r"local_tokens|local_pos|fusion\.|sie_embed|.*num_batches_tracked")
_RATIOS = (1, 2, 3)
"""Heights of a pretraining's grid over its widths: ImageNet's, people's, and ours."""


def load_person_weights(network: SemanticViT, path: Path) -> PersonReport:
    """Load a checkpoint: everything but heads has to fit; positions are resized.

    Args:
        network: whose weights are replaced.
        path: a file of ``torch.save``, opened without running code from it, or of safetensors.

    Raises:
        WeightsError: the file is missing or none, or of another architecture, width, depth, patch
            or stem.
    """
    weights = _local_names(_bare(read_checkpoint(path), path))
    _refuse_others(weights, network, path)
    expected = network.state_dict()
    copied = _copies(weights, network)
    resized = _fit_positions(weights, network, path)
    unused = sorted(
        name for name in weights if name not in expected and (_HEADS.match(name) or _spare(name))
    )
    cameras = weights.get("sie_embed")
    if cameras is not None and cameras.shape != getattr(network, "sie_embed", cameras).shape:
        unused.append("sie_embed")
        del weights["sie_embed"]
    missing = sorted(expected.keys() - weights.keys())
    taken = load_fitting(
        network,
        weights,
        path,
        unused=unused,
        missing=[name for name in missing if not _OPTIONAL.match(name)],
        advice="Choose the size, patch and stem that it was made for, or another file",
    )
    loaded = sorted({*taken} - {*copied, *resized})
    shown = [name for name in missing if not name.endswith("num_batches_tracked")]
    return PersonReport(tuple(loaded), tuple(resized), tuple(copied), tuple(unused), tuple(shown))


def _bare(found: object, path: Path) -> dict[str, Tensor]:
    """Return names and tensors without wrappers and prefixes; of a DINO teacher its backbone."""
    weights = bare_tensors(found, path, wrappers=_WRAPPERS, prefixes=_PREFIXES)
    if any(name.startswith(_BACKBONE) for name in weights):
        weights = {name.removeprefix(_BACKBONE): value for name, value in weights.items()}
    return weights


def _local_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights with PASS's three part tokens and their positions as ours are kept."""
    kept = dict(weights)
    for ours, pattern in (("local_tokens", "part_token{}"), ("local_pos", "part{}_pos")):
        theirs = [pattern.format(number) for number in (1, 2, 3)]
        if all(name in kept for name in theirs):
            kept[ours] = torch.cat([kept.pop(name) for name in theirs], dim=1)
    return kept


def _refuse_others(weights: dict[str, Tensor], network: SemanticViT, path: Path) -> None:
    """Refuse a Swin transformer, another stem and another depth in a sentence each."""
    if any("relative_position_bias_table" in name for name in weights):
        raise WeightsError(
            f"{path} is a Swin transformer (as SOLIDER's are): its windows and merged patches have "
            "no place in a plain ViT; expected PASS, TransReID-SSL, PersonViT or a ViT of timm"
        )
    if "cls_token" not in weights or "pos_embed" not in weights:
        raise WeightsError(
            f"{path} has no cls_token and pos_embed: expected a ViT (PASS, TransReID-SSL, "
            f"PersonViT, timm), found {few(sorted(weights))}"
        )
    stem = "convolutions" if any(n.startswith("patch_embed.conv.") for n in weights) else "patches"
    if stem != network.design.stem:
        raise WeightsError(
            f"{path} embeds patches by {stem}, the network by {network.design.stem}: set stem to "
            f"{stem!r}"
        )
    depth = 1 + max((int(n.split(".")[1]) for n in weights if n.startswith("blocks.")), default=-1)
    if depth != network.design.size.depth:
        raise WeightsError(
            f"{path} has {depth} blocks, the network {network.design.size.depth}: expected the "
            "same; choose another size or file"
        )


def _copies(weights: dict[str, Tensor], network: SemanticViT) -> list[str]:
    """Split the class token's position off, and let local tokens start as copies of that token."""
    if "cls_pos" not in weights:
        weights["cls_pos"] = weights["pos_embed"][:, :1]
        weights["pos_embed"] = weights["pos_embed"][:, 1:]
    if not network.local_count or "local_tokens" in weights:
        return []
    for ours, theirs in (("local_tokens", "cls_token"), ("local_pos", "cls_pos")):
        weights[ours] = weights[theirs].expand(-1, network.local_count, -1).clone()
    return ["local_pos", "local_tokens"]


def _fit_positions(weights: dict[str, Tensor], network: SemanticViT, path: Path) -> list[str]:
    """Lay positions on the network's grid, bilinearly.

    As many positions as the network's may be another grid's, 12×12 for 24×6; only where none of the
    known heights fits them are they taken to lie as ours.
    """
    positions, (rows, columns) = weights["pos_embed"], network.design.grid
    theirs = _grid(positions.shape[1])
    if theirs == (rows, columns) or (theirs is None and positions.shape[1] == rows * columns):
        return []
    if theirs is None:
        raise WeightsError(
            f"{path} has {positions.shape[1]} positions: expected a grid as high as it is wide, or "
            "two or three times as high"
        )
    plane = positions.reshape(1, *theirs, -1).permute(0, 3, 1, 2)
    laid = F.interpolate(plane, (rows, columns), mode="bilinear")
    weights["pos_embed"] = laid.flatten(2).transpose(1, 2)
    return ["pos_embed"]


def _grid(count: int) -> tuple[int, int] | None:
    for ratio in _RATIOS:
        width = isqrt(count // ratio)
        if ratio * width * width == count:
            return ratio * width, width
    return None


def _spare(name: str) -> bool:
    """Tell what some networks have and others not: tokens of parts, and of cameras."""
    return name in ("local_tokens", "local_pos", "sie_embed")
