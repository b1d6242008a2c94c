"""The training of the degrader: seeded, resumable, stopped where a loss is not finite."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.errors import StageError, WeightsError
from pipeline.params.load import load_params
from pipeline.synthesis.degrade.cyclegan import CycleGanDegrader
from pipeline.training import loop
from pipeline.training.degrader import DegraderTraining

ROOT = Path(__file__).resolve().parents[2]
SHORT = {
    "frame_px": 64,
    "crop_px": 32,
    "generator_channels": 4,
    "discriminator_channels": 4,
    "steps": 5,
    "pool_images": 2,
    "checkpoint_steps": 2,
    "threads": 1,
}


@pytest.fixture
def params():
    return load_params(ROOT / "params.yaml").train_degrader.model_copy(update=SHORT)


@pytest.fixture(scope="module")
def faces():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (2, 3, 64, 64, 3), dtype=np.uint8)


class KilledError(Exception):
    pass


def train(params, faces, path, *, kill_at=None, key="k"):
    """Train up to the end, or up to ``kill_at``; returns the loss curve and the steps taken."""
    training, taken = DegraderTraining(params, *faces), []
    step = training.step

    def counted(number):
        if number == kill_at:
            raise KilledError
        taken.append(number)
        return step(number)

    training.step = counted
    curve = loop.train(
        training,
        label="train_degrader",
        steps=params.steps,
        checkpoint=path,
        checkpoint_steps=params.checkpoint_steps,
        key=key,
    )
    training.save_generator(path.with_name("generator.pt"))
    return curve, taken


def test_a_killed_training_ends_where_it_would_have(params, faces, tmp_path):
    whole, _ = train(params, faces, tmp_path / "whole" / "checkpoint.pt")
    killed = tmp_path / "killed" / "checkpoint.pt"
    with pytest.raises(KilledError):
        train(params, faces, killed, kill_at=3)
    resumed, taken = train(params, faces, killed)
    assert taken == [2, 3, 4]
    assert [row["step"] for row in resumed] == [1, 2, 3, 4, 5]
    np.testing.assert_equal(resumed, whole)
    one, other = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["task"]
        for name in ("whole", "killed")
    )
    torch.testing.assert_close(one["nets"], other["nets"], rtol=0, atol=0)
    torch.testing.assert_close(one["pools"], other["pools"], rtol=0, atol=0)
    generators = [(tmp_path / name / "generator.pt").read_bytes() for name in ("whole", "killed")]
    assert generators[0] == generators[1]


def test_a_finished_training_is_not_repeated_and_another_key_starts_anew(params, faces, tmp_path):
    path = tmp_path / "checkpoint.pt"
    train(params, faces, path)
    assert train(params, faces, path)[1] == []
    assert train(params, faces, path, key="another")[1] == [0, 1, 2, 3, 4]


def test_another_seed_gives_another_network(params, faces, tmp_path):
    one, _ = train(params, faces, tmp_path / "a" / "checkpoint.pt")
    other, _ = train(params.model_copy(update={"seed": 8}), faces, tmp_path / "b" / "checkpoint.pt")
    assert one[-1] != other[-1]


def test_a_loss_that_is_not_finite_stops_the_training(params, faces, tmp_path):
    training = DegraderTraining(params, *faces)
    weight = next(training._nets["to_low"].parameters())
    with torch.no_grad():
        weight.fill_(torch.nan)
    checkpoint = tmp_path / "checkpoint.pt"
    with pytest.raises(StageError, match=r"step 1 gave .*nan.* lower the learning rate"):
        loop.train(training, label="t", steps=5, checkpoint=checkpoint, checkpoint_steps=2, key="k")
    assert not (tmp_path / "checkpoint.pt").exists()


@pytest.mark.parametrize("grey", [False, True])
def test_the_saved_generator_degrades_faces_of_any_colour(params, faces, tmp_path, grey):
    train(params, faces, tmp_path / "checkpoint.pt")
    degrader = CycleGanDegrader(tmp_path / "generator.pt")
    face = faces[0][0][..., 0] if grey else faces[0][0]
    made = degrader.degrade(np.ascontiguousarray(face))
    assert (made.shape, made.dtype) == (face.shape, np.uint8)
    assert degrader.frame_px == 64


@pytest.mark.parametrize("content", [None, b"no weights", b""])
def test_a_file_that_is_no_generator_is_refused(tmp_path, content):
    path = tmp_path / "generator.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match="is no generator of train_degrader"):
        CycleGanDegrader(path)


def test_a_shared_pass_gives_what_each_image_alone_would(params, faces):
    training = DegraderTraining(params, *faces)
    source, target = torch.rand(2, 2, 3, 32, 32) * 2 - 1
    network = training._nets["to_low"]
    with torch.no_grad():
        made, same = training._made(network, source, target)
        for got, given in ((made, source), (same, target)):
            for image, alone in zip(got, given, strict=True):
                torch.testing.assert_close(image, network(alone[None])[0], atol=1e-5, rtol=1e-4)
