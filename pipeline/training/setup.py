"""What a training runs on: device, precision, threads, optimiser, learning rate."""

from collections.abc import Iterable

import torch
from lightning_fabric import Fabric
from torch import nn

from models.precision import computes_bfloat16
from pipeline.params.train import TrainingParams

WARMUP_START = 0.01


def make_fabric(params: TrainingParams) -> Fabric:
    """Start Lightning Fabric; sums in a CPU training depend on the number of threads, so it is set.

    ``auto`` precision is bfloat16 where the device computes it natively, else float32.
    """
    torch.set_num_threads(params.threads)
    device = params.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    precision = params.precision
    if precision == "auto":
        precision = "bf16-mixed" if computes_bfloat16(device) else "32-true"
    return Fabric(
        accelerator=device,
        devices=params.devices,
        precision=precision,
        strategy="auto" if params.devices == 1 else "ddp_spawn",
    )


def computed_in(fabric: Fabric) -> torch.dtype:
    """Return the type of the activations."""
    precision = str(fabric._precision.precision)  # Fabric offers no public question for it
    return torch.bfloat16 if precision.startswith("bf16") else torch.float32


def make_optimizer(
    params: TrainingParams, weights: Iterable[nn.Parameter]
) -> torch.optim.Optimizer:
    """Build the optimiser of a training."""
    if params.optimizer == "adamw":
        return torch.optim.AdamW(weights, lr=params.learning_rate, weight_decay=params.weight_decay)
    return torch.optim.SGD(
        weights,
        lr=params.learning_rate,
        momentum=params.momentum,
        weight_decay=params.weight_decay,
    )


def learning_rate(params: TrainingParams, step: int) -> float:
    """Return the rate of a step, counted from 0: a straight rise, then tenths."""
    rate = params.learning_rate * 0.1 ** sum(step >= at for at in params.decay_at_steps)
    if step < params.warmup_steps:
        rate *= WARMUP_START + (1.0 - WARMUP_START) * step / params.warmup_steps
    return rate
