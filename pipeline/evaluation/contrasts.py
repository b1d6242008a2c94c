"""Contrasts of two rows that were trained with several seeds: difference, verdict, power.

A row is measured with each seed on the same people, so that what two rows share drops out of their
difference. Its error has a part of the people and one of the seeds. Three seeds tell their part
badly: the difference is held against Student's t, whose degrees of freedom say how badly. Drawing
the seeds with replacement would take a third of their part away, and know no t.

Reference:
    Degrees of freedom: F. Satterthwaite, An approximate distribution of estimates of variance
    components, Biometrics Bulletin 2(6), 1946. Few trainings and many cases, as few readers of many
    images: S. Hillis, A comparison of denominator degrees of freedom methods for multiple observer
    ROC analysis, Statistics in Medicine 26(3), 2007.
    Correction: S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian
    Journal of Statistics 6(2), 1979.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.errors import StageError
from pipeline.evaluation.bootstrap import LEVEL_PERCENT, Interval
from pipeline.evaluation.outcomes import Outcomes
from pipeline.types import Float64

ALPHA = 0.05
POWER = 0.8
EFFECT = 0.05
"""Five points: the true difference whose chance to be decided is told."""
_NO_ERROR = 1e-12
"""Rates that differ by the same in every seed and person leave a rounding error."""

Verdict = Literal["shown", "refuted", "undecided"]


@dataclass(frozen=True)
class Contrast:
    """How far one row lies above another.

    Attributes:
        rates: mean of each over seeds: the better's, as the claim has it, and the worse's.
        difference: the first minus the second.
        interval: of it, 95 %.
        error: standard error of the difference, by people and seeds.
        degrees: of freedom of that error.
        p_value: two-sided.
        people: who were tested.
        seeds: trainings of each row.
    """

    rates: tuple[float, float]
    difference: float
    interval: Interval
    error: float
    degrees: float
    p_value: float
    people: int
    seeds: int


@dataclass(frozen=True)
class Decided:
    """A contrast's verdict among others.

    Attributes:
        verdict: at ``ALPHA``, after the correction. A single seed leaves all undecided.
        adjusted_p: by Holm over all contrasts.
        power: chance to decide a true difference of ``EFFECT`` at ``ALPHA`` over their number.
        least: true difference that is decided in ``POWER`` of studies, at the same level.
    """

    verdict: Verdict
    adjusted_p: float
    power: float
    least: float


def rates_by_person(seeds: Sequence[Outcomes], people: Sequence[str]) -> Float64:
    """Return each one's rate of probes that found them, float64 (seeds, people)."""
    place = {person: index for index, person in enumerate(people)}
    rates = np.zeros((len(seeds), len(people)))
    for row, outcomes in enumerate(seeds):
        owners = np.array([place[subject] for subject, _ in outcomes.values()])
        found = np.array([hit for _, hit in outcomes.values()], np.float64)
        tried = np.bincount(owners, minlength=len(people))
        rates[row] = np.bincount(owners, found, minlength=len(people)) / tried
    return rates


def contrast_of_outcomes(better: Sequence[Outcomes], worse: Sequence[Outcomes]) -> Contrast:
    """Contrast the macro rank-1 of two rows: a mean over people of each one's own rate.

    Args:
        better: of the row that the claim prefers, by seed.
        worse: of the other one, by the same seeds.

    Raises:
        StageError: the rows differ in their probes or in how many seeds they have.
    """
    probes = {frozenset(outcomes) for outcomes in (*better, *worse)}
    if len(probes) != 1 or len(better) != len(worse):
        raise StageError(
            "expected two rows with the same seeds and probes, found "
            f"{[len(each) for each in better]} and {[len(each) for each in worse]} probes by seed: "
            "measure both again on the same data"
        )
    people = sorted({subject for subject, _ in better[0].values()})
    return contrast_of_rates(*(rates_by_person(row, people) for row in (better, worse)))


def contrast_of_rates(better: Float64, worse: Float64) -> Contrast:
    """Contrast rates by seed and person, float64 (seeds, people) each.

    Raises:
        StageError: there are fewer than two people.
    """
    people = better.shape[1]
    if people < 2:
        raise StageError(f"{people} people were tested: expected two or more to estimate an error")
    of_people = float((better - worse).mean(axis=0).var(ddof=1)) / people
    return _contrast((better.mean(axis=1), worse.mean(axis=1)), of_people, people)


def contrast_of_draws(
    values: tuple[Float64, Float64], draws: tuple[Float64, Float64], people: int
) -> Contrast | None:
    """Contrast a measure that is no mean over people, from resamples of each training.

    Args:
        values: (seeds,) each: the better's and the worse's.
        draws: (seeds, resamples) each, of the same people in both; NaN where a draw has no number.
        people: who were tested.

    Returns:
        None where a training, or most draws, have no number.
    """
    apart = (draws[0] - draws[1]).mean(axis=0)
    known = apart[np.isfinite(apart)]
    if not np.isfinite(np.concatenate(values)).all() or len(known) <= len(apart) / 2:
        return None
    return _contrast(values, float(known.var(ddof=1)), people)


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
        error = contrast.error, contrast.degrees
        found.append(
            Decided(
                side if p_value < ALPHA and contrast.seeds > 1 else "undecided",
                p_value,
                power_of(*error, EFFECT, level),
                least_decided(*error, POWER, level),
            )
        )
    return found


def power_of(error: float, degrees: float, effect: float, level: float) -> float:
    """Return the chance that a two-sided test at a level decides a true effect.

    The estimate's distance from it, in errors, is taken for Student's t.
    """
    from scipy.special import stdtr, stdtrit  # slow to import

    if error == 0:
        return 1.0 if effect else level
    reach = float(stdtrit(degrees, 1 - level / 2))
    apart = effect / error
    return float(stdtr(degrees, apart - reach) + stdtr(degrees, -apart - reach))


def least_decided(error: float, degrees: float, power: float, level: float) -> float:
    """Return the true effect that such a test decides with this chance, the far tail left out."""
    from scipy.special import stdtrit

    if error == 0:
        return 0.0
    return float(stdtrit(degrees, 1 - level / 2) + stdtrit(degrees, power)) * error


def _contrast(rates: tuple[Float64, Float64], of_people: float, people: int) -> Contrast:
    """Return a contrast from each seed's rates and the variance that comes of the people.

    That variance holds, as the seeds' does, what a seed makes of a person. So it counts twice, and
    the error is rather too long.
    """
    from scipy.special import stdtr, stdtrit

    apart = rates[0] - rates[1]
    seeds, difference = len(apart), float(apart.mean().round(12))  # sums are inexact zeros
    of_seeds = float(apart.var(ddof=1)) / seeds if seeds > 1 else 0.0
    error = math.sqrt(of_people + of_seeds)
    if error < _NO_ERROR:
        error, degrees, reach, p_value = 0.0, people - 1.0, 0.0, 0.0 if difference else 1.0
    else:
        rough = of_people**2 / (people - 1) + of_seeds**2 / max(1, seeds - 1)
        degrees = (of_people + of_seeds) ** 2 / rough
        reach = error * float(stdtrit(degrees, 0.5 + LEVEL_PERCENT / 200))
        p_value = 2 * float(stdtr(degrees, -abs(difference) / error))
    return Contrast(
        (float(rates[0].mean()), float(rates[1].mean())),
        difference,
        (difference - reach, difference + reach),
        error,
        degrees,
        p_value,
        people,
        seeds,
    )
