"""Takes steps of methods, in this process or in several that share each batch."""

import torch

from pipeline.rng import rng_for
from pipeline.training.engine.loop import Steps

STEPS = 3


def take(fabric, methods, file):
    """Take a few steps of each method.

    Saves of each the losses of every step, the means over all processes, and its state at the end.
    """
    found = []
    for method in methods:
        steps = Steps(method, fabric)
        curve = []
        for number in range(STEPS):
            batch = method.sample_batch(rng_for(method.params.seed, f"step/{number}"))
            losses = steps.take(number, iter([batch]))
            curve.append({k: fabric.all_reduce(v.float()).item() for k, v in losses.items()})
        found.append((curve, dict(method.state_dict())))
    if fabric.is_global_zero:
        torch.save(found, file)
