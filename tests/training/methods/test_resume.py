"""Methods that were killed end as if they had not been."""

import shutil

import pytest
import torch
from short_params import HSST, PRAM

from pipeline.training.backbones import backbone_named, make_backbone
from pipeline.training.engine.loop import train
from pipeline.training.methods import load_method

SMALL = PRAM.model_copy(update={"batch_triplets": 1})


def trained(params, people, path, copy_at=None):
    """Train; in the end of a step of one number, copy what a kill would leave there."""
    backbone, preprocess = (
        make_backbone("lightcnn9", people.hw, 3),
        backbone_named("lightcnn9").preprocess,
    )
    method = load_method(params.kind)(params, backbone, preprocess)
    method.train_on(people)
    steps, done = [], method.on_step_end

    def counted():
        steps.append(1)
        if len(steps) == copy_at:
            shutil.copytree(path.parent, path.parent.with_name("killed"))
        done()

    method.on_step_end = counted
    curve = train(method, label="t", key="k", checkpoint=path).curve
    return len(steps), curve, {name: value.clone() for name, value in method.state_dict().items()}


@pytest.mark.parametrize(
    "params",
    [SMALL, SMALL.model_copy(update={"kept_crops": 0}), HSST],
    ids=["pram", "pram_fresh_crops", "hsst"],
)
def test_a_killed_training_ends_with_the_same_weights(params, people, tmp_path):
    """Killed in its last step, a step behind its checkpoint."""
    params = params.model_copy(update={"steps": 3})
    _, curve, whole = trained(params, people, tmp_path / "whole" / "checkpoint.pt", copy_at=3)
    killed = tmp_path / "killed" / "checkpoint.pt"
    kept = torch.load(killed, weights_only=True)["state"]["method"]
    assert not any(name.startswith("network.trunk.0.") for name in kept) or params.kind == "hsst"
    steps, again, resumed = trained(params, people, killed)
    assert steps == 1
    assert again == curve
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
