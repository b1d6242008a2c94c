"""Embeds faces with a trained network."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.precision import computes_bfloat16
from pipeline.types import Float32

IMAGES_AT_ONCE = 32


@torch.no_grad()
def embed_faces(
    network: nn.Module,
    inputs: Callable[[Tensor], Tensor],
    count: int,
    *,
    embed: Callable[[object], Tensor] | None = None,
    device: str = "cpu",
    precision: str = "auto",
) -> Float32:
    """Embed faces, as many at once as pay.

    Args:
        network: which embeds; it is left in evaluation mode.
        inputs: makes the network's input of the faces with these indices, int64 (k,).
        count: number of faces.
        embed: takes the embedding out of what the network returns.
        device: ``cpu``, ``cuda`` or ``auto``.
        precision: ``auto`` (bfloat16 where the device computes it natively) or ``32-true`` or
            ``bf16-mixed``.

    Returns:
        float32 (count, d).
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    reduced = precision == "bf16-mixed" or (precision == "auto" and computes_bfloat16(device))
    network.to(device).eval()
    made = []
    with torch.autocast(device, torch.bfloat16, enabled=reduced):
        for chosen in torch.split(torch.arange(count), IMAGES_AT_ONCE):
            out = network(inputs(chosen).to(device))
            made.append((embed(out) if embed else out).float().cpu())
    vectors: Float32 = torch.cat(made).numpy()
    return vectors
