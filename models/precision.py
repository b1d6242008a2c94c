"""What a device computes natively."""

from typing import Literal

import torch

from pipeline.errors import ParamsError

Device = Literal["cpu", "cuda", "auto"]
DEVICES: tuple[Device, ...] = ("cpu", "cuda", "auto")


def device_of(device: str) -> Literal["cpu", "cuda"]:
    """Return the device that is meant: ``auto`` is a GPU where there is one.

    Raises:
        ValueError: a name that is not offered.
        ParamsError: ``cuda`` where torch sees no GPU.
    """
    if device not in DEVICES:
        raise ValueError(f"device {device!r} is none of {list(DEVICES)}")
    if device == "cpu":
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise ParamsError(
            "device is cuda, and torch sees no GPU (`crossband doctor` says more): set device to "
            "auto or cpu, or install torch for this machine's CUDA version"
        )
    return "cpu"


def computes_bfloat16(device: str) -> bool:
    """Say whether a device multiplies bfloat16 natively; emulation would be slower than float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch offers no public question for this on the whole range of releases that we support
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
