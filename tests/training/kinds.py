"""A replica and an evaluation of each kind of protocol: what it writes, and its right numbers.

Images of the replicas are one photograph, darkened from person to person and moved a little from
image to image, so that faces are found and no two are the same.
"""

import csv
import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import pairwise

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import skimage.data
from scipy.optimize import brentq
from sklearn.metrics import roc_curve

from pipeline.evaluation.recognition import HEADLINES
from pipeline.store.protocols import Exclude, Kind, read_protocol

SHOWN = {"rank1", "accuracy", "map", "eer"}
ROWS = ("sface", "untrained", "pretrained", "trained")
FACE = skimage.data.astronaut()[40:240, 130:330]


@dataclass(frozen=True)
class Case:
    """A protocol of a replica, and how many its first rate is of, worked out by hand."""

    kind: Kind
    reader: str
    protocol: str
    n: int
    options: dict = field(default_factory=dict)
    stage: str = "evaluate_nir_vis"


CASES = {
    # 2 people are tested with 2 NIR images each, in 2 folds
    "recognition": Case(Kind.RECOGNITION, "casia_nir_vis2", "view2", 8),
    # 2 folds of 2 pairs each
    "pair_accuracy": Case(Kind.PAIR_ACCURACY, "lfw", "view2", 4),
    # 4 genuine pairs, one of each person
    "verification": Case(Kind.VERIFICATION, "ijbc", "verification", 4),
    # each gallery has a mate of 2 of the 4 probes
    "open_set": Case(Kind.OPEN_SET, "ijbc", "identification", 4),
    # 2 listed images of one person, 3 of the other: 2 · 1 + 3 · 2 pairs of a probe and a mate
    "distractors": Case(Kind.DISTRACTORS, "megaface", "official", 8),
    # 2 people in 2 cameras, one image each, in 10 trials; of the other camera each has mates
    "reidentification": Case(
        Kind.REIDENTIFICATION, "llcm", "sampled_to_all_ir_to_vis", 40, {"train": 1, "each": 1}
    ),
    # 2 of 4 people with 2 images each, in 2 trials
    "reidentification_by_image": Case(
        Kind.REIDENTIFICATION_BY_IMAGE, "regdb", "visible_to_thermal", 8
    ),
}
OF_DMFR = {
    f"dmfr-{name}": replace(CASES[name], stage="evaluate_dmfr")
    for name in ("pair_accuracy", "verification", "open_set")
}
"""Kinds that DMFR is tested with: real probes of a data set of which nothing is synthesised."""
TESTED = {
    "evaluate_nir_vis": {"training": "hsst", "rows": "align"},
    "evaluate_dmfr": {"training": "meta", "rows": "attributes", "probes": "real"},
}


def entry_of(case):
    """The params of a case's evaluation by a network from elsewhere."""
    tested = {"dataset": case.reader, "protocol": case.protocol, "cross_dataset": True}
    return TESTED[case.stage] | tested


def photograph(key, extension=".png", grey=False):
    """An image of a replica: the subject's folder, or name, says how dark, the rest where."""
    person, own = (blake2b(part.encode()).digest() for part in (key.rpartition("/")[0] or key, key))
    image = np.roll(FACE, (own[0] % 7, own[1] % 7), (0, 1)) * (1.0 - 0.4 * person[0] / 255)
    image = np.ascontiguousarray(np.asarray(image, np.uint8)[..., ::-1])
    image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if grey else image
    return cv2.imencode(extension, image)[1].tobytes()


def rate(metrics, name):
    """Return a rate by its key, as ``HEADLINES`` has it."""
    table, _, key = name.partition(".")
    return metrics[table][key] if key else metrics[table]


def check_written(root, dataset, name, case, n=None):
    """Assert that an evaluation wrote all that there is to look at; returns its metrics."""
    reports, written = root / "reports", f"{dataset}/{case.stage}/{name}"
    metrics = json.loads((reports / f"metrics/{written}.json").read_text())
    protocol = read_protocol(root / f"data/{dataset}/protocols/{case.protocol}")
    assert protocol.kind == case.kind
    first = HEADLINES[case.kind][0]
    for row in (metrics, *(metrics[beside] for beside in ROWS[:3])):
        assert rate(row, first)["n"] == (n or case.n)
        values = [rate(row, each)["value"] for each in HEADLINES[case.kind]]
        assert all(value is None or 0 <= value <= 1 for value in values)
    table = (reports / f"figures/{written}.md").read_text()
    for row in ("| SFace, zero-shot |", "| untrained |", "| pretrained |", "| **trained** |"):
        assert row in table
    curves = {}
    for kind in ("roc", "cmc"):
        with (reports / f"curves/{written}.{kind}.csv").open() as file:
            curves[kind] = {point["row"] for point in csv.DictReader(file)}
        # a protocol has what its kind is published with
        assert curves[kind] in (set(ROWS), set()), kind
    assert any(curves.values())
    summary = json.loads((reports / f"summary/{written}.json").read_text())
    assert 0 < len(summary) <= 8
    assert all(summary[key] == rate(metrics, key)["value"] for key in summary if key in SHOWN)
    assert SHOWN & summary.keys()
    assert (reports / f"figures/{written}.png").stat().st_size > 0
    assert (reports / f"contact/{written}.png").stat().st_size > 0
    return metrics


def check_numbers(root, dataset, name, case, metrics, folds=None):
    """Assert that rates are those of the embeddings beside them, worked out in a few lines."""
    protocol = read_protocol(root / f"data/{dataset}/protocols/{case.protocol}")
    table = pq.read_table(root / f"data/{dataset}/{case.stage}/{name}/embeddings.parquet")
    vectors = defaultdict(dict)
    for row in table.to_pylist():
        vectors[row["fold"], row["side"]][row["sample_id"]] = np.array(row["embedding"])
    sides = {
        fold: (
            protocol.fold(fold),
            templates(protocol.fold(fold).enroll, vectors[fold, "gallery"]),
            templates(protocol.fold(fold).probe, vectors[fold, "probe"]),
        )
        for fold in folds or protocol.folds()
    }
    for key, value in RIGHT[case.kind](sides).items():
        assert rate(metrics, key)["value"] == pytest.approx(value, abs=2e-6), key


def templates(table, vectors):
    """Each template's subject, camera and direction: media first, then over them."""
    media, whose = defaultdict(lambda: defaultdict(list)), {}
    for row in table.to_pylist():
        vector = vectors[row["sample_id"]]
        media[row["template_id"]][row["media_id"]].append(vector / np.linalg.norm(vector))
        whose[row["template_id"]] = row["subject_id"], row["camera_id"]
    made = {}
    for name, groups in media.items():
        mean = np.mean([np.mean(group, axis=0) for group in groups.values()], axis=0)
        made[name] = (*whose[name], mean / np.linalg.norm(mean))
    return made


def searched(sides):
    """Rank-1, and mAP over the gallery that a query meets, of probes with a mate there."""
    hits, precisions = [], []
    for protocol, gallery, probes in sides.values():
        found = []
        for subject, camera, vector in probes.values():
            met = [
                (float(vector @ other), who == subject)
                for who, where, other in gallery.values()
                if protocol.exclude == Exclude.NONE or (who, where) != (subject, camera)
            ]
            if not any(own for _, own in met):
                continue
            best = max(score for score, own in met if own)
            hit = best > max((score for score, own in met if not own), default=-2.0)
            places = [n for n, (_, own) in enumerate(sorted(met, reverse=True), 1) if own]
            found.append((hit, np.mean([(k + 1) / place for k, place in enumerate(places)])))
        hits.append(np.mean([hit for hit, _ in found]))
        precisions.append(np.mean([precision for _, precision in found]))
    return {"rank1": np.mean(hits), "map": np.mean(precisions)}


def scored(protocol, gallery, probes):
    """Scores of listed pairs, and who is the same."""
    return [
        (
            float(gallery[p["enroll_template_id"]][2] @ probes[p["probe_template_id"]][2]),
            p["same"],
        )
        for p in protocol.match.to_pylist()
    ]


def accuracy(sides):
    """LFW's rule: the best threshold of the other folds judges a fold's pairs."""
    pairs = {fold: scored(*each) for fold, each in sides.items()}
    right = []
    for fold, mine in pairs.items():
        others = [pair for number, more in pairs.items() if number != fold for pair in more]
        scores = sorted({score for score, _ in others})
        tried = [-2.0, *((a + b) / 2 for a, b in pairwise(scores)), 2.0]
        counts = [sum((score > t) == same for score, same in others) for t in tried]
        best = max(t for t, count in zip(tried, counts, strict=True) if count == max(counts))
        right.append(np.mean([(score > best) == same for score, same in mine]))
    return {"accuracy": np.mean(right)}


def equal_errors(sides):
    """Where the joined ROC meets the line of equal errors."""
    (pairs,) = (scored(*each) for each in sides.values())
    scores, same = zip(*pairs, strict=True)
    far, tar, _ = roc_curve(same, scores, drop_intermediate=False)
    return {"eer": brentq(lambda x: 1 - x - np.interp(x, far, tar), -0.1, 1.1)}


def among_distractors(sides):
    """Each probe among the distractors and one mate at a time."""
    ((_, gallery, probes),) = sides.values()
    strangers = [vector for subject, _, vector in gallery.values() if subject is None]
    hits = [
        float(vector @ mate) > max(float(vector @ other) for other in strangers)
        for name, (subject, _, vector) in probes.items()
        for known, (who, _, mate) in gallery.items()
        if who == subject and known != name
    ]
    return {"rank1": np.mean(hits)}


def rank1(sides):
    """Rank-1 alone."""
    return {"rank1": searched(sides)["rank1"]}


RIGHT = {
    Kind.RECOGNITION: rank1,
    Kind.PAIR_ACCURACY: accuracy,
    Kind.VERIFICATION: equal_errors,
    Kind.OPEN_SET: rank1,
    Kind.DISTRACTORS: among_distractors,
    Kind.REIDENTIFICATION: searched,
    Kind.REIDENTIFICATION_BY_IMAGE: searched,
}
