"""Measures: crossband's two passes against plain numpy over the full score matrix.

Run: ``python -m benchmarks.bench_measures``. Both compute rank-1, mAP, the equal error rate and
TAR at six false accept rates of 20,000 probes against 20,000 gallery entries, exactly; the numbers
are compared. Plain numpy is what evaluation scripts do: the whole matrix, a mask, sorted scores
with ``searchsorted``, and an ``argsort`` of each probe's row.
"""

import argparse

import numpy as np

from benchmarks.results import peak_mb
from benchmarks.timing import compare as compare_speed
from pipeline.evaluation.comparison import compare
from pipeline.evaluation.curve import eer, tar_at_far
from pipeline.evaluation.identification import mean_average_precision, rank_k
from pipeline.evaluation.measures import FARS, measure
from pipeline.types import Float32

DIMENSIONS = 128
IMAGES_PER_SUBJECT = 10


def people(count: int) -> tuple[Float32, Float32, np.ndarray]:
    """Make embeddings of probes and gallery, unit length, and the subjects of both."""
    rng = np.random.default_rng(0)
    subjects = np.arange(count) // IMAGES_PER_SUBJECT
    centres = rng.normal(size=(subjects[-1] + 1, DIMENSIONS)).astype(np.float32)
    sides = []
    for _ in range(2):
        noise = rng.normal(size=(count, DIMENSIONS)).astype(np.float32)
        side = centres[subjects] + 1.5 * noise
        sides.append(side / np.linalg.norm(side, axis=1, keepdims=True))
    return sides[0], sides[1], subjects


def ours(probes: Float32, gallery: Float32, subjects: np.ndarray) -> list[float]:
    """Measure in blocks."""
    found = measure(compare(probes, gallery, subjects, subjects))
    rates = [tar_at_far(found.curve, far).tar for far in FARS]
    return [rank_k(found.ranks), mean_average_precision(found.ranks), eer(found.curve), *rates]


def plain(probes: Float32, gallery: Float32, subjects: np.ndarray) -> list[float]:
    """Measure over the full matrix."""
    scores = probes @ gallery.T
    same = subjects[:, None] == subjects[None, :]
    genuine, impostor = np.sort(scores[same]), np.sort(scores[~same])
    rates = []
    for far in FARS:
        allowed = int(far * len(impostor))
        rates.append(np.mean(genuine > impostor[-allowed - 1]))
    frr = np.arange(len(genuine)) / len(genuine)
    accepts = 1 - np.searchsorted(impostor, genuine, "left") / len(impostor)
    at = int(np.argmin(np.abs(accepts - frr)))
    hits, precisions = 0, []
    for row, own in zip(scores, same, strict=True):
        match = own[np.argsort(-row)]
        places = np.flatnonzero(match) + 1
        hits += places[0] == 1
        precisions.append(np.mean(np.arange(1, len(places) + 1) / places))
    error = float((accepts[at] + frr[at]) / 2)
    return [hits / len(scores), float(np.mean(precisions)), error, *rates]


def main() -> None:
    """Time both sides in alternation and print ratio, agreement and memory."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--count", type=int, default=20000)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--ours-only", action="store_true", help="to see its memory")
    options = arguments.parse_args()
    data = people(options.count)
    if options.ours_only:
        print(ours(*data))
    else:
        compare_speed(
            f"measures, {options.count} × {options.count}",
            lambda: ours(*data),
            lambda: plain(*data),
            baseline_name="plain numpy over the full matrix",
            items=options.count**2,
            repeats=options.repeats,
        )
        gaps = np.abs(np.subtract(ours(*data), plain(*data)))
        print(f"largest difference of rank-1, mAP and TAR: {np.delete(gaps, 2).max():.1e}")
        print(f"difference of the equal error rate: {gaps[2]:.1e}")
    print(f"peak memory {peak_mb():.0f} MiB")


if __name__ == "__main__":
    main()
