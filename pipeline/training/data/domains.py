"""Samples by domain: real ones, and those that a generator made under conditions of one bin.

Reference:
    DMFR paper, section "Domain-based Sampling": one real domain and several generative ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.errors import StageError
from pipeline.rng import seed_for
from pipeline.training.data.labels import BandIndex
from pipeline.training.data.sample_set import SampleSet
from pipeline.types import Int64

REAL = "real"
"""Name of the domain of faces as their data set has them, whoever made that."""
POSES = "head_mesh"
"""The generator whose condition is a pose, and so has bins."""
GENERATORS = frozenset({POSES, "cyclegan", "photometric"})
"""What ``poses`` and ``degrade`` make of faces; a data set may name generators of its own."""
CONDITIONS = {"yaw_added_deg": pa.float32(), "pitch_added_deg": pa.float32()}
"""Columns that say what a pose was changed by: Δc; only turned faces have them."""


@dataclass(frozen=True)
class Domains:
    """The domains of a set's samples.

    Attributes:
        names: of the generative ones, sorted.
        of: text (n,), the domain of each sample.
        subjects: (s,), in the order of the labels.
        labels: int64 (n,); a synthetic sample has its source's.
        index: samples by label and domain.
        pairs: int64 (2, p), real samples and what was made of each with Δc = 0.
    """

    names: tuple[str, ...]
    of: NDArray[np.str_]
    subjects: tuple[str, ...]
    labels: Int64
    index: BandIndex
    pairs: Int64


def domains_of(samples: SampleSet, yaw_edges_deg: Sequence[float]) -> Domains:
    """Find the domains of samples.

    Args:
        samples: with ``CONDITIONS``.
        yaw_edges_deg: where one bin of added yaw ends and the next begins, rising.

    Raises:
        StageError: a synthetic sample's source is no real one of the set, or its Δc is unknown.
    """
    generators = generators_of(samples)
    real = np.array([name == REAL for name in generators])
    sources = samples.sources(real)
    _refuse_leaks(samples, real, sources)
    yaw, pitch = (np.array(samples.column(name), np.float32) for name in CONDITIONS)
    posed = np.array([name == POSES for name in generators])
    if (unknown := posed & ~np.isfinite(yaw + pitch)).any():
        first = samples.take(np.flatnonzero(unknown)[:1]).sample_ids[0]
        raise StageError(
            f"{int(unknown.sum())} turned faces have no finite yaw_added_deg and pitch_added_deg, "
            f"among them {first}: expected degrees; run the stage `poses` again"
        )
    bins = bin_names(yaw_edges_deg)
    places = np.digitize(np.where(posed, yaw, 0.0), np.asarray(yaw_edges_deg, np.float32))
    of = np.array(
        [
            f"{name} {bins[place]}" if name == POSES else name
            for name, place in zip(generators, places.tolist(), strict=True)
        ]
    )
    subjects, own = np.unique(samples.subject_ids, return_inverse=True)
    labels = np.where(real, own, own[sources]).astype(np.int64)
    made = np.flatnonzero(posed & (yaw == 0.0) & (pitch == 0.0))
    return Domains(
        tuple(sorted(set(of.tolist()) - {REAL})),
        of,
        tuple(subjects.tolist()),
        labels,
        BandIndex(labels, of.tolist()),
        np.stack([sources[made], made]),
    )


def generators_of(samples: SampleSet) -> list[str]:
    """Return what made each sample of another face, ``real`` where nothing did."""
    return [name if name in GENERATORS else REAL for name in samples.column("generator")]


def halved(domains: Domains, samples: SampleSet, seed: int) -> Domains:
    """Split the only generative domain in two, by what its samples were made of.

    Args:
        domains: with one generative domain.
        samples: which they are of.
        seed: of the split.
    """
    (name,) = domains.names
    parents = samples.column("parent_id")
    halves = [f"{name}, {half} half" for half in ("first", "second")]
    of = np.array(
        [
            halves[seed_for(seed, str(parent)) % 2] if domain == name else domain
            for domain, parent in zip(domains.of.tolist(), parents, strict=True)
        ]
    )
    index = BandIndex(domains.labels, of.tolist())
    names = tuple(half for half in halves if half in of)
    return Domains(names, of, domains.subjects, domains.labels, index, domains.pairs)


def bin_names(edges: Sequence[float]) -> list[str]:
    """Name the bins of yaw between edges, the outermost ones open."""
    ends = ["", *(f"{edge:+g}" for edge in edges), ""]
    return [f"{low}..{high}" for low, high in pairwise(ends)]


def _refuse_leaks(samples: SampleSet, real: NDArray[np.bool_], sources: Int64) -> None:
    lost = np.flatnonzero(~real & (sources < 0))
    if len(lost):
        first = samples.take(lost[:1])
        raise StageError(
            f"{len(lost)} synthetic samples were made from faces that are not real ones of the "
            f"training split, among them {first.sample_ids[0]} from "
            f"{first.column('parent_id')[0]}: expected only faces that are trained on too, or "
            "tested subjects leak into the training; run `attributes`, `poses` and `degrade` "
            "again, or train on fewer generators"
        )
