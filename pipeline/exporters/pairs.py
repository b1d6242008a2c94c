"""Pairs for verification: half genuine, half impostors, drawn by a seed and never twice."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, product
from math import comb

import numpy as np

from pipeline.errors import ExportError
from pipeline.rng import rng_for

Pair = tuple[int, int, bool]
"""Two ordinals, the smaller first, and whether they are of one subject."""

_PATIENCE = 20
"""So many draws a pair find nearly all; what is left then is drawn another way."""


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
            f"--pairs {count}: expected an even number, half of it genuine and half impostor: "
            f"there are {genuine} genuine and {impostors} impostor pairs"
        )
    rng = rng_for(seed, "pairs")
    same = _drawn(lambda: _genuine(rows, several, rng), half)
    if len(same) < half:
        every = (pair for subject in several for pair in _pairs_of(rows[subject]))
        even = _even_genuine(rows, several, rng)
        _fill(same, half, genuine, even, every, rng)
    different = _drawn(lambda: _impostors(subjects, rng), half)
    if len(different) < half:
        _fill(different, half, impostors, _even_impostors(rows, rng), _across(rows), rng)
    return [pair for both in zip(same, different, strict=True) for pair in both]


def _drawn(draw: Callable[[], Pair | None], count: int) -> dict[Pair, None]:
    """Draw different pairs, perhaps fewer: to wait for the rarest could take for ever."""
    found: dict[Pair, None] = {}
    for _ in range(_PATIENCE * count):
        if len(found) == count:
            break
        if pair := draw():
            found[pair] = None
    return found


def _fill(
    found: dict[Pair, None],
    count: int,
    there: int,
    even: Callable[[], Pair],
    every: Iterator[Pair],
    rng: np.random.Generator,
) -> None:
    """Draw the pairs that lack, each of those that are not found yet as likely as another.

    Args:
        found: pairs; the others are added.
        count: how many there shall be.
        there: how many exist.
        even: draws one of all, each as likely.
        every: all of them; listed where more than half of them are wanted.
        rng: of the draw.
    """
    if there <= 2 * count:
        others = [pair for pair in every if pair not in found]
        chosen = rng.permutation(len(others))[: count - len(found)]
        found.update(dict.fromkeys(others[index] for index in chosen.tolist()))
    while len(found) < count:
        found[even()] = None


def _pairs_of(mine: Sequence[int]) -> Iterator[Pair]:
    return ((a, b, True) for a, b in combinations(mine, 2))


def _across(rows: Mapping[str, Sequence[int]]) -> Iterator[Pair]:
    """Yield all pairs of two subjects."""
    for first, second in combinations(rows.values(), 2):
        for a, b in product(first, second):
            yield min(a, b), max(a, b), False


def _even_genuine(
    rows: Mapping[str, Sequence[int]], several: Sequence[str], rng: np.random.Generator
) -> Callable[[], Pair]:
    """Draw subjects as often as they have pairs."""
    ends = np.cumsum([comb(len(rows[subject]), 2) for subject in several])

    def draw() -> Pair:
        place = np.searchsorted(ends, rng.integers(ends[-1]), side="right")
        mine = rows[several[int(place)]]
        a, b = sorted(rng.choice(len(mine), 2, replace=False).tolist())
        return mine[a], mine[b], True

    return draw


def _even_impostors(
    rows: Mapping[str, Sequence[int]], rng: np.random.Generator
) -> Callable[[], Pair]:
    """Draw a subject as often as it is in a pair, one of its rows, and one of all other rows."""
    ordered = [ordinal for mine in rows.values() for ordinal in mine]
    sizes = np.array([len(mine) for mine in rows.values()])
    starts = np.cumsum(sizes) - sizes
    ends = np.cumsum(sizes * (len(ordered) - sizes))

    def draw() -> Pair:
        place = np.searchsorted(ends, rng.integers(ends[-1]), side="right")
        start, size = int(starts[place]), int(sizes[place])
        a = ordered[start + int(rng.integers(size))]
        other = int(rng.integers(len(ordered) - size))
        b = ordered[other if other < start else other + size]
        return min(a, b), max(a, b), False

    return draw


def _genuine(rows: dict[str, list[int]], several: Sequence[str], rng: np.random.Generator) -> Pair:
    mine = rows[several[int(rng.integers(len(several)))]]
    a, b = sorted(rng.choice(len(mine), 2, replace=False).tolist())
    return mine[a], mine[b], True


def _impostors(subjects: Sequence[str], rng: np.random.Generator) -> Pair | None:
    a, b = sorted(rng.integers(len(subjects), size=2).tolist())
    return None if subjects[a] == subjects[b] else (a, b, False)
