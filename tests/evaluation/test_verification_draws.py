"""EER and TAR with their resamples: the same people in each draw, whatever the network."""

import numpy as np
import pytest

from pipeline.errors import StageError
from pipeline.evaluation.closed_set import measure_closed_set
from pipeline.evaluation.templates import sides_of
from pipeline.evaluation.verification_draws import (
    contrast_of_verification,
    verification_draws,
)
from pipeline.store.protocols import Protocol, Provenance, template_table, train_table

FARS = {"1e-1": 0.1, "1e-3": 1e-3}
PEOPLE = [f"p{number:02d}" for number in range(12)]


def fold(people=PEOPLE, each=1):
    enroll = [
        (None, f"{name}{who}", who, f"{name}{who}", None, None)
        for who in people
        for name in "gh"[:each]
    ]
    probe = [(None, f"{who}.{n}", who, f"{who}.{n}", None, None) for who in people for n in (0, 1)]
    return Protocol(
        "p",
        Provenance.DERIVED,
        "",
        template_table(enroll),
        template_table(probe),
        None,
        train_table(),
    )


def embedded(noise, seed, people=PEOPLE):
    """Embed everybody near a direction of their own."""
    rng = np.random.default_rng(seed)
    centres = {who: rng.normal(size=8) for who in people}
    gallery = {f"g{who}": centres[who].astype(np.float32) for who in people}
    probes = {
        f"{who}.{n}": (centres[who] + rng.normal(0, noise, 8)).astype(np.float32)
        for who in people
        for n in (0, 1)
    }
    return gallery, probes


def test_values_are_those_of_the_closed_set():
    gallery, probes = embedded(0.8, 1)
    del probes["p03.1"]  # a failure to enrol
    found = verification_draws(fold(), gallery, probes, FARS, resamples=50)
    metrics = measure_closed_set(*sides_of(fold(), gallery, probes)).metrics
    assert found.values["eer"] == pytest.approx(metrics["eer"]["value"], abs=1e-6)
    assert found.values["1e-1"] == pytest.approx(metrics["tar_at_far"]["1e-1"]["value"], abs=1e-6)
    assert np.isnan(found.values["1e-3"])  # 264 impostors give no ten false accepts
    assert found.draws["eer"].shape == found.draws["1e-1"].shape == (50,)


def test_of_two_templates_of_each_subject_every_pair_is_tried():
    gallery, probes = embedded(0.8, 1)
    gallery |= {f"h{who}": gallery[f"g{who}"] for who in PEOPLE if who != "p05"}  # one failed
    two = fold(each=2)
    found = verification_draws(two, gallery, probes, FARS, resamples=50)
    metrics = measure_closed_set(*sides_of(two, gallery, probes)).metrics
    assert metrics["tar_at_far"]["1e-1"]["n"] == 48
    assert found.values["1e-1"] == pytest.approx(metrics["tar_at_far"]["1e-1"]["value"], abs=1e-6)
    assert found.people == tuple(range(12))


def test_who_failed_to_enrol_is_drawn_too():
    gallery, probes = embedded(0.01, 1)
    del gallery["gp05"], probes["p07.0"], probes["p07.1"]
    found = verification_draws(fold(), gallery, probes, FARS, resamples=200)
    assert found.values["1e-1"] == pytest.approx(10 / 12)
    assert len(found.people) == 12
    # all others are found: the rate of a draw is how many of its twelve were not p05 or p07
    times = found.draws["1e-1"] * 12
    np.testing.assert_allclose(times, times.round(), atol=1e-9)
    assert times.std() == pytest.approx(np.sqrt(12 * 10 / 12 * 2 / 12), rel=0.2)


def test_a_row_against_itself_differs_by_nothing_in_any_draw():
    seeds = [
        verification_draws(fold(), *embedded(0.8, seed), FARS, resamples=200) for seed in (1, 2)
    ]
    found = contrast_of_verification(seeds, seeds, "eer")
    assert (found.difference, found.error, found.p_value) == (0.0, 0.0, 1.0)
    assert contrast_of_verification(seeds, seeds, "1e-3") is None


def test_less_noise_has_fewer_errors():
    good, bad = (
        [verification_draws(fold(), *embedded(noise, s), FARS, resamples=200) for s in (1, 2, 3)]
        for noise in (0.3, 1.6)
    )
    found = contrast_of_verification(bad, good, "eer")
    assert found.difference > 0.1
    assert found.interval[0] > 0
    assert found.people == 12


def test_other_people_are_refused():
    one = verification_draws(fold(), *embedded(0.8, 1), FARS, resamples=20)
    some = PEOPLE[:8]
    other = verification_draws(fold(some), *embedded(0.8, 1, some), FARS, resamples=20)
    with pytest.raises(StageError, match="same seeds and people"):
        contrast_of_verification([one], [other], "eer")
