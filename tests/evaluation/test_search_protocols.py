"""Searches on replicas, by brute force: IJB-A, -B and -C 1:N, MegaFace."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from pipeline import testing
from pipeline.errors import ReaderError, StageError
from pipeline.evaluation.recognition import EmbeddingTable, measure_protocol, recognise
from pipeline.store.protocols import (
    Exclude,
    Kind,
    Protocol,
    Provenance,
    template_table,
    train_table,
)


def unit(vector):
    vector = np.asarray(vector, np.float64)
    return vector / np.linalg.norm(vector)


def pooled(table, vectors):
    """Subject and vector of each template: media first, then over them."""
    media, subject_of = {}, {}
    for row in table.to_pylist():
        if row["sample_id"] in vectors:
            of = media.setdefault(row["template_id"], {}).setdefault(row["media_id"], [])
            of.append(unit(vectors[row["sample_id"]]))
        subject_of[row["template_id"]] = row["subject_id"]
    return {
        name: (
            subject_of[name],
            unit(np.mean([np.mean(g, axis=0) for g in groups.values()], axis=0)),
        )
        for name, groups in media.items()
    }


def identified(fold, gallery, probes, fpir):
    """Try every alarm's score as threshold: the most identifications with few enough alarms."""
    known, asked = pooled(fold.enroll, gallery), pooled(fold.probe, probes)
    enrolled = set(fold.enroll["subject_id"].to_pylist())
    mated = {r["template_id"] for r in fold.probe.to_pylist() if r["subject_id"] in enrolled}
    alarms, found = [], []
    for name, (subject, vector) in asked.items():
        scores = {of: (who, float(vector @ other)) for of, (who, other) in known.items()}
        best = max(score for _, score in scores.values())
        if name not in mated:
            alarms.append(best)
            continue
        own = max((s for who, s in scores.values() if who == subject), default=-np.inf)
        if own == best:
            found.append(own)
    tried = [-2.0, *(np.nextafter(a, 2) for a in alarms)]
    rates = [
        sum(f >= t for f in found) / len(mated)
        for t in tried
        if np.mean(np.array(alarms) >= t) <= fpir
    ]
    return max(rates), len(found) / len(mated)


@pytest.mark.parametrize("reader", ["ijbb", "ijbc", "ijb_insightface"])
def test_ijbc_search_of_each_gallery_and_their_mean_is_a_brute_force(
    tmp_path, official, embed, reader
):
    getattr(testing, reader)(tmp_path, subjects=80)
    protocol = official(reader)["identification"]
    vectors = embed(protocol, noise=1.2)
    measured = measure_protocol(protocol, lambda _: (vectors, vectors))
    expected = [identified(protocol.fold(n), vectors, vectors, 0.1) for n in (1, 2)]
    for fold, (rate, rank1) in zip(measured.folds, expected, strict=True):
        assert fold.metrics["tpir_at_fpir"]["1e-1"]["value"] == pytest.approx(rate, abs=1e-6)
        assert fold.metrics["rank1"]["value"] == pytest.approx(rank1, abs=1e-6)
        assert fold.metrics["unmated_probes"] == 40
        assert fold.cmc[0] == pytest.approx(rank1)
        assert fold.metrics["tpir_at_fpir"]["1e-2"]["value"] is None  # 0.4 alarms of 40
    joined = measured.metrics["tpir_at_fpir"]["1e-1"]
    assert joined["value"] == pytest.approx(np.mean(expected, axis=0)[0], abs=1e-6)
    assert 0 < joined["value"] < 1
    assert joined["n"] == 80


def test_a_mate_that_could_not_be_enrolled_is_a_miss_and_no_stranger(tmp_path, official, embed):
    testing.ijbc(tmp_path, subjects=80)
    fold = official("ijbc")["identification"].fold(1)
    vectors = embed(fold, noise=0.0)
    gallery = {s: v for s, v in vectors.items() if not s.startswith("3/")}
    probes = {s: v for s, v in vectors.items() if not s.startswith("5/")}
    metrics = recognise(fold, gallery, probes).metrics
    assert metrics["tpir_at_fpir"]["1e-1"]["value"] == pytest.approx(38 / 40, abs=1e-6)
    assert metrics["rank1"]["value"] == pytest.approx(38 / 40, abs=1e-6)
    assert metrics["unmated_probes"] == 40
    assert identified(fold, gallery, probes, 0.1)[0] == 38 / 40


def test_the_alarm_of_a_probe_whose_mate_failed_moves_no_threshold():
    """By hand, in the plane: c's entry failed, and its probe lies on that of a.

    One of ten strangers may raise an alarm: the threshold lies between 15° and 30°, and lets the
    own scores of a (10°) and b (20°) pass.
    """

    def at(**degrees):
        radians = {name: np.radians(angle) for name, angle in degrees.items()}
        return {name: np.float32([np.cos(r), np.sin(r)]) for name, r in radians.items()}

    def table(names):
        return template_table([(None, n, n[0] if n[0] in "abc" else n, n, n, None) for n in names])

    strangers = {f"x{n}": 15 if n == 0 else 30 + n for n in range(10)}
    gallery, probes = at(a=0, b=180), at(a1=10, b1=180 + 20, c1=0, **strangers)
    tables = table(["a", "b", "c"]), table(probes)
    fold = Protocol("p", Provenance.DERIVED, "", *tables, None, train_table(), kind=Kind.OPEN_SET)
    metrics = recognise(fold, gallery, probes).metrics
    found = metrics["tpir_at_fpir"]["1e-1"]
    assert found["value"] == pytest.approx(2 / 3, abs=1e-6)
    assert found["value"] == pytest.approx(identified(fold, gallery, probes, 0.1)[0], abs=1e-6)
    assert (found["achieved_far"], found["n"]) == (0.1, 3)
    assert metrics["unmated_probes"] == 10


def test_ijba_search_has_ten_splits_and_their_deviation(tmp_path, official, embed):
    testing.ijba(tmp_path, subjects=5, splits=10)
    protocol = official("ijba")["identification"]
    vectors = embed(protocol, noise=0.0)
    metrics = measure_protocol(protocol, lambda _: (vectors, vectors)).metrics
    # img/1.jpg shows subject 2 as well, so that template is of two images; 5 is a stranger
    assert metrics["rank1"] == {"value": 1.0, "std": 0.0, "folds": [1.0] * 10, "n": 30}
    assert metrics["unmated_probes"] == 10


def megaface_by_hand(protocol, gallery, probes):
    """Each probe among the distractors and one other image of its subject at a time."""
    distractors = [
        unit(gallery[r["sample_id"]])
        for r in protocol.enroll.to_pylist()
        if r["subject_id"] is None and r["sample_id"] in gallery
    ]
    mates = [r for r in protocol.enroll.to_pylist() if r["subject_id"] is not None]
    ranks, genuine = [], []
    for probe in protocol.probe.to_pylist():
        for mate in mates:
            if mate["subject_id"] != probe["subject_id"] or mate["sample_id"] == probe["sample_id"]:
                continue
            if probe["sample_id"] not in probes or mate["sample_id"] not in gallery:
                ranks.append(0)
                genuine.append(-np.inf)
                continue
            vector = unit(probes[probe["sample_id"]])
            own = float(vector @ unit(gallery[mate["sample_id"]]))
            ranks.append(1 + sum(float(vector @ other) >= own for other in distractors))
            genuine.append(own)
    impostor = [
        float(unit(probes[p["sample_id"]]) @ other)
        for p in protocol.probe.to_pylist()
        if p["sample_id"] in probes
        for other in distractors
    ]
    return np.array(ranks), np.array(genuine), np.sort(impostor)[::-1]


@pytest.mark.parametrize("lost", [False, True])
def test_megaface_ranks_are_those_of_one_mate_at_a_time(tmp_path, official, embed, lost):
    testing.megaface(tmp_path, people=5, each=4, distractors=150)
    protocol = official("megaface")["official"]
    vectors = embed(protocol, noise=0.5)
    gallery, probes = dict(vectors), dict(vectors)
    if lost:
        del gallery[protocol.probe["sample_id"][4].as_py()]
        del probes[protocol.probe["sample_id"][7].as_py()]
        del gallery[
            next(r["sample_id"] for r in protocol.enroll.to_pylist() if not r["subject_id"])
        ]
    ranks, genuine, impostor = megaface_by_hand(protocol, gallery, probes)
    found = recognise(protocol, gallery, probes)
    for k in (1, 5, 10):
        expected = np.mean((ranks > 0) & (ranks <= k))
        assert found.metrics[f"rank{k}"]["value"] == pytest.approx(expected, abs=1e-6)
        assert found.cmc[k - 1] == pytest.approx(expected)
    assert 0.1 < found.metrics["rank1"]["value"] < 0.99
    assert found.metrics["rank1"]["n"] == len(ranks) == 4 * 4 * 3 + 3 * 2  # the list leaves one out
    assert found.metrics["impostor"] == len(impostor)
    threshold = impostor[len(impostor) // 100]  # the first that may not be accepted
    expected = np.mean(genuine > threshold)
    assert found.metrics["tar_at_far"]["1e-2"]["value"] == pytest.approx(expected, abs=1e-6)
    assert found.metrics["distractors"] == 150


def test_megaface_cleaned_leaves_the_noise_out(tmp_path, official, embed):
    testing.megaface(tmp_path, people=5, each=4, distractors=150)
    protocol = official("megaface")["cleaned"]
    vectors = embed(protocol, noise=0.5)
    ranks, _, _ = megaface_by_hand(protocol, vectors, vectors)
    found = recognise(protocol, vectors, vectors).metrics
    assert found["rank1"]["value"] == pytest.approx(np.mean(ranks == 1), abs=1e-6)
    assert found["distractors"] == 149


def test_megaface_refined_is_insightfaces_rule(tmp_path, official, embed):
    """The embedding of a wrong image is put in place by the mean of its subject's right ones."""
    testing.megaface(tmp_path, people=5, each=4, distractors=150)
    with (tmp_path / "facescrub_noises.txt").open("a") as file:
        file.write("Some_Body2_1.png\n")
    protocols = official("megaface")
    plain, refined = protocols["official"], protocols["refined"]
    vectors = embed(plain, noise=0.5)
    others = [f"facescrub/Some_Body2/Some_Body2_{n}" for n in (0, 2, 3)]
    mean = np.mean([unit(vectors[name]) for name in others], axis=0)
    put = vectors | {"facescrub/Some_Body2/Some_Body2_1": mean}
    (wrong,) = (
        set(plain.enroll["sample_id"].to_pylist())
        - set(refined.enroll["sample_id"].to_pylist())
        - {"facescrub/Some_Body2/Some_Body2_1"}
    )
    assert wrong.startswith("megaface/")
    del put[wrong]
    ranks, genuine, impostor = megaface_by_hand(plain, put, put)
    found = recognise(refined, vectors, vectors).metrics
    assert found["rank1"]["value"] == pytest.approx(np.mean(ranks == 1), abs=1e-6)
    assert found["rank1"]["n"] == len(genuine) == 4 * 4 * 3 + 3 * 2  # as many as in `official`
    assert (found["distractors"], found["impostor"]) == (149, len(impostor))
    assert 0.1 < found["rank1"]["value"] < 0.99


def test_megaface_without_a_right_image_of_a_subject_is_told(tmp_path, official):
    testing.megaface(tmp_path, people=2, each=2)
    with (tmp_path / "facescrub_noises.txt").open("a") as file:
        file.write("Some_Body1_0.png\nSome_Body1_1.png\n")
    with pytest.raises(ReaderError, match="names all images of Some_Body1: expected one that is"):
        official("megaface")


def test_a_table_of_embeddings_gives_what_a_dictionary_gives(tmp_path, official, embed):
    testing.megaface(tmp_path, people=3, each=3, distractors=40)
    protocol = official("megaface")["official"]
    vectors = embed(protocol)
    table = EmbeddingTable(pa.array(list(vectors)), np.stack(list(vectors.values())))
    assert (
        recognise(protocol, table, table).metrics == recognise(protocol, vectors, vectors).metrics
    )


def test_a_distractor_that_equals_the_mate_is_no_hit(tmp_path, official, embed):
    testing.megaface(tmp_path, people=2, each=3, distractors=5)
    protocol = official("megaface")["official"]
    same = {sample: np.array([1.0, 0.0], np.float32) for sample in embed(protocol)}
    assert recognise(protocol, same, same).metrics["rank1"]["value"] == 0.0


def test_a_copy_of_each_mate_among_the_distractors_is_found_whatever_is_rounded():
    """A score of 512 products has another last bit if they are added in another order."""
    rng = np.random.default_rng(0)
    people, noise = rng.normal(size=(40, 512)), rng.normal(size=(2, 40, 512))
    kinds = {kind: people + 0.3 * each for kind, each in zip("pm", noise, strict=True)}
    kinds["x"] = kinds["m"]  # copies
    faces = {f"{kind}{n}": face for kind, those in kinds.items() for n, face in enumerate(those)}
    rows = [(None, name, None if name[0] == "x" else name[1:], name, name, None) for name in faces]
    protocol = Protocol(
        *("p", Provenance.DERIVED, "", template_table(rows), template_table(rows[:40])),
        *(None, train_table()),
        exclude=Exclude.OTHER_MATES,
        kind=Kind.DISTRACTORS,
    )
    metrics = recognise(protocol, faces, faces).metrics
    assert (metrics["rank1"]["value"], metrics["rank1"]["n"]) == (0.0, 40)
    assert metrics["rank5"]["value"] == 1.0


def test_alarms_that_are_too_few_are_called_probes_without_a_mate(tmp_path, official, embed):
    testing.ijbc(tmp_path, subjects=80)
    fold = official("ijbc")["identification"].fold(1)
    vectors = embed(fold)
    found = recognise(fold, vectors, vectors)
    reason = found.metrics["tpir_at_fpir"]["1e-2"]["reason"]
    assert reason == "too few probes without a mate: 40 of at least 100"


def test_a_curve_ends_with_the_last_of_the_gallery(tmp_path, official, embed):
    """Beyond, whoever was not missed is found; a stranger is one more to be ranked behind."""
    testing.ijbc(tmp_path, subjects=10)
    fold = official("ijbc")["identification"].fold(1)
    vectors = embed(fold)
    assert len(recognise(fold, vectors, vectors).cmc) == 5
    rows = fold.enroll.to_pylist()
    strangers = sorted({row["template_id"] for row in rows})[:2]
    table = (r | {"subject_id": None} if r["template_id"] in strangers else r for r in rows)
    fold = replace(fold, enroll=template_table(table))
    assert len(recognise(fold, vectors, vectors).cmc) == 5
    closed = replace(fold, kind=Kind.RECOGNITION)
    assert len(recognise(closed, vectors, vectors).cmc) == 5


def test_without_distractors_there_is_no_search(tmp_path, official, embed):
    testing.megaface(tmp_path)
    protocol = official("megaface")["official"]
    known = [s is not None for s in protocol.enroll["subject_id"].to_pylist()]
    vectors = embed(protocol)
    with pytest.raises(
        StageError, match=r"distractors and .* pairs of a probe and its mate .*`crossband rejected`"
    ):
        recognise(replace(protocol, enroll=protocol.enroll.filter(known)), vectors, vectors)
