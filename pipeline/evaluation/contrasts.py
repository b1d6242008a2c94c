"""Contrasts of two rows that were trained with several seeds: difference, verdict, power.

A row is measured with each seed on the same people. People and seeds are drawn with replacement,
the same for both rows, so that what the two share drops out of their difference.

Reference:
    Crossed resampling: A. Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1(2), 2007.
    Correction: S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian
    Journal of Statistics 6(2), 1979.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import StageError
from pipeline.evaluation.bootstrap import LEVEL_PERCENT, Interval
from pipeline.evaluation.outcomes import Outcomes

RESAMPLES = 10_000
ALPHA = 0.05
POWER = 0.8
EFFECT = 0.05
"""Five points: the true difference whose chance to be decided is told."""

Float64 = NDArray[np.float64]
Verdict = Literal["shown", "refuted", "undecided"]


@dataclass(frozen=True)
class Contrast:
    """How far one row lies above another.

    Attributes:
        rates: mean of each over seeds: the better's, as the claim has it, and the worse's.
        difference: the first minus the second.
        interval: of it, 95 %.
        error: standard deviation of the resamples.
        p_value: two-sided.
        people: who were tested.
        seeds: trainings of each row.
    """

    rates: tuple[float, float]
    difference: float
    interval: Interval
    error: float
    p_value: float
    people: int
    seeds: int


@dataclass(frozen=True)
class Decided:
    """A contrast's verdict among others.

    Attributes:
        verdict: at ``ALPHA``, after the correction.
        adjusted_p: by Holm over all contrasts.
        power: chance to decide a true difference of ``EFFECT`` at ``ALPHA`` over their number.
        least: true difference that is decided in ``POWER`` of studies, at the same level.
    """

    verdict: Verdict
    adjusted_p: float
    power: float
    least: float


def rates_by_person(trials: Sequence[Outcomes], people: Sequence[str]) -> Float64:
    """Return each one's rate of probes that found them, float64 (trials, people)."""
    place = {person: index for index, person in enumerate(people)}
    rates = np.zeros((len(trials), len(people)))
    for row, trial in enumerate(trials):
        owners = np.array([place[subject] for subject, _ in trial.values()])
        found = np.array([hit for _, hit in trial.values()], np.float64)
        tried = np.bincount(owners, minlength=len(people))
        rates[row] = np.bincount(owners, found, minlength=len(people)) / tried
    return rates


def contrast_of_outcomes(
    better: Sequence[Outcomes], worse: Sequence[Outcomes], *, seed: int = 0
) -> Contrast:
    """Contrast the macro rank-1 of two rows: a mean over people of each one's own rate.

    Args:
        better: of the row that the claim prefers, by seed.
        worse: of the other one, by the same seeds.
        seed: of the resamples.

    Raises:
        StageError: the trials differ in their probes or their number.
    """
    probes = {frozenset(trial) for trial in (*better, *worse)}
    if len(probes) != 1 or len(better) != len(worse):
        raise StageError(
            "expected two rows with the same seeds and probes, found "
            f"{[len(each) for each in better]} and {[len(each) for each in worse]} probes by seed: "
            "measure both again on the same data"
        )
    people = sorted({subject for subject, _ in better[0].values()})
    one, other = (rates_by_person(row, people) for row in (better, worse))
    return contrast_of_rates(one, other, seed=seed)


def contrast_of_rates(better: Float64, worse: Float64, *, seed: int = 0) -> Contrast:
    """Contrast rates by seed and person, float64 (seeds, people) each.

    Raises:
        StageError: there are fewer than two people.
    """
    seeds, people = better.shape
    if people < 2:
        raise StageError(f"{people} people were tested: expected two or more to resample")
    rng = np.random.default_rng(seed)
    drawn_seeds = _shares(rng, seeds)
    drawn_people = _shares(rng, people)
    draws = np.einsum("rs,sp,rp->r", drawn_seeds, better - worse, drawn_people, optimize=True)
    rates = float(better.mean()), float(worse.mean())
    return _contrast(rates, draws, people, seeds)


def contrast_of_draws(
    values: tuple[Float64, Float64], draws: tuple[Float64, Float64], people: int, *, seed: int = 0
) -> Contrast | None:
    """Contrast a measure that is no mean over people, from resamples of each trial.

    Args:
        values: (seeds,) each: the better's and the worse's.
        draws: (seeds, resamples) each, of the same people in both; NaN where a draw has no number.
        people: who were tested.
        seed: of the draw of seeds.

    Returns:
        None where a trial, or most draws, have no number.
    """
    apart = draws[0] - draws[1]
    shares = _shares(np.random.default_rng(seed), len(apart), apart.shape[1])
    drawn = np.einsum("rs,sr->r", shares, apart)
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(np.concatenate(values)).all() or len(known) <= len(drawn) / 2:
        return None
    rates = float(values[0].mean()), float(values[1].mean())
    return _contrast(rates, known, people, len(apart))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, in the order given."""
    count, highest = len(p_values), 0.0
    adjusted = [0.0] * count
    for step, place in enumerate(np.argsort(p_values, kind="stable").tolist()):
        highest = max(highest, min(1.0, (count - step) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def decided(contrasts: Sequence[Contrast]) -> list[Decided]:
    """Give each contrast its verdict, corrected for all of them."""
    level = ALPHA / max(1, len(contrasts))
    found = []
    adjusted = holm([each.p_value for each in contrasts])
    for contrast, p_value in zip(contrasts, adjusted, strict=True):
        side: Verdict = "shown" if contrast.difference > 0 else "refuted"
        found.append(
            Decided(
                side if p_value < ALPHA else "undecided",
                p_value,
                power_of(contrast.error, EFFECT, level),
                least_decided(contrast.error, POWER, level),
            )
        )
    return found


def power_of(error: float, effect: float, level: float) -> float:
    """Return the chance that a two-sided test at a level decides a true effect (normal)."""
    from scipy.special import ndtr, ndtri  # slow to import

    if error == 0:
        return 1.0 if effect else level
    reach = float(ndtri(1 - level / 2))
    apart = effect / error
    return float(ndtr(apart - reach) + ndtr(-apart - reach))


def least_decided(error: float, power: float, level: float) -> float:
    """Return the true effect that such a test decides with this chance, the far tail left out."""
    from scipy.special import ndtri

    return float(ndtri(1 - level / 2) + ndtri(power)) * error


def _shares(rng: np.random.Generator, count: int, resamples: int = RESAMPLES) -> Float64:
    """Draw so many out of as many with replacement: each one's share, (resamples, count)."""
    return rng.multinomial(count, np.full(count, 1 / count), size=resamples) / count


def _contrast(rates: tuple[float, float], draws: Float64, people: int, seeds: int) -> Contrast:
    tail, draws = (100.0 - LEVEL_PERCENT) / 2, draws.round(12)  # sums of shares are inexact zeros
    low, high = np.percentile(draws, [tail, 100.0 - tail])
    sides = int((draws <= 0).sum()), int((draws >= 0).sum())
    p_value = min(1.0, 2 * (1 + min(sides)) / (1 + len(draws)))
    return Contrast(
        rates,
        rates[0] - rates[1],
        (float(low), float(high)),
        float(draws.std(ddof=1)),
        p_value,
        people,
        seeds,
    )
