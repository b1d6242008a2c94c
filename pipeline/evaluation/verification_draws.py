"""EER and TAR of one trained network with their resamples, to be contrasted with another's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import StageError
from pipeline.evaluation.bootstrap import RESAMPLES, VerificationBootstrap
from pipeline.evaluation.comparison import compare
from pipeline.evaluation.contrasts import Contrast, contrast_of_draws
from pipeline.evaluation.curve import eer
from pipeline.evaluation.mates import mates_of
from pipeline.evaluation.measures import measure
from pipeline.evaluation.rates import far_point
from pipeline.evaluation.subjects import named
from pipeline.evaluation.templates import Embedded, sides_of
from pipeline.store.protocols import Protocol
from pipeline.types import Float64

EER = "eer"


@dataclass(frozen=True)
class VerificationDraws:
    """What verification gave for one training.

    Attributes:
        people: number of each who was enrolled or probed, rising.
        values: EER and TARs by name (``eer``, ``1e-2``); NaN where there is no number.
        draws: float64 (resamples,) of each.
    """

    people: tuple[int, ...]
    values: dict[str, float]
    draws: dict[str, Float64]


def verification_draws(
    fold: Protocol,
    gallery: Embedded,
    probes: Embedded,
    fars: dict[str, float],
    *,
    resamples: int = RESAMPLES,
) -> VerificationDraws:
    """Measure EER and TAR at rates, and resample the people of both sides.

    A failure to enrol is a miss at every rate, as in ``measure_closed_set``.

    Args:
        fold: of a protocol in which each probe meets each template.
        gallery: embeddings of enrolled samples.
        probes: of probe samples.
        fars: false accept rates by name.
        resamples: number of them.
    """
    enrolled, probing = sides_of(fold, gallery, probes)
    asked, known = probing.subjects[probing.enrolled], enrolled.subjects[enrolled.enrolled]
    comparison = compare(probing.vectors, enrolled.vectors, named(asked), named(known))
    curve = measure(comparison, tuple(fars.values())).curve
    tried = np.repeat(probing.subjects, mates_of(enrolled, probing))  # of each genuine pair
    share = curve.genuine / max(1, len(tried))
    boot = VerificationBootstrap(
        comparison.scores(),
        named(asked),
        named(np.sort(known)),
        tried=named(tried),
        resamples=resamples,
    )
    errors, rates = boot.draws(tuple(fars.values()))
    error = eer(curve)
    values, draws = {EER: np.nan if error is None else error}, {EER: errors}
    for name, far, drawn in zip(fars, fars.values(), rates, strict=True):
        tar = far_point(curve, far).tar
        values[name] = np.nan if tar is None else share * tar
        draws[name] = drawn
    people = np.unique(np.concatenate([asked, known, tried])).tolist()
    return VerificationDraws(tuple(people), values, draws)


def contrast_of_verification(
    better: Sequence[VerificationDraws], worse: Sequence[VerificationDraws], name: str
) -> Contrast | None:
    """Contrast EER or a TAR of two rows; None where some training has no such number.

    Raises:
        StageError: they were measured on other people, or with other seeds.
    """
    if len({each.people for each in (*better, *worse)}) != 1 or len(better) != len(worse):
        raise StageError("expected two rows with the same seeds and people: measure both again")
    values, draws = (
        tuple(np.array([getattr(each, of)[name] for each in row]) for row in (better, worse))
        for of in ("values", "draws")
    )
    people = len(better[0].people)
    return contrast_of_draws((values[0], values[1]), (draws[0], draws[1]), people)
