"""Where recognition fails: the worst genuine and impostor pairs, and bands against bands."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.evaluation.comparison import Comparison, compare, unit_length
from pipeline.evaluation.curve import curve_of_scores, eer
from pipeline.report.chosen_rows import IMAGE, read_rows, shot_sql
from pipeline.report.query import Tables
from pipeline.store import ShardFolder
from pipeline.store.columns import vectors_of
from pipeline.store.seal import read_sealed
from pipeline.types import Band, Float32

FACES_OF_A_BAND = 300
"""Faces of each band that the matrix of bands compares."""
PAIRS = 8
_MOST_COMPARED = 4000
_BLOCK = 512


@dataclass(frozen=True)
class Pair:
    """Two images and their cosine."""

    probe: str
    gallery: str
    probe_subject: str
    gallery_subject: str
    score: float


def worst_pairs(path: Path) -> tuple[list[Pair], list[Pair]]:
    """Return the least alike images of one subject and the most alike ones of two.

    Each probe stands in at most one pair of a kind, and of more than 4000 images on a side, so
    many spread evenly over them are compared.

    Args:
        path: ``embeddings.parquet`` of an evaluation; its first fold counts.

    Returns:
        Genuine pairs, lowest first; impostor pairs, highest first.
    """
    table = read_sealed(path)
    # Templates of bands have no sides: each band is searched for each other.
    if not len(table) or "side" not in table.column_names:
        return [], []
    folds = np.asarray(table["fold"])
    table = table.filter(folds == folds.min())
    sides = np.asarray(table["side"])
    gallery, probes = (_Side.of(table.filter(sides == side)) for side in ("gallery", "probe"))
    genuine: list[Pair] = []
    impostor: list[Pair] = []
    for start in range(0, len(probes.names) if len(gallery.names) else 0, _BLOCK):
        run = slice(start, start + _BLOCK)
        scores = probes.vectors[run] @ gallery.vectors.T
        same = probes.subjects[run, None] == gallery.subjects
        itself = probes.names[run, None] == gallery.names
        known = (probes.subjects[run, None] != "") & (gallery.subjects != "")
        genuine += _extremes(scores, same & known & ~itself, start, probes, gallery, -1)
        impostor += _extremes(scores, ~same & known, start, probes, gallery, 1)
    return (
        sorted(genuine, key=lambda pair: (pair.score, pair.probe))[:PAIRS],
        sorted(impostor, key=lambda pair: (-pair.score, pair.probe))[:PAIRS],
    )


def band_matrix(folder: ShardFolder) -> dict[tuple[str, str], float]:
    """Return the equal error rate of SFace by the bands of gallery and probe.

    Args:
        folder: output of ``attributes``.

    Returns:
        By gallery's and probe's band; pairs without genuine or impostor comparisons are left out.
    """
    tables = Tables.of(folder, f"sample_id, subject_id, band, {shot_sql(IMAGE)} AS shot")
    chosen = tables.ask(
        """SELECT sample_id, shot FROM (SELECT *, row_number() OVER (PARTITION BY band
            ORDER BY md5(shot)) AS place
            FROM rows WHERE subject_id IS NOT NULL)
        WHERE place <= $most ORDER BY sample_id""",
        most=FACES_OF_A_BAND,
    )
    columns = ["sample_id", "subject_id", "band", "embedding"]
    shot_of = dict(chosen)
    rows = read_rows(folder, shot_of, columns)
    bands = {band: [row for row in rows if row["band"] == band] for band in Band}
    found = {}
    for (one, gallery), (other, probes) in product(bands.items(), repeat=2):
        if gallery and probes:
            shots = [
                np.array([shot_of[row["sample_id"]] for row in side]) for side in (probes, gallery)
            ]
            comparison = compare(
                np.stack([row["embedding"] for row in probes]),
                np.stack([row["embedding"] for row in gallery]),
                np.array([row["subject_id"] for row in probes]),
                np.array([row["subject_id"] for row in gallery]),
                probe_cameras=shots[0],
                gallery_cameras=shots[1],
            )
            rate = _eer(comparison)
            if rate is not None:
                found[str(one), str(other)] = round(rate, 4)
    return found


def _eer(comparison: Comparison) -> float | None:
    """Return what ``measure`` gives, of few scores at once: to compile its loops takes longer."""
    scores = comparison.scores()
    column = np.arange(len(comparison.gallery))
    own = (column >= comparison.own_start[:, None]) & (column < comparison.own_stop[:, None])
    others_camera = comparison.gallery_camera != comparison.probe_camera[:, None]
    return eer(curve_of_scores(scores[own & others_camera], scores[~own]))


@dataclass(frozen=True)
class _Side:
    names: NDArray[np.str_]
    subjects: NDArray[np.str_]
    vectors: Float32

    @classmethod
    def of(cls, table: pa.Table) -> "_Side":
        kept = table.take(np.arange(0, len(table), max(1, -(-len(table) // _MOST_COMPARED))))
        vectors = vectors_of(kept["embedding"])
        return cls(
            np.array(kept["sample_id"].to_pylist(), np.str_),
            np.array([name or "" for name in kept["subject_id"].to_pylist()], np.str_),
            unit_length(vectors) if len(kept) else vectors,
        )


def _extremes(
    scores: Float32,
    counted: NDArray[np.bool_],
    start: int,
    probes: _Side,
    gallery: _Side,
    sign: int,
) -> Sequence[Pair]:
    """Return each probe's pair with the highest (sign 1) or lowest (-1) score, the first ones."""
    signed = np.where(counted, sign * scores, -np.inf)
    best = signed.argmax(axis=1)
    heights = signed[np.arange(len(best)), best]
    order = [i for i in np.argsort(-heights, kind="stable")[:PAIRS] if np.isfinite(heights[i])]
    return [
        Pair(
            str(probes.names[start + i]),
            str(gallery.names[best[i]]),
            str(probes.subjects[start + i]),
            str(gallery.subjects[best[i]]),
            round(float(scores[i, best[i]]), 6),
        )
        for i in order
    ]
