"""Which domain a sample is of, whose label it has, and which pairs differ by nothing but it."""

import numpy as np
import pytest
from dmfr_rows import folders_of, made_of, rows_of

from pipeline.errors import StageError
from pipeline.training.data.domains import CONDITIONS, bin_names, domains_of, halved
from pipeline.training.data.sample_set import Part, SampleSet

EDGES = (-15.0, 15.0)


def opened(path, rows):
    parts = [Part(folder, lambda _: True) for folder in folders_of(path, rows).values()]
    return SampleSet.open(parts, images=("dmfr",), optional=CONDITIONS, budget_bytes=1 << 24)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return opened(tmp_path_factory.mktemp("faces"), rows_of(["a", "b", "c"]))


def test_domains_are_generators_and_bins_of_yaw(faces):
    found = domains_of(faces, EDGES)
    assert bin_names(EDGES) == ["..-15", "-15..+15", "+15.."]
    assert found.names == ("cyclegan", "head_mesh +15..", "head_mesh -15..+15", "photometric")
    by_id = dict(zip(faces.sample_ids.tolist(), found.of.tolist(), strict=True))
    assert by_id["a.0.VIS"] == "real"
    assert by_id["a.0.VIS#pose0"] == by_id["a.0.VIS#pose1"] == "head_mesh -15..+15"
    assert by_id["a.0.VIS#pose30"] == "head_mesh +15.."
    assert by_id["b.1.VIS#cyclegan"] == "cyclegan"
    assert set(domains_of(faces, ()).names) == {"cyclegan", "head_mesh ..", "photometric"}


def test_a_made_sample_has_its_sources_label_and_pairs_are_unturned(faces):
    found = domains_of(faces, EDGES)
    ids = faces.sample_ids
    for name, label in zip(ids.tolist(), found.labels.tolist(), strict=True):
        assert found.subjects[label] == name[0]
    pairs = {(ids[real], ids[made]) for real, made in found.pairs.T}
    assert pairs == {(f"{s}.{n}.VIS", f"{s}.{n}.VIS#pose0") for s in "abc" for n in range(2)}


def test_a_source_that_is_not_trained_on_is_a_leak(tmp_path):
    rows = rows_of(["a", "b"])
    strangers = rows_of(["x"], "test")
    rows["poses"] += [row | {"split": "train"} for row in strangers["poses"]]
    with pytest.raises(
        StageError,
        match=r"6 synthetic samples were made from faces that are not real ones of the training "
        r"split, among them x.0.VIS#pose0 from x.0.VIS.*leak into",
    ):
        domains_of(opened(tmp_path, rows), EDGES)


@pytest.mark.parametrize("yaw", [np.nan, np.inf])
def test_an_unknown_change_is_refused(tmp_path, yaw):
    rows = rows_of(["a", "b"])
    rows["poses"].append(
        made_of(rows["attributes"][0], "bad", "head_mesh", yaw_added_deg=yaw, pitch_added_deg=0.0)
    )
    with pytest.raises(StageError, match=r"1 turned faces have no finite .* a.0.VIS#bad"):
        domains_of(opened(tmp_path, rows), EDGES)


def test_a_pitch_is_a_change_too(tmp_path):
    rows = rows_of(["a", "b"], yaws=())
    rows["poses"] = [
        made_of(row, "p", "head_mesh", yaw_added_deg=0.0, pitch_added_deg=5.0)
        for row in rows["attributes"]
    ]
    assert domains_of(opened(tmp_path, rows), EDGES).pairs.shape == (2, 0)


def test_halves_of_an_only_domain_share_no_source(tmp_path):
    rows = rows_of(["a", "b", "c", "d"], each=4) | {"degrade": []}
    del rows["degrade"]
    faces = opened(tmp_path, rows)
    found = halved(domains_of(faces, ()), faces, seed=3)
    assert found.names == ("head_mesh .., first half", "head_mesh .., second half")
    parents = faces.column("parent_id")
    halves = [{p for p, d in zip(parents, found.of, strict=True) if d == n} for n in found.names]
    assert halves[0] | halves[1] == {row["sample_id"] for row in rows["attributes"]}
    assert not halves[0] & halves[1]
