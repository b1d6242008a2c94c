"""Pairs for verification: half genuine, half impostors, drawn by a seed and never twice."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from math import comb

import numpy as np

from pipeline.errors import ExportError
from pipeline.rng import generator_for

Pair = tuple[int, int, bool]
"""Two ordinals, the smaller first, and whether they are of one subject."""


def draw_pairs(subjects: Sequence[str], count: int, seed: int) -> list[Pair]:
    """Draw pairs of rows.

    Args:
        subjects: subject of each row, by ordinal.
        count: number of pairs, even.
        seed: of the draw; the pairs depend on nothing else but the subjects.

    Returns:
        Genuine and impostor pairs in turn.

    Raises:
        ExportError: so many different pairs do not exist.
    """
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for ordinal, subject in enumerate(subjects):
        rows[subject].append(ordinal)
    several = sorted(subject for subject, found in rows.items() if len(found) > 1)
    genuine = sum(comb(len(rows[subject]), 2) for subject in several)
    impostors = comb(len(subjects), 2) - genuine
    half = count // 2
    if count % 2 or half > genuine or half > impostors:
        raise ExportError(
            f"{count} pairs asked for: expected an even number, and half of it at most the "
            f"{genuine} genuine and the {impostors} impostor pairs that there are (--pairs)"
        )
    generator = generator_for(seed, "pairs")
    same = _drawn(lambda: _genuine(rows, several, generator), half)
    different = _drawn(lambda: _impostors(subjects, generator), half)
    return [pair for both in zip(same, different, strict=True) for pair in both]


def _drawn(draw: Callable[[], Pair | None], count: int) -> list[Pair]:
    found: dict[Pair, None] = {}
    while len(found) < count:
        if pair := draw():
            found[pair] = None
    return list(found)


def _genuine(
    rows: dict[str, list[int]], several: Sequence[str], generator: np.random.Generator
) -> Pair:
    mine = rows[several[int(generator.integers(len(several)))]]
    a, b = sorted(generator.choice(len(mine), 2, replace=False).tolist())
    return mine[a], mine[b], True


def _impostors(subjects: Sequence[str], generator: np.random.Generator) -> Pair | None:
    a, b = sorted(generator.integers(len(subjects), size=2).tolist())
    return None if subjects[a] == subjects[b] else (a, b, False)
