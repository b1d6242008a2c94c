"""Low-rank adaptation of the attention layers alone, merged into them at the end.

Reference:
    E. Hu et al., LoRA, arXiv:2106.09685; the body paper, section IV-C: "we apply LoRA only to the
    self-attention layers". timm keeps queries, keys and values in one layer, ``qkv``. The name
    ``proj`` alone would also match the embedding of patches.
"""

from typing import TYPE_CHECKING

from torch import nn

from models.freezing import freeze

if TYPE_CHECKING:
    from peft.tuners.lora import LoraModel

TARGETS = r"blocks\.\d+\.attn\.(qkv|proj)"


def adapt(network: nn.Module, rank: int, alpha: int) -> "LoraModel":
    """Freeze a network but for low-rank matrices beside its attention layers, put in place.

    Args:
        network: a ``SemanticViT``.
        rank: r.
        alpha: the matrices' product counts alpha / r times.
    """
    from peft import LoraConfig  # these take seconds to import
    from peft.tuners.lora import LoraModel

    freeze(network)
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=TARGETS, bias="none")
    return LoraModel(network, {"default": config}, "default")


def merge(adapted: "LoraModel") -> None:
    """Put what was learned into the layers; the network is as it was built again."""
    adapted.merge_and_unload()
