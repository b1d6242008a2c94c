"""NIR-VIS and thermal protocols on replicas, by brute force."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from pipeline import testing
from pipeline.evaluation.recognition import measure_protocol, recognise


def by_hand(fold, vectors):
    """Return rank-1, and scores and labels of all comparisons."""
    sides = []
    for table in (fold.enroll, fold.probe):
        rows = table.to_pylist()
        units = np.stack([vectors[row["sample_id"]] for row in rows]).astype(np.float64)
        units /= np.linalg.norm(units, axis=1, keepdims=True)
        sides.append((units, np.array([row["subject_id"] for row in rows])))
    (gallery, known), (probes, asked) = sides
    scores = probes @ gallery.T
    same = asked[:, None] == known
    return np.mean(known[scores.argmax(axis=1)] == asked), scores.ravel(), same.ravel()


def write_buaa(root):
    testing.buaa_visnir(root, subjects=40)


def write_oulu(root):
    everybody = tuple(f"P{number:03d}" for number in range(1, 81))
    testing.oulu_casia_nirvis(root, subjects=everybody, frames=1, expressions=("Happiness",))


def write_lamp(root):
    testing.lamp_hq(root, subjects=40, each=4)


def write_mcxface(root):
    testing.mcxface(root, subjects=40)


def write_tufts(root):
    testing.tufts(root, subjects=24)
    testing.tufts_lists(root, subjects=24)


def write_arl(root):
    testing.arl_vtf(root, subjects=40, frames=1)


@pytest.mark.parametrize(
    ("reader", "name", "write"),
    [
        ("buaa_visnir", "50_100_v1", write_buaa),
        ("oulu_casia_nirvis", "20_20_v1", write_oulu),
        ("lamp_hq", "ten_folds", write_lamp),
        ("mcxface", "color_thermal", write_mcxface),
        ("tufts", "vis_thermal", write_tufts),
        ("arl_vtf", "pose", write_arl),
    ],
)
def test_rates_are_those_of_the_full_matrix(tmp_path, official, embed, reader, name, write):
    write(tmp_path)
    fold = official(reader)[name].fold(1)
    vectors = embed(fold, noise=1.0)
    metrics = recognise(fold, vectors, vectors).metrics
    rank1, scores, same = by_hand(fold, vectors)
    assert metrics["rank1"]["value"] == pytest.approx(rank1, abs=1e-6)
    assert 0 < rank1 < 1
    far, tar, _ = roc_curve(same, scores, drop_intermediate=False)
    for target, name in ((0.1, "1e-1"), (0.01, "1e-2")):
        expected = tar[np.flatnonzero(far <= target)[-1]]
        if metrics["tar_at_far"][name]["value"] is not None:
            assert metrics["tar_at_far"][name]["value"] == pytest.approx(expected, abs=1e-6)
    assert metrics["tar_at_far"]["1e-1"]["value"] is not None
    frr = 1 - tar
    crossing = np.argmin(np.abs(far - frr))
    assert metrics["eer"]["value"] == pytest.approx((far + frr)[crossing] / 2, abs=0.01)
    assert (metrics["genuine"], metrics["impostor"]) == (same.sum(), (~same).sum())


def test_each_fold_of_casia_is_tested_with_a_network_of_its_own(tmp_path, official, embed):
    testing.casia_nir_vis2(tmp_path)
    protocol = official("casia_nir_vis2")["view2"]
    nets = {n: embed(protocol.fold(n), noise=0.5 * n, seed=n) for n in protocol.folds()}
    measured = measure_protocol(protocol, lambda number: (nets[number], nets[number]))
    expected = [by_hand(protocol.fold(n), nets[n])[0] for n in protocol.folds()]
    assert measured.metrics["rank1"]["folds"] == pytest.approx(expected, abs=1e-6)
    assert measured.metrics["rank1"]["value"] == pytest.approx(np.mean(expected), abs=1e-6)
    assert measured.metrics["rank1"]["std"] == pytest.approx(np.std(expected, ddof=1), abs=1e-4)
    alone = recognise(protocol.fold(2), nets[2], nets[2])
    assert alone.metrics == measured.folds[1].metrics
