"""Methods that were killed end as if they had not been: to the last bit, every kind of them."""

import shutil

import pytest
import torch
from people_rows import BANDS, SHORT, write_people
from short_params import HSST, PARAMS, PRAM
from test_baselines import IDR, PLAIN, RELATION, SST, WCNN, Tiny, build, faces
from test_baselines import params as face_params
from test_bodies_method import NAMES, network
from test_bodies_method import params as body_params
from test_deen_method import params as deen_params
from test_dmfr_methods import OWN, folders, method_of
from test_faces_methods import make
from test_other_systems import ADFL, CDL, TRIVET
from test_pretrain import known, pretraining
from torch import nn

from models.deen.network import Deen, Design
from pipeline.params.body_training import LoraParams
from pipeline.store.protocols import read_protocol
from pipeline.training import bodies
from pipeline.training.backbones import backbone_named
from pipeline.training.engine.loop import train
from pipeline.training.methods import METHODS, load_method
from pipeline.training.people_folds import training_ids

__all__ = ["faces", "folders", "known"]

FACE = backbone_named("mobilefacenet").preprocess
SMALL = PRAM.model_copy(update={"batch_triplets": 1, "steps": 3})
TWICE = {"steps": 2, "checkpoint_steps": 1}
FACES = {
    "finetune": PLAIN,
    "idr": IDR,
    "wcnn": WCNN,
    "trivet": TRIVET,
    "cdl": CDL,
    "adfl": ADFL,
    "one queue": SST,
}
RELATIONS = {"rm": {}, "rgm": {"learning_rate": 1e-5}}
PEOPLE = ("semantic_vit", "lora", "deen", "adaface")
KINDS = (*FACES, *RELATIONS, *OWN, *PEOPLE, "pretraining")


def trained(method, path, copy_at=None):
    """Train; in the end of a step of one number, copy what a kill would leave there."""
    steps, done = [], method.on_step_end

    def counted():
        steps.append(1)
        if len(steps) == copy_at:
            shutil.copytree(path.parent, path.parent.with_name("killed"))
        done()

    method.on_step_end = counted
    curve = train(method, label="t", key="k", checkpoint=path).curve
    return len(steps), curve, {name: value.clone() for name, value in method.state_dict().items()}


def check_resumed(made, folder, steps):
    """Kill a training in its last step, a step behind its checkpoint, and go on."""
    _, curve, whole = trained(made(), folder / "whole" / "checkpoint.pt", copy_at=steps)
    taken, again, resumed = trained(made(), folder / "killed" / "checkpoint.pt")
    assert taken == 1
    assert again == curve
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


@pytest.mark.parametrize(
    "params",
    [SMALL, SMALL.model_copy(update={"kept_crops": 0}), HSST.model_copy(update={"steps": 3})],
    ids=["pram", "pram_fresh_crops", "hsst"],
)
def test_a_killed_training_ends_with_the_same_weights(params, people, tmp_path):
    check_resumed(lambda: make(params, people), tmp_path, 3)
    kept = torch.load(tmp_path / "killed" / "checkpoint.pt", weights_only=True)["state"]["method"]
    assert not any(name.startswith("network.trunk.0.") for name in kept) or params.kind == "hsst"


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """Opens bodies, or faces of the same people, as params ask for them."""
    root = tmp_path_factory.mktemp("people")
    folder = write_people(root)
    ids = training_ids([read_protocol(root / "protocols" / name) for name in NAMES], 1)
    return lambda params: bodies.open_chosen(params, folder, ids).samples


def of_people(kind, crops):
    """Return a method on people, ready to train."""
    torch.manual_seed(3)
    if kind == "adaface":
        given = SHORT | TWICE | {"bands": BANDS}
        params = PARAMS.pretrain_bodies["face_vis"].model_copy(update=given)
        layers = nn.Conv2d(3, 4, 16, 16), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(196, 8)
        method = load_method(kind)(params, Tiny(*layers), FACE)
    elif kind == "deen":
        params = deen_params(**TWICE, optimizer="sgd")
        method = load_method(kind)(params, Deen(Design(18, stages=3)))
    else:
        params = body_params(**TWICE, bn_neck=kind == "semantic_vit")
        lora = LoraParams(rank=2, alpha=4, recompute=True) if kind == "lora" else None
        made = network(drop_path=0.3, stem="convolutions")
        method = load_method("semantic_vit")(params, made, lora=lora)
    method.train_on(crops(params))
    return method


@pytest.fixture
def made(request):
    """A function that returns a method of a kind, ready to train, each time the same."""

    def make_it(kind):
        need = request.getfixturevalue
        if kind in FACES:
            return build(FACES[kind], need("faces")(), **TWICE)
        if kind in RELATIONS:
            values = RELATION | RELATIONS[kind] | TWICE | {"kind": kind, "batch_triplets": 1}
            return make(face_params(values), need("people"))
        if kind in OWN:
            both = "head_mesh", "cyclegan"
            return method_of(kind, need("folders"), generators=both, **TWICE)
        if kind == "pretraining":
            return pretraining(need("known"), **TWICE)
        return of_people(kind, need("crops"))

    return make_it


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_training_goes_on_to_the_same_bits(kind, made, tmp_path):
    check_resumed(lambda: made(kind), tmp_path, 2)


def test_every_method_is_resumed():
    assert METHODS.keys() - {"pram", "hsst"} <= {*KINDS}
