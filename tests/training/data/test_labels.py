import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_rows import sample_row, write_stage

from pipeline.training.data.labels import BandIndex, label
from pipeline.training.data.sample_set import Part, SampleSet, of_split
from pipeline.types import Band, Split

# Subjects 0-3; 3 has one band only; 2 has many images.
SUBJECTS = np.array([0, 0, 1, 1, 2, 2, 2, 2, 2, 3])
BANDS = ["VIS", "NIR", "NIR", "VIS", "VIS", "VIS", "VIS", "VIS", "NIR", "VIS"]
INDEX = BandIndex(SUBJECTS, BANDS)


def test_who_has_images_in_each_band():
    assert INDEX.subjects_in([Band.VIS, Band.NIR]).tolist() == [0, 1, 2]
    assert INDEX.subjects_in([Band.VIS]).tolist() == [0, 1, 2, 3]
    assert INDEX.subjects_in([Band.NIR, Band.SWIR]).tolist() == []


def test_each_image_of_a_subject_and_band_is_drawn_alike():
    drawn = INDEX.draw(np.random.default_rng(0), np.full(4000, 2), ["VIS"] * 4000)
    assert np.allclose(np.bincount(drawn, minlength=10)[4:8], 1000, atol=100)
    assert set(drawn.tolist()) == {4, 5, 6, 7}


def test_each_pair_of_different_images_is_drawn_alike():
    subjects = np.full(8000, 2)
    pairs = np.stack(INDEX.draw_two(np.random.default_rng(0), subjects, [Band.NIR, Band.VIS]))
    counts = np.zeros((10, 10), int)
    np.add.at(counts, tuple(pairs), 1)
    assert np.allclose(counts[4:9, 4:9][~np.eye(5, dtype=bool)], 400, atol=70)
    assert counts.trace() == 0


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from([str(b) for b in Band])),
        min_size=1,
        max_size=40,
    ),
    asked=st.lists(st.sampled_from(list(Band)), min_size=1, max_size=5, unique=True),
    seed=st.integers(0, 9),
)
def test_what_is_drawn_is_of_the_subject_and_the_band(rows, asked, seed):
    subjects, bands = np.array([s for s, _ in rows]), [b for _, b in rows]
    index = BandIndex(subjects, bands)
    wanted = {s for s, _ in rows if all((s, str(band)) in rows for band in asked)}
    assert index.subjects_in(asked).tolist() == sorted(wanted)
    everyone, generator = index.subjects_in(asked), np.random.default_rng(seed)
    for band in asked:
        drawn = index.draw(generator, everyone, [band] * len(everyone))
        assert [rows[i] for i in drawn] == [(s, str(band)) for s in everyone]
    if len(asked) > 1:
        first, second = index.draw_two(generator, everyone, asked)
        assert (subjects[first] == everyone).all()
        assert (subjects[second] == everyone).all()
        assert (first != second).all()
        assert {bands[i] for i in (*first, *second)} <= {str(band) for band in asked}


def test_labels_follow_the_subjects_order_and_who_lacks_a_band_is_told(tmp_path, caplog):
    rows = [sample_row("a", "zoe"), sample_row("b", "ada"), sample_row("c", "zoe", "NIR")]
    folder = write_stage(tmp_path, rows)
    parts = [Part(folder, of_split(Split.TRAIN, *Band))]
    with caplog.at_level(logging.WARNING):
        found = label(SampleSet.open(parts, budget_bytes=1 << 20), [Band.VIS, Band.NIR])
    assert found.names == ("ada", "zoe")
    assert found.labels.tolist() == [1, 0, 1]
    assert found.index.subjects_in([Band.NIR]).tolist() == [1]
    assert "1 of 2 training subjects have no images in one of VIS and NIR" in caplog.text


def test_a_band_that_a_subject_lacks_cannot_be_drawn():
    with pytest.raises((ValueError, IndexError)):
        INDEX.draw(np.random.default_rng(0), np.array([3]), ["NIR"])
