"""What holds of every batch that is drawn from any domains."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import StageError
from pipeline.training.data.domain_samplers import DomainSampler, MetaSampler, PairedSampler
from pipeline.training.data.domains import REAL, Domains
from pipeline.training.data.labels import BandIndex

NAMES = ("cyclegan", "head_mesh -15..+15", "photometric")


def domains(real, made, pairs=()):
    """Domains of real samples by subject, and of made ones by domain and source."""
    of = [REAL] * len(real) + [name for name, _ in made]
    labels = np.array([*real, *(real[source] for _, source in made)], np.int64)
    names = tuple(sorted({name for name, _ in made}))
    subjects = tuple(f"s{n}" for n in range(max(real) + 1))
    pairs = np.array(pairs, np.int64).reshape(-1, 2).T
    return Domains(names, np.array(of), subjects, labels, BandIndex(labels, of), pairs)


@st.composite
def any_domains(draw, least=1):
    real = draw(st.lists(st.integers(0, 4), min_size=1, max_size=12))
    source = st.integers(0, len(real) - 1)
    made = [(name, draw(source)) for name in NAMES[:least]]
    made += draw(st.lists(st.tuples(st.sampled_from(NAMES), source), max_size=15))
    return domains(real, made)


@given(any_domains(), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_a_batch_holds_what_the_ratio_says(found, real, synthetic, seed):
    sampler = DomainSampler(found, real, synthetic)
    drawn = sampler.draw(np.random.default_rng(seed))
    assert [len(role) for role in drawn] == [real, synthetic]
    assert set(found.of[drawn[0]]) == {REAL}
    assert REAL not in found.of[drawn[1]]
    again = sampler.draw(np.random.default_rng(seed))
    assert all((a == b).all() for a, b in zip(drawn, again, strict=True))


@given(any_domains(least=2), st.integers(0, 99))
def test_one_domain_is_tested_and_takes_no_part_in_training(found, seed):
    real, trained, tested = MetaSampler(found, 4, 6, 2).draw(np.random.default_rng(seed))
    assert [len(role) for role in (real, trained, tested)] == [4, 4, 2]
    assert set(found.of[real]) == {REAL}
    (left_out,) = set(found.of[tested])
    assert left_out != REAL
    assert not {left_out, REAL} & set(found.of[trained])


@given(any_domains(least=3), st.integers(0, 20))
def test_every_domain_has_its_turn(found, seed):
    sampler, rng = MetaSampler(found, 1, 2, 1), np.random.default_rng(seed)
    seen = {found.of[sampler.draw(rng)[2][0]] for _ in range(80)}
    assert seen == set(found.names)


@given(st.integers(1, 6), st.integers(0, 99))
def test_both_of_a_pair_are_drawn_together(paired, seed):
    made = [("head_mesh -15..+15", source) for source in range(6)] + [("head_mesh +15..", 2)]
    found = domains([0, 0, 1, 1, 2, 2], made, [(source, 6 + source) for source in range(6)])
    roles = PairedSampler(found, 6, 7, paired).draw(np.random.default_rng(seed))
    assert [len(role) for role in roles] == [paired, 6 - paired, paired, 7 - paired]
    assert (roles[2] == roles[0] + 6).all()
    assert set(found.of[np.concatenate(roles[:2])]) == {REAL}
    assert REAL not in found.of[np.concatenate(roles[2:])]


def test_subjects_of_few_images_are_drawn_as_often_as_others():
    found = domains([0] * 99 + [1], [("cyclegan", 0)])
    (real, _) = DomainSampler(found, 4000, 1).draw(np.random.default_rng(0))
    assert 0.45 < found.labels[real].mean() < 0.55


def test_subjects_of_few_pairs_are_drawn_as_often_as_others():
    faces = 28 + 8
    made = [("head_mesh -15..+15", source) for source in range(faces)]
    pairs = [(source, faces + source) for source in range(faces)]
    found = domains([0] * 28 + [1] * 8, made, pairs)
    real, _, synthetic, _ = PairedSampler(found, 4000, 4000, 4000).draw(np.random.default_rng(0))
    assert (synthetic == real + faces).all()
    assert 0.46 < found.labels[real].mean() < 0.54  # five standard deviations around a half
    assert len(set(real.tolist())) == faces


def test_a_ratio_that_cannot_be_filled_is_refused():
    with pytest.raises(StageError, match=r"asks for 3 synthetic samples .* but there are none"):
        DomainSampler(domains([0, 1], []), 3, 3)
    assert [len(r) for r in DomainSampler(domains([0], []), 3, 0).draw(np.random.default_rng(0))]


def test_one_generative_domain_is_not_enough_for_meta_learning_and_halves_are_offered():
    with pytest.raises(StageError, match=r"'cyclegan'\] is the only .* set halves to true"):
        MetaSampler(domains([0, 1], [("cyclegan", 0)]), 2, 2, 1)


def test_a_filter_without_unturned_faces_is_told_what_to_add():
    with pytest.raises(StageError, match=r"expected rows with Δc = 0; add 0.0 to poses.yaw_deg"):
        PairedSampler(domains([0, 1], [("head_mesh +15..", 0)]), 2, 2, 1)
