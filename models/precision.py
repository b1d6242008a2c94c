"""What a device computes natively."""

import torch


def computes_bfloat16(device: str) -> bool:
    """Say whether a device multiplies bfloat16 natively; emulation would be slower than float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch offers no public question for this on the whole range of releases that we support
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
