"""Two processes that share a batch learn what one learns from the whole of it: every kind of loss.

Backbones that normalise within (MobileFaceNet, IResNet, Attention-56) see their own part alone.
"""

import sys
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from test_baselines import IDR, PLAIN, SST, WCNN, build, faces
from test_bodies_method import ready
from test_other_systems import ADFL, CDL, TRIVET

sys.path.insert(0, str(Path(__file__).parent))
from two_processes import take

__all__ = ["faces"]

KINDS = {
    "softmax": PLAIN,
    "triplet": PLAIN | {"loss": "triplet"},
    "idr": IDR,
    "wcnn": WCNN,
    "trivet": TRIVET,
    "cdl": CDL,
    "adfl": ADFL,
    "sst": SST,
    "hsst": SST | {"queues": 2},
}
EVEN = {"batch_pairs": 2, "steps": 2}


@pytest.fixture(scope="module")
def both(faces, tmp_path_factory):
    """By kind, what one process found and what two found."""

    def made():
        changed = {"prototypes": 2}
        methods = [
            build(v | EVEN | (changed if "queues" in v else {}), faces()) for v in KINDS.values()
        ]
        return [
            *methods,
            ready(tmp_path_factory.mktemp("bodies"), {"steps": 2, "optimizer": "sgd"}),
        ]

    one = Fabric(accelerator="cpu", devices=1, precision="32-true")
    two = Fabric(accelerator="cpu", devices=2, precision="32-true", strategy="ddp_spawn")
    file = tmp_path_factory.mktemp("taken") / "state.pt"
    take(one, made(), file)
    alone = torch.load(file)
    two.launch(take, made(), file)
    return dict(zip((*KINDS, "bodies"), zip(alone, torch.load(file), strict=True), strict=True))


@pytest.mark.parametrize("kind", [*KINDS, "bodies"])
def test_the_loss_curve_and_what_was_learned_are_those_of_one(both, kind):
    (curve, state), (shared_curve, shared_state) = both[kind]
    for step, shared in zip(curve, shared_curve, strict=True):
        assert shared == pytest.approx(step, rel=1e-4, abs=1e-6)
    assert state.keys() == shared_state.keys()
    for name, value in state.items():
        torch.testing.assert_close(shared_state[name], value, rtol=1e-4, atol=1e-5, msg=name)
