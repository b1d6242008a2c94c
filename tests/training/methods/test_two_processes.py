"""Two processes that share a batch learn what one learns from the whole of it: every kind of loss.

Backbones that normalise within (MobileFaceNet, IResNet, Attention-56) see their own part alone. So
do trunks on a feature map, which also drop values of their own: of methods that have them only that
two processes train them is held.
"""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from forked import torch_forks
from lightning_fabric import Fabric
from narrow import WHOLE, built
from short_params import PRAM
from test_baselines import IDR, PLAIN, SST, WCNN, build, faces
from test_bodies_method import ready
from test_dmfr_methods import TinyMap, folders, method_of
from test_faces_methods import make
from test_other_systems import ADFL, CDL, TRIVET

sys.path.insert(0, str(Path(__file__).parent))
from two_processes import take

__all__ = ["faces", "folders"]

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
DMFR = {
    "plain": {},
    "separate": {},
    "meta": {"generators": ("head_mesh", "cyclegan")},
    "filter": {"paired_images": 2},
    "mixup": {},
    "reversal": {},
}
OWN_TRUNKS = {"disentangle": {}, "dul": {}, "confidence": {}}


class Necked(TinyMap):
    """Has no normalisation within, so that its features are normalised over whole batches."""

    def __init__(self):
        super().__init__()
        self.convolution = self.convolution[0]

    def absorb(self, mean, deviation):
        raise NotImplementedError("nothing ends its training here")


SLOW = {"steps": 2, "batch_triplets": 2, "kept_crops": 0, "learning_rate": 1e-5}
"""Of PRAM on a random backbone: longer steps tear losses apart by what rounding begins."""


@pytest.fixture(scope="module")
def both(faces, people, folders, tmp_path_factory):
    """By kind, what one process found and what two found."""

    def made():
        changed = {"prototypes": 2}
        methods = [
            build(v | EVEN | (changed if "queues" in v else {}), faces()) for v in KINDS.values()
        ]
        with built(*WHOLE):
            pram = make(PRAM.model_copy(update=SLOW), people)
        return [
            *methods,
            pram,
            ready(tmp_path_factory.mktemp("bodies"), {"steps": 2, "optimizer": "sgd"}),
            *(
                method_of(kind, folders, backbone=Necked(), **changes)
                for kind, changes in (DMFR | OWN_TRUNKS).items()
            ),
        ]

    one = Fabric(accelerator="cpu", devices=1, precision="32-true")
    two = Fabric(accelerator="cpu", devices=2, precision="32-true", strategy="ddp_spawn")
    file = tmp_path_factory.mktemp("taken") / "state.pt"
    take(one, made(), file)
    alone = torch.load(file)
    with torch_forks():
        two.launch(take, made(), file)
    names = *KINDS, "pram", "bodies", *DMFR, *OWN_TRUNKS
    return dict(zip(names, zip(alone, torch.load(file), strict=True), strict=True))


@pytest.mark.parametrize("kind", [*KINDS, "pram", "bodies", *DMFR])
def test_the_loss_curve_and_what_was_learned_are_those_of_one(both, kind):
    (curve, state), (shared_curve, shared_state) = both[kind]
    for step, shared in zip(curve, shared_curve, strict=True):
        assert shared == pytest.approx(step, rel=1e-4, abs=1e-6)
    assert state.keys() == shared_state.keys()
    for name, value in state.items():
        torch.testing.assert_close(shared_state[name], value, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("kind", OWN_TRUNKS)
def test_two_processes_train_what_sees_its_own_part_alone(both, kind):
    (curve, state), (shared_curve, shared_state) = both[kind]
    assert [step.keys() for step in shared_curve] == [step.keys() for step in curve]
    assert all(np.isfinite(list(step.values())).all() for step in shared_curve)
    assert state.keys() == shared_state.keys()
    assert all(value.isfinite().all() for value in shared_state.values())
