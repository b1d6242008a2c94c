import numpy as np
import pytest

from pipeline.errors import StageError
from pipeline.training.data.labels import BandIndex
from pipeline.training.data.samplers import (
    BalancedImages,
    CrossBandPairs,
    CrossBandTriplets,
    SubjectPairs,
    SubjectsInAllBands,
    SubjectsInAnyBand,
)
from pipeline.types import Band

# Subjects 0-3; 3 has one band only; 2 has many images.
SUBJECTS = np.array([0, 0, 1, 1, 2, 2, 2, 2, 2, 3])
BANDS = ["VIS", "NIR", "NIR", "VIS", "VIS", "VIS", "VIS", "VIS", "NIR", "VIS"]
INDEX = BandIndex(SUBJECTS, BANDS)


def band_of(indices):
    return [BANDS[i] for i in indices]


def test_a_subject_in_one_band_makes_no_pair():
    assert INDEX.subjects_in([Band.VIS, Band.NIR]).tolist() == [0, 1, 2]
    assert INDEX.subjects_in([Band.VIS]).tolist() == [0, 1, 2, 3]


def test_pairs_are_of_one_subject_in_two_bands_and_of_nobody_twice():
    sampler = CrossBandPairs(INDEX, Band.NIR, Band.VIS, 3)
    for seed in range(20):
        first, second = sampler.draw(np.random.default_rng(seed))
        assert band_of(first) == ["NIR"] * 3
        assert band_of(second) == ["VIS"] * 3
        assert (SUBJECTS[first] == SUBJECTS[second]).all()
        assert len(set(SUBJECTS[first].tolist())) == 3


def test_semi_siamese_pairs_are_two_images_of_one_subject_in_any_bands():
    sampler = SubjectPairs(INDEX, Band.NIR, Band.VIS, 3)
    drawn = [sampler.draw(np.random.default_rng(seed)) for seed in range(40)]
    for first, second in drawn:
        assert (SUBJECTS[first] == SUBJECTS[second]).all()
        assert (first != second).all()
        assert sorted(SUBJECTS[first].tolist()) == [0, 1, 2]
    bands = {frozenset(band_of(pair)) for pair in np.concatenate(drawn, axis=1).T}
    assert bands == {frozenset({"VIS"}), frozenset({"NIR", "VIS"})}


def test_triplets_follow_the_paper():
    sampler = CrossBandTriplets(INDEX, (Band.NIR, Band.VIS), 16)
    anchor, positive, negative = sampler.draw(np.random.default_rng(0))
    assert (SUBJECTS[anchor] == SUBJECTS[positive]).all()
    assert (SUBJECTS[anchor] != SUBJECTS[negative]).all()
    assert all(a != p for a, p in zip(band_of(anchor), band_of(positive), strict=True))
    assert band_of(anchor) == band_of(negative)
    assert set(band_of(anchor)) == {"NIR", "VIS"}


def test_subjects_and_bands_have_equal_chances():
    sampler = BalancedImages(INDEX, [Band.VIS, Band.NIR], 3000)
    drawn = sampler.draw(np.random.default_rng(0))
    counts = np.bincount(SUBJECTS[drawn], minlength=4)
    assert counts[3] == 0
    assert np.allclose(counts[:3], 1000, atol=100)
    assert band_of(drawn).count("NIR") == pytest.approx(1500, abs=100)


def test_equal_seeds_draw_equal_batches():
    sampler = CrossBandTriplets(INDEX, (Band.NIR, Band.VIS), 8)
    one, two = (sampler.draw(np.random.default_rng(5)) for _ in range(2))
    assert (one == two).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CrossBandPairs(INDEX, Band.NIR, Band.VIS, 4), "3 training subjects"),
        (lambda: CrossBandTriplets(INDEX, (Band.LWIR, Band.VIS), 4), "0 training subjects"),
        (lambda: BalancedImages(INDEX, [Band.MWIR], 4), "no training subject"),
    ],
)
def test_too_few_subjects_are_told(make, words):
    with pytest.raises(StageError, match=words):
        make()


@pytest.mark.parametrize("images", [1, 2])
def test_domain_aware_batches_have_every_subject_in_every_band(images):
    sampler = SubjectsInAllBands(INDEX, [Band.VIS, Band.NIR], 2, images)
    seen = set()
    for seed in range(30):
        drawn = sampler.draw(np.random.default_rng(seed))
        assert len(drawn) == sampler.batch_images == 2 * 2 * images
        for run in np.split(drawn, 2):
            assert len(set(SUBJECTS[run].tolist())) == 1
            assert band_of(run) == ["VIS"] * images + ["NIR"] * images
        people = SUBJECTS[drawn[:: 2 * images]].tolist()
        assert len(set(people)) == 2
        seen |= set(people)
    assert seen == {0, 1, 2}  # 3 lacks a band


def test_domain_aware_batches_hold_no_image_twice_unless_there_are_too_few():
    sampler = SubjectsInAllBands(INDEX, [Band.VIS, Band.NIR], 3, 4)
    places = set()
    for seed in range(30):
        drawn = sampler.draw(np.random.default_rng(seed)).reshape(3, 2, 4)
        for (seen, unseen), subject in zip(drawn.tolist(), SUBJECTS[drawn[:, 0, 0]], strict=True):
            if subject == 2:  # four in VIS, one in NIR
                assert sorted(seen) == [4, 5, 6, 7]
                assert unseen == [8] * 4
                places.add(tuple(seen))
            else:
                assert len(set(seen)) == len(set(unseen)) == 1
    assert len(places) > 10


@pytest.mark.parametrize("sampler", [SubjectsInAllBands, SubjectsInAnyBand])
def test_no_image_comes_again_while_another_of_its_subject_has_not_come(sampler):
    subjects = np.repeat(np.arange(4), 3)
    made = sampler(BandIndex(subjects, ["VIS"] * 12), [Band.VIS], 4, 5)
    for seed in range(30):
        counts = np.bincount(made.draw(np.random.default_rng(seed)), minlength=12)
        assert (np.sort(counts.reshape(4, 3)) == [1, 2, 2]).all()


def test_random_batches_take_anybody_with_two_images_whatever_the_band():
    sampler = SubjectsInAnyBand(INDEX, [Band.VIS, Band.NIR], 2, 2)
    drawn = [sampler.draw(np.random.default_rng(seed)) for seed in range(60)]
    for batch in drawn:
        first, second = np.split(batch, 2)
        for run in (first, second):
            assert len(set(SUBJECTS[run].tolist())) == 1
            assert run[0] != run[1]
        assert SUBJECTS[first[0]] != SUBJECTS[second[0]]
    assert set(SUBJECTS[np.concatenate(drawn)].tolist()) == {0, 1, 2}
    assert {i for i in np.concatenate(drawn).tolist() if SUBJECTS[i] == 2} == {4, 5, 6, 7, 8}


def test_random_batches_of_one_band_draw_no_other():
    sampler = SubjectsInAnyBand(INDEX, [Band.VIS], 1, 6)
    for seed in range(10):
        drawn = sampler.draw(np.random.default_rng(seed))
        assert band_of(drawn) == ["VIS"] * 6
        assert set(SUBJECTS[drawn].tolist()) == {2}  # nobody else has two


def test_too_few_subjects_for_a_batch_are_named():
    with pytest.raises(StageError, match="3 training subjects have images in each of VIS NIR"):
        SubjectsInAllBands(INDEX, [Band.VIS, Band.NIR], 4, 1)
    with pytest.raises(StageError, match="0 training subjects have images in each of VIS LWIR"):
        SubjectsInAllBands(INDEX, [Band.VIS, Band.LWIR], 1, 1)
    with pytest.raises(StageError, match="0 training subjects have images twice in LWIR"):
        SubjectsInAnyBand(INDEX, [Band.LWIR], 1, 2)
