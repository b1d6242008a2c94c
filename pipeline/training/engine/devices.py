"""What a training runs on: device, precision, threads, processes."""

from typing import TYPE_CHECKING

import torch

from models.precision import computes_bfloat16, device_of
from pipeline.params.training import RunParams

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def make_fabric(params: RunParams) -> "Fabric":
    """Start Lightning Fabric; sums in a CPU training depend on the number of threads, so it is set.

    ``auto`` precision is bfloat16 where the device computes it natively, else float32.
    """
    # Fabric brings torch's compiler, seconds that whoever only embeds need not wait.
    from lightning_fabric import Fabric

    torch.set_num_threads(params.threads)
    device = device_of(params.device)
    precision = params.precision
    if precision == "auto":
        precision = "bf16-mixed" if computes_bfloat16(device) else "32-true"
    return Fabric(
        accelerator=device,
        devices=params.devices,
        precision=precision,
        strategy="auto" if params.devices == 1 else "ddp_spawn",
    )


def computed_in(fabric: "Fabric") -> torch.dtype:
    """Return the type of the activations."""
    precision = str(fabric._precision.precision)  # Fabric offers no public question for it
    return torch.bfloat16 if precision.startswith("bf16") else torch.float32
