"""The training of the degrader: seeded, resumable, stopped where a loss is not finite."""

import numpy as np
import pytest
import torch
from face_rows import face_row, open_rows, png
from short_params import PARAMS

from pipeline.errors import StageError, WeightsError
from pipeline.schemas.align import ALIGN
from pipeline.synthesis.degrade.cyclegan import CycleGanDegrader
from pipeline.training.engine import loop
from pipeline.training.methods.cyclegan import CycleGan
from pipeline.training.methods.cyclegan_faces import GEOMETRY, Quality, QualityFaces

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
    return PARAMS.train_degrader.model_copy(update=SHORT)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (6, 128, 128, 3), dtype=np.uint8)
    rows = [
        face_row(f"s{n}.VIS", f"s{n}") | {"context": png(pixels)} for n, pixels in enumerate(noise)
    ]
    return open_rows(
        tmp_path_factory.mktemp("align"), ALIGN, rows, images=("context",), extras=GEOMETRY
    )


def build(params, samples):
    return CycleGan(params, QualityFaces.split(samples, params, PARAMS.degrade.photometric))


class KilledError(Exception):
    pass


def train(params, samples, path, *, kill_at=None, key="k"):
    """Train up to the end, or up to ``kill_at``; returns the loss curve and the steps taken."""
    method, taken = build(params, samples), []
    done = method.on_step_end

    def counted():
        taken.append(1)
        if len(taken) == kill_at:
            raise KilledError
        done()

    method.on_step_end = counted
    curve = loop.train(method, label="train_degrader", key=key, checkpoint=path).curve
    method.save_generator(path.with_name("generator.pt"))
    return curve, len(taken)


def test_a_killed_training_ends_where_it_would_have(params, samples, tmp_path):
    whole, _ = train(params, samples, tmp_path / "whole" / "checkpoint.pt")
    killed = tmp_path / "killed" / "checkpoint.pt"
    with pytest.raises(KilledError):
        train(params, samples, killed, kill_at=4)
    resumed, taken = train(params, samples, killed)
    assert taken == 3
    assert [row["step"] for row in resumed] == [1, 2, 3, 4, 5]
    np.testing.assert_equal(resumed, whole)
    one, other = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["state"]["method"]
        for name in ("whole", "killed")
    )
    assert {"pool_low.images", "pool_low._extra_state"} < one.keys()
    torch.testing.assert_close(one, other, rtol=0, atol=0)
    generators = [(tmp_path / name / "generator.pt").read_bytes() for name in ("whole", "killed")]
    assert generators[0] == generators[1]


def test_a_finished_training_is_not_repeated_and_another_key_starts_anew(params, samples, tmp_path):
    path = tmp_path / "checkpoint.pt"
    train(params, samples, path)
    assert train(params, samples, path)[1] == 0
    assert train(params, samples, path, key="another")[1] == 5


def test_another_seed_gives_another_network(params, samples, tmp_path):
    one, _ = train(params, samples, tmp_path / "a" / "checkpoint.pt")
    changed = params.model_copy(update={"seed": 8})
    other, _ = train(changed, samples, tmp_path / "b" / "checkpoint.pt")
    assert one[-1] != other[-1]


def test_a_loss_that_is_not_finite_stops_the_training(params, samples, tmp_path):
    method = build(params, samples)
    with torch.no_grad():
        next(method.to_low.parameters()).fill_(torch.nan)
    checkpoint = tmp_path / "checkpoint.pt"
    with pytest.raises(StageError, match=r"step 1 gave .*nan.* lower the learning rate"):
        loop.train(method, label="t", key="k", checkpoint=checkpoint)
    assert not checkpoint.exists()


def test_the_generators_learn_first_and_the_discriminators_from_what_they_made(params, samples):
    weights = {"cycle_weight": 10.0, "identity_weight": 5.0}
    method = build(params.model_copy(update=weights | {"pool_images": 0}), samples)
    sharp, low, _ = batch = method.sample_batch(np.random.default_rng(0))
    first = method.training_step(batch, 0)
    first["total"].backward()
    assert all(weight.grad is None for weight in method.judge_low.parameters())
    with torch.no_grad():
        made_low, made_sharp = method.to_low(sharp), method.to_sharp(low)
        fooled = sum(
            (judge(made) - 1).square().mean()
            for judge, made in ((method.judge_low, made_low), (method.judge_sharp, made_sharp))
        )
        cycle = (method.to_sharp(made_low) - sharp).abs().mean()
        cycle = cycle + (method.to_low(made_sharp) - low).abs().mean()
        kept = (method.to_low(low) - low).abs().mean() + (
            method.to_sharp(sharp) - sharp
        ).abs().mean()
        judged = sum(
            0.5 * ((judge(real) - 1).square().mean() + judge(made).square().mean())
            for judge, real, made in (
                (method.judge_low, low, made_low),
                (method.judge_sharp, sharp, made_sharp),
            )
        )
    torch.testing.assert_close(first["total"], fooled + 10.0 * cycle + 5.0 * kept)
    second = method.training_step(batch, 1)
    torch.testing.assert_close(second["total"], judged)
    before = [weight.grad.clone() for weight in method.to_low.parameters()]
    second["total"].backward()
    assert all(
        torch.equal(a, b.grad) for a, b in zip(before, method.to_low.parameters(), strict=True)
    )


def test_the_rate_is_even_and_then_falls(params, samples):
    changed = params.model_copy(update={"steps": 10, "decay_from": 0.6, "learning_rate": 1.0})
    rates = [build(changed, samples).learning_rate(step) for step in range(10)]
    assert rates == pytest.approx([1.0] * 7 + [0.75, 0.5, 0.25])


@pytest.mark.parametrize("grey", [False, True])
def test_the_saved_generator_degrades_faces_of_any_colour(params, samples, tmp_path, grey):
    train(params, samples, tmp_path / "checkpoint.pt")
    degrader = CycleGanDegrader(tmp_path / "generator.pt")
    face = build(params, samples).faces.frames(Quality.SHARP, np.array([0]))[0]
    face = np.ascontiguousarray(face[..., 0] if grey else face)
    made = degrader.degrade(face)
    assert (made.shape, made.dtype) == (face.shape, np.uint8)
    assert degrader.frame_px == 64
    if grey:  # also where it is stored as three channels
        three = degrader.degrade(np.repeat(face[..., None], 3, axis=2))
        np.testing.assert_array_equal(three, np.repeat(made[..., None], 3, axis=2))


@pytest.mark.parametrize("content", [None, b"no weights", b""])
def test_a_file_that_is_no_generator_is_refused(tmp_path, content):
    path = tmp_path / "generator.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match="is not a generator of train_degrader"):
        CycleGanDegrader(path)


def test_a_shared_pass_gives_what_each_image_alone_would(params, samples):
    method = build(params, samples)
    source, target = torch.rand(2, 2, 3, 32, 32) * 2 - 1
    network = method.to_low
    with torch.no_grad():
        made, same = method.made(network, source, target)
        for got, given in ((made, source), (same, target)):
            for image, alone in zip(got, given, strict=True):
                torch.testing.assert_close(image, network(alone[None])[0], atol=1e-5, rtol=1e-4)


def test_losses_of_scores_in_bfloat16_are_taken_in_full(params, samples):
    method, scores = build(params, samples), []
    for judge in (method.judge_low, method.judge_sharp):
        judge.register_forward_hook(lambda *given: scores.append(given[2].detach().double()))
    batch = method.sample_batch(np.random.default_rng(0))
    with torch.autocast("cpu", torch.bfloat16):
        made = method.training_step(batch, 0)["adversarial"]
        expected = sum((each - 1.0).square().mean() for each in scores)
        scores.clear()
        judged = method.training_step(batch, 1)["discriminator"]
    pairs = [each.chunk(2) for each in scores]
    halves = [(real - 1.0).square().mean() + fake.square().mean() for real, fake in pairs]
    assert made.item() == pytest.approx(expected.item(), rel=1e-5)
    assert judged.item() == pytest.approx(0.5 * sum(halves).item(), rel=1e-5)
