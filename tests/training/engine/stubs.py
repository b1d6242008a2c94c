"""Methods that are small enough to be worked out by hand."""

import numpy as np
import torch
from torch import nn

from pipeline.params.training import RunParams
from pipeline.training.engine.method import TOTAL, Method

RUN = {
    "steps": 4,
    "learning_rate": 0.001,
    "grad_accumulation_steps": 1,
    "max_gradient_norm": None,
    "checkpoint_steps": 2,
    "image_budget_mb": 16,
    "threads": 1,
    "device": "cpu",
    "devices": 1,
    "precision": "float32",
    "seed": 7,
}


def run_params(**changes):
    return RunParams(**RUN | changes)


class Stub(Method):
    """A method with plain gradient descent at an even rate."""

    def optimizers(self):
        return [torch.optim.SGD(self.parameters(), lr=self.params.learning_rate, momentum=0.5)]

    def learning_rate(self, step):
        return self.params.learning_rate


class Line(Stub):
    """Fits a slope to points, of which each process gets its part."""

    def __init__(self, points=4, **changes):
        super().__init__(run_params(**changes))
        self.slope = nn.Linear(1, 1, bias=False)
        with torch.no_grad():
            self.slope.weight.fill_(0.5)
        self.points = points

    def sample_batch(self, rng):
        x = self.shard(rng.integers(1, 9, (self.points,)))
        return (torch.from_numpy(x.astype(np.float32))[:, None],)

    def training_step(self, batch, optimizer_index):
        (x,) = batch
        return {TOTAL: (self.slope(x) - 3.0 * x).square().mean()}


class Counting(Stub):
    """Its state is the sum of what it drew: order and repeats would show."""

    def __init__(self, fail_at=None, killed_at=None, **changes):
        super().__init__(run_params(**{"steps": 10, "checkpoint_steps": 3} | changes))
        self.weight = nn.Parameter(torch.zeros(3))
        self.register_buffer("value", torch.zeros(3))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.fail_at, self.killed_at = fail_at, killed_at
        self.taken = []

    def sample_batch(self, rng):
        return (torch.from_numpy(rng.random(3, np.float32)),)

    def training_step(self, batch, optimizer_index):
        number = int(self.count)
        if number == self.killed_at:
            raise KeyboardInterrupt
        self.taken.append(number)
        # torch's own generator stands for dropout
        self.value.mul_(0.9).add_(batch[0] + torch.rand(3))
        self.count.add_(1)
        loss = ((self.weight - self.value) ** 2).sum()
        return {TOTAL: loss * torch.nan if number == self.fail_at else loss}
