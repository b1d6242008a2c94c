"""MegaFace's search and IJB-C's pairs in full size against plain numpy, in time and memory.

Run: ``python -m benchmarks.bench_protocols``, or one of them, ``megaface`` or ``ijbc``. Both sides
get the same embeddings and give rank-1 and TAR at FAR exactly; the numbers are compared. Plain
numpy holds a part of the full size, as it has to keep every score: ``--share`` of the distractors
or pairs. For our memory in full size run one with ``--ours-only --share 1``: 1,000,000 distractors
× 3,530 probes, whose embeddings lie in a memory-mapped file, or 15.7 million pairs of 23,124
templates.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.results import peak_mb
from benchmarks.timing import compare
from pipeline.evaluation.recognition import EmbeddingTable, recognise
from pipeline.store.protocols import (
    MATCH,
    TEMPLATE_TABLE,
    Exclude,
    Kind,
    Protocol,
    Provenance,
    train_table,
)
from pipeline.types import Float32

DIMENSIONS = 128
PROBES, PROBE_SUBJECTS, DISTRACTORS = 3530, 80, 1_000_000
GALLERY, SEARCHED, PAIRS = 3531, 19593, 15_658_489
FARS = ("1e-3", "1e-4")

Case = tuple[Callable[[], list[float]], Callable[[], list[float]], int]
"""Ours, plain numpy's, and how many scores."""


def templates(ids: pa.Array, subjects: pa.Array) -> pa.Table:
    """Make a table of templates of one sample each."""
    nothing = pa.nulls(len(ids), pa.string())
    columns = [pa.nulls(len(ids), pa.int32()), ids, subjects, ids, ids, nothing]
    return pa.table(columns, schema=TEMPLATE_TABLE)


def vectors_of(subjects: np.ndarray, seed: int, file: Path | None = None) -> Float32:
    """Draw embeddings, float32 (n, d), around each subject's direction; into a file if wanted."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(int(subjects.max()) + 1, DIMENSIONS))
    shape = (len(subjects), DIMENSIONS)
    found = (
        np.empty(shape, np.float32)
        if file is None
        else np.lib.format.open_memmap(file, "w+", np.float32, shape)
    )
    for start in range(0, len(subjects), 2**16):
        own = subjects[start : start + 2**16]
        noise = 1.4 * rng.normal(size=(len(own), DIMENSIONS))
        found[start : start + len(own)] = noise + centres[own] * (own >= 0)[:, None]
    return found


def rates(metrics: dict[str, Any]) -> list[float]:
    """Return the rates that plain numpy computes, too."""
    return [metrics["tar_at_far"][far]["value"] for far in FARS]


def megaface(folder: Path, share: float) -> Case:
    """Make the search of all probes among a share of the distractors."""
    count = int(DISTRACTORS * share)
    subjects = np.r_[np.arange(PROBES) % PROBE_SUBJECTS, np.full(count, -1)]
    ids = pa.array([f"{n:07d}" for n in range(len(subjects))])
    names = pa.array([f"s{s}" if s >= 0 else None for s in subjects.tolist()])
    vectors = vectors_of(subjects, 1, folder / "megaface.npy")
    enroll = templates(ids, names)
    protocol = Protocol(
        "megaface",
        Provenance.DERIVED,
        "",
        enroll=enroll,
        probe=enroll.slice(0, PROBES),
        match=None,
        train=train_table(),
        exclude=Exclude.OTHER_MATES,
        kind=Kind.DISTRACTORS,
    )

    def ours() -> list[float]:
        table = EmbeddingTable(ids, vectors)
        metrics = recognise(protocol, table, table).metrics
        return [metrics["rank1"]["value"], *rates(metrics)]

    def plain() -> list[float]:
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        scores = unit[:PROBES] @ unit.T
        impostor = np.sort(scores[:, PROBES:].ravel())
        own = subjects[:PROBES]
        hits, genuine = [], []
        for probe in range(PROBES):
            mates = np.flatnonzero(own == own[probe])
            with_mates = scores[probe, mates[mates != probe]]
            hits.append(with_mates > scores[probe, PROBES:].max())
            genuine.append(with_mates)
        found, right = np.concatenate(genuine), np.concatenate(hits)
        allowed = [int(float(far) * len(impostor)) for far in FARS]
        return [float(right.mean()), *(float(np.mean(found > impostor[-n - 1])) for n in allowed)]

    return ours, plain, PROBES * count


def ijbc(_: Path, share: float) -> Case:
    """Make a share of the pairs of 1:1 verification."""
    count = int(PAIRS * share)
    rng = np.random.default_rng(2)
    known, asked = np.arange(GALLERY), np.arange(SEARCHED) % GALLERY
    left = np.sort(rng.integers(0, GALLERY, count))
    right = np.where(rng.random(count) < 0.01, left, rng.integers(0, SEARCHED, count))
    same = known[left] == asked[right]
    gallery, probes = vectors_of(known, 3), vectors_of(asked, 4)
    sides = [
        pa.array([f"{side}{n:05d}" for n in range(count_)])
        for side, count_ in (("g", GALLERY), ("p", SEARCHED))
    ]
    tables = [
        templates(ids, pa.array([f"s{s}" for s in subjects.tolist()]))
        for ids, subjects in zip(sides, (known, asked), strict=True)
    ]
    match = pa.table(
        [
            pa.nulls(count, pa.int32()),
            sides[0].take(pa.array(left)),
            sides[1].take(pa.array(right)),
            pa.array(same),
        ],
        schema=MATCH,
    )
    protocol = Protocol(
        "ijbc",
        Provenance.DERIVED,
        "",
        enroll=tables[0],
        probe=tables[1],
        match=match,
        train=train_table(),
        kind=Kind.VERIFICATION,
    )

    def ours() -> list[float]:
        both = (EmbeddingTable(sides[0], gallery), EmbeddingTable(sides[1], probes))
        return rates(recognise(protocol, *both).metrics)

    def plain() -> list[float]:
        units = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in (gallery, probes)]
        scores = np.sum(units[0][left] * units[1][right], axis=1)
        genuine, impostor = scores[same], np.sort(scores[~same])
        allowed = [int(float(far) * len(impostor)) for far in FARS]
        return [float(np.mean(genuine > impostor[-n - 1])) for n in allowed]

    return ours, plain, count


MAKERS = {"megaface": megaface, "ijbc": ijbc}


def main() -> None:
    """Time both sides in alternation, or ours alone in full size, and print memory."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("protocol", nargs="*", metavar="megaface|ijbc", help="both by default")
    arguments.add_argument("--share", type=float, default=0.1, help="of distractors or pairs")
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--ours-only", action="store_true", help="to see its memory")
    options = arguments.parse_args()
    if unknown := set(options.protocol) - MAKERS.keys():
        arguments.error(f"no protocol is called {', '.join(sorted(unknown))}")
    for name in options.protocol or MAKERS:
        with tempfile.TemporaryDirectory() as folder:
            measured(name, *MAKERS[name](Path(folder), options.share), options)
        print(f"peak memory so far {peak_mb():.0f} MiB")


def measured(
    name: str,
    ours: Callable[[], list[float]],
    plain: Callable[[], list[float]],
    scores: int,
    options: argparse.Namespace,
) -> None:
    """Compare both sides, or run ours alone."""
    if options.ours_only:
        print(ours())
        return
    compare(
        f"{name}, {scores} scores",
        ours,
        plain,
        baseline_name="plain numpy over all scores",
        items=scores,
        repeats=options.repeats,
    )
    # A rate whose FAR allows too few false accepts is None: a small share's.
    mine, theirs = (np.asarray(side(), np.float64) for side in (ours, plain))
    print(f"{name}: largest difference {np.nanmax(np.abs(mine - theirs)):.1e}")


if __name__ == "__main__":
    main()
