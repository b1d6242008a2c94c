"""What a training runs on: device, precision, threads, processes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.precision import device_of, precision_of
from pipeline.errors import ParamsError
from pipeline.params.training import RunParams

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def make_fabric(params: RunParams) -> "Fabric":
    """Start Lightning Fabric; sums in a CPU training depend on the number of threads, so it is set.

    ``auto`` precision is bfloat16 where the device computes it natively, else float32.

    Raises:
        ParamsError: the machine has fewer GPUs than processes are asked for.
    """
    # Fabric brings torch's compiler, seconds that whoever only embeds need not wait.
    from lightning_fabric import Fabric

    torch.set_num_threads(params.threads)
    device = device_of(params.device)
    if device == "cuda" and params.devices > (there := torch.cuda.device_count()):
        raise ParamsError(
            f"devices is {params.devices}, but torch sees {there} GPU{'s' * (there > 1)}: expected "
            f"one for each process; set devices to {there}, or device to cpu"
        )
    reduced = precision_of(params.precision, device) == "bfloat16"
    return Fabric(
        accelerator=device,
        devices=params.devices,
        precision="bf16-mixed" if reduced else "32-true",
        strategy="auto" if params.devices == 1 else "ddp_spawn",
    )


def near(device: torch.device, drawn: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return what was drawn in memory that a GPU copies from while it computes.

    From any other memory a copy waits until all that the GPU was told before is done. For a CPU it
    is returned as it is.

    Args:
        device: where it is wanted.
        drawn: on the CPU.
    """
    if device.type != "cuda":
        return tuple(drawn)
    with torch.cuda.device(device):  # a thread's own is the first one, whatever the process's
        return tuple(each.pin_memory() for each in drawn)


def computed_in(fabric: "Fabric") -> torch.dtype:
    """Return the type of the activations."""
    precision = str(fabric._precision.precision)  # Fabric offers no public question for it
    return torch.bfloat16 if precision.startswith("bf16") else torch.float32
