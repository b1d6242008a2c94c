"""Identification between bands: a template is all of a subject in a band.

Everybody whom a protocol names is tried. A template without a usable crop is a failure to enrol: as
a probe a miss, and in the gallery a miss for its probe.

Reference:
    A. Nanduri, S. Huang, R. Chellappa, Multi-domain biometric recognition using body embeddings,
    2025, sections IV-A and IV-B, table IV.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import StageError
from pipeline.evaluation.bootstrap import mean_interval, wilson_interval
from pipeline.evaluation.comparison import unit_length
from pipeline.evaluation.rates import rate, reached_by_rank
from pipeline.store.protocols import Kind, Protocol
from pipeline.types import Band, Bool, Float32, Int64

MOST_RANKS = 20


@dataclass(frozen=True)
class Filmed:
    """Who was filmed in a band, and in which samples.

    Attributes:
        subjects: (n,), sorted.
        samples: (n,), the names of each one's samples.
    """

    subjects: tuple[str, ...]
    samples: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class BandTemplates:
    """Templates of a band.

    Attributes:
        subjects: (n,), everybody who was filmed, sorted.
        enrolled: bool (n,).
        vectors: float32 (n, d), unit length; zero where nothing was enrolled. Joined ones: see
            ``joined``.
    """

    subjects: tuple[str, ...]
    enrolled: Bool
    vectors: Float32


@dataclass(frozen=True)
class Scores:
    """Probes against a gallery.

    Attributes:
        values: float64 (p, g), cosines or what was made of them; NaN where a side has no template.
        probes: (p,), subjects.
        gallery: (g,), subjects.
    """

    values: NDArray[np.float64]
    probes: tuple[str, ...]
    gallery: tuple[str, ...]


def filmed_in_bands(protocols: Sequence[Protocol]) -> dict[Band, Filmed]:
    """Return whom protocols of band templates name in each band.

    Args:
        protocols: ``VIS-SWIR`` and so on: one gallery in all, each with the probes of its band.

    Raises:
        StageError: one is of another kind, has folds, is not called after its bands, or names a
            sample of nobody.
    """
    found: dict[Band, Filmed] = {}
    for protocol in protocols:
        names = protocol.name.split("-")
        if protocol.kind != Kind.RECOGNITION or len(names) != 2 or set(names) - set(Band):
            raise StageError(
                f"protocol {protocol.name} does not compare templates of two bands: expected one "
                "that `band_templates` builds, with a name like VIS-LWIR"
            )
        if len(folds := protocol.folds()) > 1:
            raise StageError(
                f"protocol {protocol.name} has folds {folds}, but a template takes all images of "
                "a subject in a band: expected no folds; evaluate this one with "
                "`evaluate_nir_vis`, or build `band_templates`"
            )
        for name, table in zip(names, (protocol.enroll, protocol.probe), strict=True):
            if nobody := table["subject_id"].null_count:
                raise StageError(
                    f"protocol {protocol.name}: {nobody} rows of its band templates have no "
                    "subject: expected one in each row; leave these out"
                )
            found[Band(name)] = _filmed(table.to_pylist())
    return found


def _filmed(rows: Iterable[Mapping[str, Any]]) -> Filmed:
    samples: dict[str, set[str]] = {}
    for row in rows:
        samples.setdefault(row["subject_id"], set()).add(row["sample_id"])
    subjects = sorted(samples)
    return Filmed(tuple(subjects), tuple(tuple(sorted(samples[each])) for each in subjects))


def templates_of(
    filmed: Filmed, embeddings: Mapping[str, Float32], *, unit: bool = False
) -> BandTemplates:
    """Make each subject's template: the mean of its samples' embeddings, then at unit length.

    Args:
        filmed: who, in which samples.
        embeddings: (d,) by sample; who was not found is missing.
        unit: whether embeddings are brought to unit length before the mean.

    Raises:
        StageError: an embedding, or a template's mean, is not finite or has no length.
    """
    width = len(next(iter(embeddings.values()))) if embeddings else 1
    vectors = np.zeros((len(filmed.subjects), width), np.float32)
    enrolled = np.zeros(len(filmed.subjects), bool)
    for index, samples in enumerate(filmed.samples):
        found = {name: embeddings[name] for name in samples if name in embeddings}
        if found:
            vectors[index] = _mean(found, unit)
            enrolled[index] = True
    return BandTemplates(filmed.subjects, enrolled, vectors)


def _mean(found: Mapping[str, Float32], unit: bool) -> Float32:
    each = np.stack(list(found.values())).astype(np.float64)
    try:
        mean: Float32 = unit_length((unit_length(each) if unit else each).mean(axis=0)[None])[0]
    except ValueError as error:
        lengths = np.linalg.norm(each, axis=1)
        fine = np.isfinite(lengths) & (lengths > 0)
        faulty = [name for name, well in zip(found, fine, strict=True) if not well]
        of = f"embedding of {faulty[0]}" if faulty else f"mean embedding of {', '.join(found)}"
        raise StageError(
            f"the {of} is zero or not finite: expected finite, non-zero ones, alone and as a "
            "template's mean; check the network that made it"
        ) from error
    return mean


def cosines(probes: BandTemplates, gallery: BandTemplates) -> Scores:
    """Compare templates."""
    values = np.full((len(probes.subjects), len(gallery.subjects)), np.nan)
    both = np.ix_(probes.enrolled, gallery.enrolled)
    if values[both].size:
        first, second = (side.vectors[side.enrolled] for side in (probes, gallery))
        values[both] = first.astype(np.float64) @ second.T.astype(np.float64)
    return Scores(values, probes.subjects, gallery.subjects)


def fused(first: Scores, second: Scores) -> Scores:
    """Add scores of two modalities, each with mean 0 and deviation 1; one alone where one fails."""
    parts = []
    for scores in (first, second):
        known = scores.values[np.isfinite(scores.values)]
        spread = float(known.std()) if len(known) else 0.0
        centred = scores.values - (float(known.mean()) if len(known) else 0.0)
        parts.append(centred / spread if spread > 0 else centred)
    both = np.isnan(parts[0]) & np.isnan(parts[1])
    total = np.where(both, np.nan, np.nan_to_num(parts[0]) + np.nan_to_num(parts[1]))
    return Scores(total, first.probes, first.gallery)


def joined(first: BandTemplates, second: BandTemplates) -> BandTemplates:
    """Put features of two modalities one behind the other; a cosine is half the sum of both.

    Returns:
        Vectors (n, d + e) of unit length where both are enrolled. One that failed is zeros and adds
        0: at unit length again, an entry without a face would beat those that show one.
    """
    vectors = np.concatenate([first.vectors, second.vectors], axis=1)
    vectors /= math.sqrt(2)
    return BandTemplates(first.subjects, first.enrolled | second.enrolled, vectors)


def ranks_of(scores: Scores) -> Int64:
    """Return each probe's rank, from 1 on; ties count against it.

    Returns:
        int64 (p,): of probes whose subject is in the gallery's list; 0 is a miss, since the probe
        or its mate has no template. −1 marks a probe whose subject was never filmed there.
    """
    place = {subject: index for index, subject in enumerate(scores.gallery)}
    ranks = np.full(len(scores.probes), -1, np.int64)
    for row, subject in enumerate(scores.probes):
        if subject not in place:
            continue
        values, own = scores.values[row], place[subject]
        others = np.delete(values, own)
        known = np.isfinite(values[own])
        ranks[row] = 1 + int((others[np.isfinite(others)] >= values[own]).sum()) if known else 0
    return ranks


def in_galleries(scores: Scores, people: int) -> Scores:
    """Cut the gallery into smaller ones, and compare each probe within its own.

    Rank-1 falls as a gallery grows, so tables of galleries of different sizes do not compare.

    Args:
        scores: probes against the whole gallery.
        people: how many a gallery has at most, 2 or more. All are as large as each other, give or
            take one: of k galleries the i-th has every k-th subject of the list, from the i-th on.

    Returns:
        The same probes and gallery; NaN between a probe and another gallery's people.

    Raises:
        ValueError: galleries of fewer than two.
    """
    if people < 2:
        raise ValueError(f"galleries of {people}: expected 2 people or more")
    count = math.ceil(len(scores.gallery) / people)
    group = {subject: place % count for place, subject in enumerate(scores.gallery)}
    probes = np.array([group.get(subject, -1) for subject in scores.probes])
    own = probes[:, None] == np.array(list(group.values()))
    return Scores(np.where(own, scores.values, np.nan), scores.probes, scores.gallery)


def binomial_rate(hits: Bool) -> dict[str, Any]:
    """Write the share of subjects that were hit, one measurement each, with Wilson's interval."""
    if not len(hits):
        return rate(None, 0, None)
    share = float(np.mean(hits))
    return rate(share, len(hits), wilson_interval(share, len(hits)))


def identification(scores: Scores) -> dict[str, Any]:
    """Return rank-1 and rank-5 over all who were filmed in both bands, and over those enrolled.

    Returns:
        ``rank1``, ``rank5``, ``rank1_of_enrolled`` (see ``binomial_rate``),
        ``failures_to_enrol`` (probes that missed for it) and ``cmc``.
    """
    ranks = ranks_of(scores)
    asked = ranks >= 0
    tried = ranks[asked]
    enrolled = tried > 0
    return {
        "rank1": binomial_rate(tried == 1),
        "rank5": binomial_rate((tried > 0) & (tried <= 5)),
        "rank1_of_enrolled": binomial_rate(tried[enrolled] == 1),
        "failures_to_enrol": int((~enrolled).sum()),
        "cmc": reached_by_rank(tried, min(MOST_RANKS, len(scores.gallery))).round(6).tolist(),
    }


def compared(first: Scores, second: Scores) -> dict[str, Any]:
    """Return by how much the first's rank-1 lies above the second's, subject by subject.

    Returns:
        A rate of differences −1, 0 and 1, with n and an interval over subjects; it is certain where
        that leaves 0 out.
    """
    one, other = ranks_of(first), ranks_of(second)
    asked = (one >= 0) & (other >= 0)
    difference = (one[asked] == 1).astype(float) - (other[asked] == 1)
    value = float(difference.mean()) if len(difference) else None
    bounds = mean_interval(difference, np.array(first.probes)[asked])
    return rate(value, len(difference), bounds)


def band_matrix(templates: Mapping[Band, BandTemplates]) -> dict[str, dict[str, Any]]:
    """Return rank-1 by gallery and probe band, of all pairs of different bands: table IV."""
    matrix: dict[str, dict[str, Any]] = {}
    for gallery, probe in permutations(templates, 2):
        scores = cosines(templates[probe], templates[gallery])
        matrix.setdefault(str(gallery), {})[str(probe)] = identification(scores)["rank1"]
    return matrix


def chance(filmed: Filmed) -> float:
    """Return the rank-1 of guessing among those who were filmed in the gallery's band."""
    return 1.0 / len(filmed.subjects)
