"""Steps of methods on a GPU that isn't there: nothing stays on the CPU, and nothing waits."""

import numpy as np
import pytest
import test_bodies_method
import torch
from dmfr_rows import folders_of, rows_of
from test_dmfr_methods import OWN, method_of
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode

from pipeline.training.data.prefetch import batches
from pipeline.training.engine.devices import near
from pipeline.training.methods.deen import _values

COUNTED = ("nonzero", "_local_scalar_dense", "unique")
"""What the CPU has to know the result of before it can go on."""


class Watched(TorchDispatchMode):
    """Notes what a GPU would be waited for."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name, made = str(func), func(*args, **(kwargs or {}))
        if any(word in name for word in COUNTED):
            self.waits.append(name)
        if "aten.index" in name and isinstance(args[1], list | tuple):
            self.waits += [name for at in args[1] if at is not None and at.dtype == torch.bool]
        if "_to_copy" in name and args[0].device != made.device:
            self.waits.append(f"{name} from {args[0].device} to {made.device}")
        return made


def waits_on_the_cpu(method):
    """Return what a step, its gradients included, would wait for."""
    method.train()
    batch = method.sample_batch(np.random.default_rng(0))
    with Watched() as seen:
        method(0, *batch)["total"].backward()
    return seen.waits


def waits_on_a_made_up_gpu(method):
    """Take a step without gradients; all tensors say that they are on a GPU, and hold nothing.

    Two devices in one operation raise, as they would there.
    """
    method.train()
    batch = method.sample_batch(np.random.default_rng(0))
    with FakeTensorMode() as made_up, torch.no_grad():
        names = (*method.named_parameters(), *method.named_buffers())
        state = {name: torch.empty_like(made_up.from_tensor(t), device="cuda") for name, t in names}
        given = [torch.empty_like(made_up.from_tensor(t), device="cuda") for t in batch]
        with Watched() as seen:
            losses = functional_call(method, state, (0, *given))
    assert {loss.device.type for loss in losses.values()} == {"cuda"}
    return seen.waits


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return folders_of(tmp_path_factory.mktemp("stages"), rows_of(["a", "b", "c", "d"]))


@pytest.mark.parametrize("kind", OWN)
def test_a_step_of_dmfr_waits_for_nothing(kind, folders):
    method = method_of(kind, folders, generators=("head_mesh", "cyclegan"))
    assert waits_on_the_cpu(method) == []
    if kind != "meta":  # it takes a gradient within, which needs a driver
        assert waits_on_a_made_up_gpu(method) == []


def test_a_step_on_bodies_waits_for_nothing(tmp_path):
    method = test_bodies_method.ready(tmp_path)
    assert waits_on_the_cpu(method) == []
    assert waits_on_a_made_up_gpu(method) == []


def test_deen_brings_no_numbers_from_the_cpu():
    images = torch.arange(2 * 4 * 5 * 3, dtype=torch.uint8).view(2, 4, 5, 3)
    with FakeTensorMode() as made_up, Watched() as seen:
        given = torch.empty_like(made_up.from_tensor(images), device="cuda")
        assert _values(given).device.type == "cuda"
    assert seen.waits == []


def test_batches_for_a_gpu_are_pinned_by_the_threads_that_draw_them(monkeypatch):
    entered = []

    class OnDevice:
        def __init__(self, device):
            self.device = device

        def __enter__(self):
            entered.append(self.device)

        def __exit__(self, *error):
            pass

    monkeypatch.setattr(torch.cuda, "device", OnDevice)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor + 100)
    second = torch.device("cuda", 1)
    with batches(lambda n: near(second, (torch.tensor(n), torch.tensor(-n))), range(3), 2) as drawn:
        found = [(int(first), int(other)) for first, other in drawn]
    assert found == [(100, 100), (101, 99), (102, 98)]
    assert entered == [second] * 3


def test_batches_for_a_cpu_are_left_where_they_are():
    given = torch.zeros(2)
    (found,) = near(torch.device("cpu"), (given,))
    assert found is given
