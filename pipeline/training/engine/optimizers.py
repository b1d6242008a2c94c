"""Optimisers, and learning rates by step."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from pipeline.params.training import TrainingParams

WARMUP_START = 0.01


def make_optimizer(
    params: TrainingParams, weights: Iterable[nn.Parameter] | Iterable[dict[str, Any]]
) -> torch.optim.Optimizer:
    """Build the optimiser of a training, of weights or of groups of weights."""
    if params.optimizer == "adamw":
        return torch.optim.AdamW(weights, lr=params.learning_rate, weight_decay=params.weight_decay)
    return torch.optim.SGD(
        weights,
        lr=params.learning_rate,
        momentum=params.momentum,
        weight_decay=params.weight_decay,
    )


def stepwise_rate(params: TrainingParams, step: int) -> float:
    """Return the rate of a step, counted from 0: a straight rise, then tenths."""
    rate = params.learning_rate * 0.1 ** sum(step >= at for at in params.milestones)
    if step < params.warmup_steps:
        rate *= WARMUP_START + (1.0 - WARMUP_START) * step / params.warmup_steps
    return rate
