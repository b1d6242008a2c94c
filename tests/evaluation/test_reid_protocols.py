"""LLCM, SYSU-MM01 and RegDB on replicas, by their authors' rules re-derived from descriptions."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from pipeline import testing
from pipeline.evaluation.recognition import measure_protocol, recognise
from pipeline.store.protocols import (
    Exclude,
    Kind,
    Protocol,
    Provenance,
    template_table,
    train_table,
)


def rows_of(table, vectors):
    rows = [row for row in table.to_pylist() if row["sample_id"] in vectors]
    units = np.stack([vectors[row["sample_id"]] for row in rows]).astype(np.float64)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    return units, [row["subject_id"] for row in rows], rows


def authors(queries, gallery, keep, *, by_image=False):
    """Sort, drop, count: CMC over subjects by their first image or over images; AP; INP.

    Args:
        queries: unit vectors, subjects, rows.
        gallery: likewise.
        keep: from a query's and an entry's row to whether they meet.
        by_image: the CMC is over images.
    """
    curves, precisions, penalties = [], [], []
    scores = queries[0] @ gallery[0].T
    for row, (subject, query) in enumerate(zip(queries[1], queries[2], strict=True)):
        order = [e for e in np.argsort(-scores[row]) if keep(query, gallery[2][e])]
        names = [gallery[1][e] for e in order]
        if subject not in names:
            continue
        listed = names if by_image else list(dict.fromkeys(names))
        curves.append(np.arange(20) >= listed.index(subject))
        places = np.flatnonzero(np.array(names) == subject) + 1
        precisions.append(np.mean(np.arange(1, len(places) + 1) / places))
        penalties.append(len(places) / places[-1])
    return np.mean(curves, axis=0), np.mean(precisions), np.mean(penalties)


def agrees(measured, expected):
    curves, precisions, penalties = (np.mean(each, axis=0) for each in zip(*expected, strict=True))
    for k in (1, 5, 10, 20):
        value = measured.metrics[f"rank{k}"]["value"]
        assert value == pytest.approx(curves[k - 1], abs=1e-6)
    assert measured.metrics["map"]["value"] == pytest.approx(precisions, abs=1e-6)
    assert measured.metrics["minp"]["value"] == pytest.approx(penalties, abs=1e-6)
    cmc = np.mean([fold.cmc for fold in measured.folds], axis=0)
    assert cmc == pytest.approx(curves[: len(cmc)], abs=1e-6)
    assert (curves[len(cmc) :] == 1.0).all()  # ours ends with the gallery's last
    assert 0 < measured.metrics["map"]["value"] < 1


@pytest.fixture
def both():
    return lambda vectors: lambda _: (vectors, vectors)


LLCM = [
    f"{kind}_{way}"
    for kind in ("all_to_sampled", "sampled_to_all")
    for way in ("vis_to_ir", "ir_to_vis")
]


def llcm_rule(query, entry):
    return (query["subject_id"], query["camera_id"]) != (entry["subject_id"], entry["camera_id"])


@pytest.mark.parametrize("name", LLCM)
def test_llcm_is_its_authors_rule(tmp_path, official, embed, both, name):
    testing.llcm(tmp_path, test=9, each=3)
    protocol = official("llcm")[name]
    vectors = embed(protocol, noise=1.2)
    expected = [
        authors(rows_of(fold.probe, vectors), rows_of(fold.enroll, vectors), llcm_rule)
        for fold in map(protocol.fold, protocol.folds())
    ]
    agrees(measure_protocol(protocol, both(vectors)), expected)


@pytest.mark.parametrize(
    ("published", "gallery_band", "ours"),
    [
        ("VIS to IR", "nir", "sampled_to_all_ir_to_vis"),
        ("IR to VIS", "vis", "all_to_sampled_ir_to_vis"),
    ],
)
def test_what_deen_publishes_is_the_protocol_that_the_description_says(
    tmp_path, official, embed, both, published, gallery_band, ours
):
    """DEEN's test: a sampled gallery of one band, all queries of the other.

    For "VIS to IR" it multiplies gallery by queries, and evaluates that matrix with gallery's
    labels as those of the queries.
    """
    testing.llcm(tmp_path, test=9, each=3)
    protocols = official("llcm")
    way = "vis_to_ir" if gallery_band == "nir" else "ir_to_vis"
    drawn, every = (
        protocols[f"all_to_sampled_{way}"].enroll,
        protocols[f"all_to_sampled_{way}"].probe,
    )
    assert {i.split("/")[1] for i in drawn["sample_id"].to_pylist()} == {gallery_band}
    vectors = embed(protocols[ours], noise=1.2) | embed(
        protocols[f"all_to_sampled_{way}"], noise=1.2
    )
    vectors = {sample: vectors[sample] for sample in sorted(vectors)}
    expected = []
    for trial in range(1, 11):
        gallery = rows_of(drawn.filter(pa.compute.equal(drawn["fold"], trial)), vectors)
        queries = rows_of(every, vectors)
        turned = published == "VIS to IR"
        asked, known = (gallery, queries) if turned else (queries, gallery)
        expected.append(authors(asked, known, llcm_rule))
    agrees(measure_protocol(protocols[ours], both(vectors)), expected)
    assert f'calls it "{published}"' in protocols[ours].description
    assert all("calls it" not in protocols[name].description for name in LLCM[:1] + LLCM[2:3])


def sysu_rule(query, entry):
    """Cameras 2 and 3 are in one place: queries of camera 3 do not meet images of camera 2."""
    return not (query["sample_id"].startswith("cam3") and entry["sample_id"].startswith("cam2"))


@pytest.mark.parametrize(
    "name",
    [
        "all_single_agw",
        "indoor_single_agw",
        "all_single",
        "all_multi",
        "indoor_single",
        "indoor_multi",
    ],
)
def test_sysu_is_its_authors_rule(tmp_path, official, embed, both, name):
    testing.sysu_mm01(tmp_path, each=10, draws=True)
    protocol = official("sysu_mm01")[name]
    vectors = embed(protocol, noise=2.0, width=3)
    expected = [
        authors(rows_of(fold.probe, vectors), rows_of(fold.enroll, vectors), sysu_rule)
        for fold in map(protocol.fold, protocol.folds())
    ]
    agrees(measure_protocol(protocol, both(vectors)), expected)


def test_sysus_rule_drops_other_peoples_images_too(tmp_path, official, embed):
    testing.sysu_mm01(tmp_path, each=4)
    fold = official("sysu_mm01")["all_single_agw"].fold(1)
    vectors = embed(fold, noise=0.0)
    wrong = next(s for s in fold.probe["sample_id"].to_pylist() if s.startswith("cam3/0004"))
    other = next(s for s in fold.enroll["sample_id"].to_pylist() if s.startswith("cam2/0005"))
    vectors[other] = vectors[wrong]  # another's image of camera 2 looks just like it
    metrics = recognise(fold, vectors, vectors).metrics
    queries = fold.probe["sample_id"].to_pylist()
    of_camera_6 = sum(s.startswith("cam6/0004") for s in queries)
    assert metrics["rank1"]["value"] == pytest.approx(1 - of_camera_6 / len(queries), abs=1e-6)


@pytest.mark.parametrize("name", ["visible_to_thermal", "thermal_to_visible"])
def test_regdb_counts_images(tmp_path, official, embed, both, name):
    testing.regdb(tmp_path, subjects=16, each=4, trials=10)
    protocol = official("regdb")[name]
    vectors = embed(protocol, noise=1.2)

    def by(by_image):
        return [
            authors(
                rows_of(fold.probe, vectors),
                rows_of(fold.enroll, vectors),
                lambda query, entry: True,
                by_image=by_image,
            )
            for fold in map(protocol.fold, protocol.folds())
        ]

    agrees(measure_protocol(protocol, both(vectors)), by(True))
    of_subjects = np.mean([curve for curve, _, _ in by(False)], axis=0)
    assert of_subjects[4] > np.mean([curve for curve, _, _ in by(True)], axis=0)[4]


def test_what_was_not_found_is_never_retrieved(tmp_path, official, embed):
    testing.llcm(tmp_path, test=4, each=3)
    fold = official("llcm")["sampled_to_all_ir_to_vis"].fold(1)
    vectors = embed(fold, noise=0.0)
    lost = next(s for s in fold.probe["sample_id"].to_pylist() if "/0001/" in s and "_c01_" in s)
    probes = {s: v for s, v in vectors.items() if s != lost}
    metrics = recognise(fold, vectors, probes).metrics
    assert metrics["map"]["value"] == metrics["rank1"]["value"] == pytest.approx(7 / 8)
    # of subject 2's three images of camera 2 one is lost: its query of camera 1 finds two of three
    gone = next(s for s in fold.enroll["sample_id"].to_pylist() if "/0002/" in s and "_c02_" in s)
    gallery = {s: v for s, v in vectors.items() if s != gone}
    metrics = recognise(fold, gallery, vectors).metrics
    assert metrics["rank1"]["value"] == 1.0
    assert metrics["map"]["value"] == pytest.approx((7 + 2 / 3) / 8, abs=1e-6)
    assert metrics["minp"]["value"] == pytest.approx(7 / 8)
    # a subject of whom all is lost keeps its queries as misses
    nobody = {s: v for s, v in vectors.items() if "/0003/" not in s}
    metrics = recognise(fold, nobody, vectors).metrics
    assert metrics["rank1"]["value"] == pytest.approx(6 / 8)
    assert metrics["unmated_probes"] == 0


def test_a_query_seen_by_its_own_camera_alone_is_counted_and_said(
    tmp_path, official, embed, caplog
):
    testing.llcm(tmp_path, test=4, each=3)
    fold = official("llcm")["all_to_sampled_vis_to_ir"].fold(1)
    there = [
        c != "1" or s != "0001"
        for s, c in zip(
            fold.enroll["subject_id"].to_pylist(), fold.enroll["camera_id"].to_pylist(), strict=True
        )
    ]
    alone = replace(fold, enroll=fold.enroll.filter(there))
    vectors = embed(fold, noise=0.0)
    with caplog.at_level("WARNING"):
        metrics = recognise(alone, vectors, vectors).metrics
    assert metrics["unmated_probes"] == 3
    assert "3 of 24 probes have no mate in the gallery" in caplog.text
    wilson = round(4 / (4 + 1.959964**2), 4)  # of four people
    assert metrics["rank1"] == {"value": 1.0, "n": 21, "ci95": [wilson, 1.0]}


def reidentification(entries, queries, exclude):
    """Make a protocol of (sample id, subject, camera)."""
    tables = (
        template_table([(None, sample, who, sample, None, at) for sample, who, at in side])
        for side in (entries, queries)
    )
    kinds = {"exclude": exclude, "kind": Kind.REIDENTIFICATION}
    return Protocol("p", Provenance.DERIVED, "", *tables, None, train_table(), **kinds)


CAMERAS = [Exclude.SAME_CAMERA, Exclude.SAME_SUBJECT_AND_CAMERA]


@pytest.mark.parametrize("exclude", CAMERAS)
def test_two_images_without_a_camera_are_no_images_of_one_camera(exclude):
    entries = [("e1", "a", None), ("e2", "b", None)]
    fold = reidentification(entries, [("q1", "b", None), ("q2", "a", "1")], exclude)
    east, north = np.float32([1, 0]), np.float32([0, 1])
    vectors = {"e1": east, "e2": north, "q1": north, "q2": north}
    metrics = recognise(fold, vectors, vectors).metrics
    assert metrics["unmated_probes"] == 0
    assert (metrics["rank1"]["value"], metrics["rank1"]["n"]) == (0.5, 2)
    assert metrics["map"]["value"] == 0.75  # first for q1, second for q2
    lost = recognise(fold, {"e1": east}, vectors).metrics
    assert (lost["rank1"]["value"], lost["map"]["value"]) == (0.5, 0.5)  # for q2 alone


@pytest.mark.parametrize("exclude", CAMERAS)
def test_among_known_and_unknown_cameras_the_rule_is_the_described_one(exclude, both):
    rng = np.random.default_rng(9)

    def side(start, count):
        drawn = zip(rng.integers(0, 12, count), rng.integers(0, 3, count), strict=True)
        return [
            (f"{start}{n}", f"s{who:02d}", (None, "1", "2")[at])
            for n, (who, at) in enumerate(drawn)
        ]

    def meets(query, entry):
        same = query["camera_id"] is not None and query["camera_id"] == entry["camera_id"]
        return not (same and (exclude == Exclude.SAME_CAMERA or whose(query) == whose(entry)))

    def whose(row):
        return row["subject_id"]

    protocol = reidentification(side("e", 24), side("q", 40), exclude)
    vectors = {
        row["sample_id"]: rng.normal(size=4).astype(np.float32)
        for table in (protocol.enroll, protocol.probe)
        for row in table.to_pylist()
    }
    queries, entries = rows_of(protocol.probe, vectors), rows_of(protocol.enroll, vectors)
    measured = measure_protocol(protocol, both(vectors))
    agrees(measured, [authors(queries, entries, meets)])
    alone = sum(
        not any(whose(query) == whose(entry) and meets(query, entry) for entry in entries[2])
        for query in queries[2]
    )
    assert measured.metrics["unmated_probes"] == alone > 0


def test_the_two_llcm_protocols_differ(tmp_path, official, embed, both):
    testing.llcm(tmp_path, test=9, each=3)
    protocols = official("llcm")
    vectors = embed(protocols[LLCM[0]], noise=1.2) | embed(protocols[LLCM[2]], noise=1.2)
    one, other = (
        measure_protocol(protocols[name], both(vectors)).metrics["map"]["value"]
        for name in (LLCM[0], LLCM[2])
    )
    assert abs(one - other) > 0.02
