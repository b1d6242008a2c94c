"""What a device computes natively."""

from typing import Literal

import torch

Device = Literal["cpu", "cuda", "auto"]
DEVICES: tuple[Device, ...] = ("cpu", "cuda", "auto")


def device_of(device: str) -> Literal["cpu", "cuda"]:
    """Return the device that is meant: ``auto`` is a GPU where there is one.

    Raises:
        ValueError: a name that is not offered.
    """
    if device not in DEVICES:
        raise ValueError(f"device {device!r} is none of {list(DEVICES)}")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return "cuda" if device == "cuda" else "cpu"


def computes_bfloat16(device: str) -> bool:
    """Say whether a device multiplies bfloat16 natively; emulation would be slower than float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch offers no public question for this on the whole range of releases that we support
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
