"""What is measured on held-out faces: by Δc, of yaw alone."""

import numpy as np
import pytest
from dmfr_rows import folders_of, made_of, rows_of
from short_params import PARAMS

from pipeline.training.data.domains import CONDITIONS
from pipeline.training.data.sample_set import Part, SampleSet
from pipeline.training.modality import HeldOut, beside, changes_by_yaw
from pipeline.training.modality_drawings import turned


@pytest.fixture
def held(tmp_path):
    """Two people, each face turned by 0, 1 and 30 degrees, and nodded by 10 with each of these."""
    rows = rows_of(["e0", "e1"], "test")
    yaws = {"yaw_added_deg": 0.0}, {"yaw_added_deg": 1.0}, {"yaw_added_deg": 30.0}
    rows["poses"] += [
        made_of(row, f"tilt{n}", "head_mesh", pitch_added_deg=10.0, **yaw)
        for row in rows["attributes"]
        for n, yaw in enumerate(yaws)
    ]
    parts = [Part(folder, lambda _: True) for folder in folders_of(tmp_path, rows).values()]
    samples = SampleSet.open(parts, images=("dmfr",), optional=CONDITIONS, budget_bytes=1 << 24)
    return HeldOut.of(samples, PARAMS.train_dmfr["meta"])


def test_a_nodded_face_is_none_of_an_added_yaw(held):
    nodded = np.array(["#tilt" in name for name in held.samples.sample_ids.tolist()])
    features = np.where(nodded[:, None], [[0.0, 1.0]], [[1.0, 0.0]]).astype(np.float32)
    moved = changes_by_yaw(held, features)
    assert list(moved) == [0.0, 1.0, 30.0]
    for each in moved.values():
        np.testing.assert_array_equal(each, 0.0)


def test_the_row_of_turned_faces_shows_each_yaw_without_a_nod(held):
    shown = turned(held)
    assert list(shown) == ["real", "Δc = 0°", "Δc = 1°", "Δc = 30°"]
    by_id = dict(zip(held.samples.sample_ids.tolist(), range(len(held.samples)), strict=True))
    upright = held.samples.read(np.array([by_id["e0.0.VIS#pose0"]]))[0]
    np.testing.assert_array_equal(shown["Δc = 0°"], upright)


def test_what_two_filters_say_stands_side_by_side():
    first = beside({}, {"real": 1, "real_and_filtered": 2}, "filter")
    assert beside(first, {"real": 3, "real_and_filtered": 4}, "narrow") == {
        "real": 1,
        "real_and_filtered": 2,
        "real, narrow": 3,
        "real_and_filtered, narrow": 4,
    }
