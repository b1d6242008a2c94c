"""Writes ``torchreid_numbers.json``: what torchreid measures on what ``reid_replicas`` embeds.

Run in an environment that has torchreid 0.2.5 (``pip install --no-deps torchreid==0.2.5``) beside
crossband: ``python tests/evaluation/ask_torchreid.py``. Two of its modules are loaded by their
path: the whole package wants far more. torchreid ranks images and leaves out those of the query's
own subject and camera; what protocols ask beyond that is done to its input, not to its numbers:

- CMC over subjects (LLCM, SYSU-MM01): each subject is one entry, as far as its nearest image;
- SYSU-MM01: queries of camera 3 are asked apart, of a gallery without camera 2.
"""

import json
import runpy
import sys
import tempfile
import warnings
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from reid_replicas import REID, reid_cases

NUMBERS = Path(__file__).with_name("torchreid_numbers.json")
RANKS = (1, 5, 10, 20)


def asked(rank, distances, queries, gallery, *, by_image):
    """Return torchreid's CMC and mAP, and of how many queries they are the means."""
    people = sorted({row["subject_id"] for row in (*queries, *gallery)})
    owners, known = (
        np.array([people.index(row["subject_id"]) for row in rows]) for rows in (queries, gallery)
    )
    seen, taken = (
        np.array([int(row["camera_id"] or 0) for row in rows]) for rows in (queries, gallery)
    )
    if (seen == 0).all():  # no cameras: nothing is left out
        taken = taken - 1
    most = min(20, len(known)) if by_image else 1  # it wants as many images of every query
    curve, precision = rank(distances, owners, known, seen, taken, max_rank=most)
    own = (owners[:, None] == known) & (seen[:, None] == taken)
    mated = ((owners[:, None] == known) & ~own).any(axis=1)
    if not by_image:
        met = np.where(own, np.inf, distances)
        names = np.unique(known)
        nearest = np.stack([met[:, known == name].min(axis=1) for name in names], axis=1)
        elsewhere = np.full(len(names), -1)
        given = nearest[mated], owners[mated], names, seen[mated], elsewhere
        curve, _ = rank(*given, max_rank=min(20, len(names)))
    whole = np.concatenate([curve, np.full(20 - len(curve), curve[-1])])
    return whole, precision, mated.sum()


def numbers(rank, distance, protocol, vectors, reader):
    """Return means over a protocol's folds of torchreid's rates."""
    found = []
    for fold in map(protocol.fold, protocol.folds()):
        queries, gallery = (
            [row for row in table.to_pylist() if row["sample_id"] in vectors]
            for table in (fold.probe, fold.enroll)
        )
        parts = [(queries, gallery)]
        if reader == "sysu_mm01":
            third = [row for row in queries if row["sample_id"].startswith("cam3/")]
            others = [row for row in queries if not row["sample_id"].startswith("cam3/")]
            elsewhere = [row for row in gallery if not row["sample_id"].startswith("cam2/")]
            parts = [(others, gallery), (third, elsewhere)]
        made = []
        for mine, met in (part for part in parts if all(part)):
            sides = (
                torch.tensor(np.stack([vectors[row["sample_id"]] for row in rows])).double()
                for rows in (mine, met)
            )
            distances = distance(*sides, metric="cosine").numpy()
            made.append(asked(rank, distances, mine, met, by_image=reader == "regdb"))
        weights = [count for *_, count in made]
        curve = np.average([each for each, *_ in made], axis=0, weights=weights)
        found.append(
            [*curve[np.array(RANKS) - 1], np.average([p for _, p, _ in made], weights=weights)]
        )
    means = np.mean(found, axis=0).round(9).tolist()
    return dict(zip([*(f"rank{k}" for k in RANKS), "map"], means, strict=True))


def main():
    """Ask it of every protocol."""
    package = Path(find_spec("torchreid").origin).parent / "reid/metrics"
    sys.modules["torchreid"] = None  # so that ``rank`` does not ask for its compiled form there
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it goes without
        rank = runpy.run_path(str(package / "rank.py"))["evaluate_py"]
    distance = runpy.run_path(str(package / "distance.py"))["compute_distance_matrix"]

    def ranked(*given, max_rank):
        return rank(*given, max_rank, False)

    rows = {}
    for reader in REID:
        with tempfile.TemporaryDirectory() as folder:
            for protocol, vectors in reid_cases(reader, Path(folder)):
                rows[protocol.name] = numbers(ranked, distance, protocol, vectors, reader)
    said = {"torchreid": version("torchreid"), "numbers": rows}
    NUMBERS.write_text(json.dumps(said, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
