import logging
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_rows import sample_row, write_stage

from pipeline.training.data.labels import BandIndex, evenly_drawn, label, shots_of
from pipeline.training.data.sample_set import Part, SampleSet, of_split
from pipeline.training.methods.nir_vis import NirVisMethod
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


@given(n=st.integers(1, 30), count=st.integers(1, 99), seed=st.integers(0, 99))
def test_nothing_is_drawn_once_more_before_all_others_are(n, count, seed):
    drawn = evenly_drawn(np.random.default_rng(seed), n, count)
    assert len(drawn) == count
    assert set(np.bincount(drawn, minlength=n).tolist()) <= {count // n, -(-count // n)}
    if n >= count:  # trainings with enough images draw what they always did
        assert (drawn == np.random.default_rng(seed).choice(n, count, replace=False)).all()


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
    everyone, rng = index.subjects_in(asked), np.random.default_rng(seed)
    for band in asked:
        drawn = index.draw(rng, everyone, [band] * len(everyone))
        assert [rows[i] for i in drawn] == [(s, str(band)) for s in everyone]
    if len(asked) > 1:
        first, second = index.draw_two(rng, everyone, asked)
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
    assert found.names == ("zoe",)  # ada, who was left out, is no class
    assert found.labels.tolist() == [0, 1, 0]
    assert found.index.subjects_in([Band.NIR]).tolist() == [0]
    assert "1 of 2 training subjects take no part: they have no images" in caplog.text


def test_a_band_that_a_subject_lacks_cannot_be_drawn():
    with pytest.raises((ValueError, IndexError)):
        INDEX.draw(np.random.default_rng(0), np.array([3]), ["NIR"])


# Subject 0: shots a (VIS, NIR) and b (VIS, NIR), rendered; 1: one shot in both bands; 2: shot a in
# VIS, shots a and b in NIR.
RENDERED = [
    (0, "VIS", 0),
    (0, "NIR", 0),
    (0, "VIS", 1),
    (0, "NIR", 1),
    (1, "VIS", 2),
    (1, "NIR", 2),
    (2, "VIS", 3),
    (2, "NIR", 3),
    (2, "NIR", 4),
]


def rendered(paired=(Band.VIS, Band.NIR)):
    subjects, bands, shots = (np.array(each) for each in zip(*RENDERED, strict=True))
    return BandIndex(subjects, bands.tolist(), shots, paired)


def test_who_has_one_shot_alone_makes_no_pair():
    index = rendered()
    assert index.subjects_in([Band.VIS, Band.NIR]).tolist() == [0, 2]
    # of subject 2 the NIR image of the only VIS shot has no partner
    assert set(index.draw(np.random.default_rng(0), np.full(90, 2), ["NIR"] * 90)) == {8}
    assert rendered(paired=()).subjects_in([Band.VIS, Band.NIR]).tolist() == [0, 1, 2]


def test_partners_are_of_other_shots_and_drawn_alike():
    index, rng = rendered(), np.random.default_rng(0)
    who = np.array([0] * 2000 + [2] * 100)
    first = index.draw(rng, who, ["VIS"] * len(who))
    second = index.draw_beside(rng, first, who, ["NIR"] * len(who))
    pairs = set(zip(first.tolist(), second.tolist(), strict=True))
    assert pairs == {(0, 3), (2, 1), (6, 8)}
    assert np.bincount(first[:2000])[[0, 2]] == pytest.approx([1000, 1000], abs=100)


def test_two_of_a_subject_are_of_two_shots_whatever_their_bands():
    who = np.full(8000, 0)
    pairs = np.stack(
        rendered().draw_two(np.random.default_rng(0), who, [Band.NIR, Band.VIS]), axis=1
    )
    counts = np.zeros((4, 4), int)
    np.add.at(counts, tuple(pairs.T), 1)
    apart = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]], bool)
    assert counts[~apart].sum() == 0
    assert np.allclose(counts[apart], 1000, atol=120)


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["VIS", "NIR", "LWIR"]), st.integers(0, 3)),
        min_size=1,
        max_size=30,
    ),
    seed=st.integers(0, 9),
)
def test_a_pair_is_possible_where_one_is_drawn(rows, seed):
    """Against all pairs, listed one by one."""
    subjects, bands = np.array([s for s, _, _ in rows]), [b for _, b, _ in rows]
    shots = np.array([s * 4 + shot for s, _, shot in rows])
    index = BandIndex(subjects, bands, shots, (Band.VIS, Band.NIR))
    possible = {
        (i, j)
        for i, j in np.ndindex(len(rows), len(rows))
        if bands[i] == "VIS" and bands[j] == "NIR"
        if subjects[i] == subjects[j] and shots[i] != shots[j]
    }
    everyone, rng = index.subjects_in((Band.VIS, Band.NIR)), np.random.default_rng(seed)
    assert everyone.tolist() == sorted({int(subjects[i]) for i, _ in possible})
    first = index.draw(rng, everyone, ["VIS"] * len(everyone))
    second = index.draw_beside(rng, first, everyone, ["NIR"] * len(everyone))
    assert set(zip(first.tolist(), second.tolist(), strict=True)) <= possible


def test_sessions_are_shots_where_a_program_made_an_image():
    labels = np.array([0, 0, 0, 0, 1, 1, 1])
    sessions = ["a", "a", "b", "b", "a", "a", None]
    simulated = [False, True, False, False, False, False, True]
    shots = shots_of(labels, sessions, simulated)
    assert shots[0] == shots[1]
    assert len(set(shots.tolist())) == 6  # real images of one session may be paired
    everything = shots_of(labels, sessions, [True] * 7)
    assert [len(set(everything[[i, j]].tolist())) for i, j in ((0, 1), (2, 3), (4, 5), (0, 4))] == [
        1,
        1,
        1,
        2,
    ]


def test_images_of_one_rendered_session_are_no_pair(tmp_path, caplog):
    made = {"simulated": True}
    rows = [
        sample_row("a0", "ada") | {"session_id": "x"},
        sample_row("a1", "ada", "NIR") | made | {"session_id": "x"},
        sample_row("b0", "bob") | {"session_id": "x"},
        sample_row("b1", "bob", "NIR") | made | {"session_id": "x"},
        sample_row("b2", "bob", "NIR") | made | {"session_id": "y"},
    ]
    folder = write_stage(tmp_path, rows)
    parts = [Part(folder, of_split(Split.TRAIN, *Band))]
    with caplog.at_level(logging.WARNING):
        found = label(SampleSet.open(parts, budget_bytes=1 << 20), [Band.VIS, Band.NIR])
    assert found.index.subjects_in([Band.VIS, Band.NIR]).tolist() == [0]
    assert found.names == ("bob",)
    assert "1 of 2 training subjects take no part: they have no images" in caplog.text
    assert "of another session" in caplog.text


@pytest.mark.parametrize("rendered", [False, True])
def test_a_mask_drawn_on_a_cameras_face_does_not_make_its_session_a_shot(tmp_path, rendered):
    """As CASIA NIR-VIS 2.0 has them: both bands of one session, the masked face alone made."""
    of = {"session_id": "s1", "simulated": rendered}
    faces = [sample_row(f"{who}.{band}", who, band) | of for who in ("ada", "bob") for band in Band]
    masked = [
        face | {"sample_id": f"{face['sample_id']}#mask000", "parent_id": face["sample_id"]}
        for face in faces
        if face["band"] == "NIR"
    ]
    folders = {
        "parts": write_stage(tmp_path / "parts", faces),
        "masks": write_stage(tmp_path / "masks", [m | {"simulated": True} for m in masked]),
    }
    params = SimpleNamespace(bands=(Band.VIS, Band.NIR), second_rows="masks", dataset="casia")
    ids = [face["sample_id"] for face in faces]
    parts = NirVisMethod.parts(params, folders, ids)
    found = label(SampleSet.open(parts, budget_bytes=1 << 20), params.bands)
    assert found.index.subjects_in(params.bands).tolist() == ([] if rendered else [0, 1])
