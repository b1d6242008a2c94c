"""Where a network computes, and in which precision."""

from typing import Literal

import torch

from pipeline.errors import ParamsError

Device = Literal["cpu", "cuda", "auto"]
PRECISIONS = ("auto", "float32", "bfloat16")
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


def precision_of(precision: str, device: str, *others: str) -> str:
    """Return the precision that is meant: ``auto`` is bfloat16 where a device computes it natively.

    Args:
        precision: one of ``PRECISIONS`` or of ``others``.
        device: ``cpu`` or ``cuda``.
        others: further ones that the network has.

    Raises:
        ValueError: a name that is not offered.
    """
    if precision not in (*PRECISIONS, *others):
        raise ValueError(f"precision {precision!r} is none of {[*PRECISIONS, *others]}")
    if precision != "auto":
        return precision
    return "bfloat16" if computes_bfloat16(device) else "float32"


def computes_bfloat16(device: str) -> bool:
    """Say whether a device multiplies bfloat16 natively; emulation would be slower than float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch offers no public question for this on the whole range of releases that we support
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
