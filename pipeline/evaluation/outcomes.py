"""Two evaluations compared probe by probe: who was found by one alone, and how far they differ."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.errors import DamageError, StageError
from pipeline.evaluation.bootstrap import Interval, mean_interval
from pipeline.evaluation.mates import mates_of, over_tried
from pipeline.evaluation.rates import rate
from pipeline.evaluation.reidentification import search_ranks
from pipeline.evaluation.templates import Embedded, Embeddings, sides_of
from pipeline.store.columns import field, vectors_of
from pipeline.store.protocols import Exclude, Kind, Protocol
from pipeline.store.seal import read_sealed, write_sealed

SEARCHED = (Kind.RECOGNITION, Kind.REIDENTIFICATION, Kind.REIDENTIFICATION_BY_IMAGE)
"""Kinds in which each probe searches a gallery."""

Outcomes = dict[tuple[int, str], tuple[str, bool]]
"""By fold and probe template: the subject, and whether the first of its list is the subject."""

Both = tuple[Embedded, Embedded]
"""Embeddings of enrolled samples and of probes."""

_EMBEDDED = ("sample_id", "embedding")
"""Columns that a table of embeddings has to have."""

OUTCOMES = pa.schema(
    [
        field("seed", pa.int64(), null=False, of="the training"),
        field("fold", pa.int32(), null=False, counted_from="1"),
        field("probe", pa.string(), null=False, of="the template that searched"),
        field("subject_id", pa.string(), null=False),
        field("found", pa.bool_(), null=False, of="whether the subject was first of the list"),
    ]
)
"""What rows with several trainings leave of each probe."""


@dataclass(frozen=True)
class Paired:
    """What two evaluations make of the same probes.

    Attributes:
        probes: how many both tried.
        left_out: how many the first alone tried, and the second alone; none of them counts.
        subjects: of these.
        rank1: share that each found.
        only: probes that one alone found.
        difference: second rank-1 minus the first one.
        interval: of the difference, 95 %, by resampling subjects; None for a single subject.
        by_subjects: p-value of ``sign_flip_p``, two-sided, which keeps a subject's probes together.
        p_value: McNemar's exact test, two-sided: how likely so uneven a split of ``only`` is
            where both are as good, if each probe is independent, also of one subject's others.
    """

    probes: int
    left_out: tuple[int, int]
    subjects: int
    rank1: tuple[float, float]
    only: tuple[int, int]
    difference: float
    interval: Interval | None
    by_subjects: float
    p_value: float


def probe_outcomes(protocol: Protocol, path: Path, folds: Collection[int]) -> Outcomes:
    """Search each probe again by the embeddings that an evaluation left.

    What was not found counts as a miss; probes without a mate are left out.

    Args:
        protocol: with all its folds.
        path: ``embeddings.parquet`` of the evaluation, or one of the user's own.
        folds: those that were evaluated.

    Raises:
        StageError: the protocol's probes do not search a gallery, or the file is missing, or holds
            no embeddings, or none of the protocol's samples.
    """
    _check(protocol, path)
    found: Outcomes = {}
    for number in folds:
        both = read_embeddings(path, number)
        found |= outcomes_of(protocol.fold(number), *both, number)
    return found


def image_outcomes(protocol: Protocol, path: Path, networks: Mapping[int, int]) -> Outcomes:
    """Search each probe again as ``probe_outcomes``, by what an evaluation of bodies left.

    Args:
        protocol: with all its folds.
        path: ``embeddings.parquet`` of the evaluation, which has no sides.
        networks: by fold, the fold whose network tests it.

    Raises:
        StageError: the protocol's probes do not search a gallery, or the file is missing, or holds
            no embeddings, or lacks a network.
    """
    _check(protocol, path)
    table = _embeddings(path)
    by_network = {
        number: _vectors(_where(table, "fold", number)) for number in set(networks.values())
    }
    if lacking := sorted(number for number, each in by_network.items() if not each):
        raise StageError(
            f"{path} lacks the network of fold {lacking[0]}: expected those of "
            f"{sorted(by_network)}; run the evaluation again (`dvc repro`)"
        )
    found: Outcomes = {}
    for number, network in networks.items():
        both = by_network[network], by_network[network]
        found |= outcomes_of(protocol.fold(number), *both, number)
    return found


def read_embeddings(path: Path, fold: int) -> tuple[Embeddings, Embeddings]:
    """Read a fold's embeddings of the gallery's samples and of the probes' from an evaluation.

    A table without the column ``fold`` is of one network for all folds, as of ``crossband embed``;
    one without ``side`` is of both sides.

    Raises:
        StageError: it is no table of embeddings.
    """
    mine = _where(_embeddings(path), "fold", fold)
    gallery, probes = (_vectors(_where(mine, "side", side)) for side in ("gallery", "probe"))
    return gallery, probes


def outcomes_of(fold: Protocol, gallery: Embedded, probes: Embedded, number: int = 1) -> Outcomes:
    """Search each probe of one fold.

    Args:
        fold: of a protocol whose probes search a gallery.
        gallery: embeddings of enrolled samples.
        probes: of probe samples.
        number: the fold's.
    """
    enrolled, probing = sides_of(fold, gallery, probes)
    # The first place is the same among entries and among subjects.
    places = over_tried(probing, search_ranks(enrolled, probing, fold.exclude).rank)
    mated = mates_of(enrolled, probing, elsewhere=fold.exclude != Exclude.NONE) > 0
    columns = (fold.probe[name].to_pylist() for name in ("template_id", "subject_id"))
    subjects, names = dict(zip(*columns, strict=True)), probing.ids.to_pylist()
    found: Outcomes = {}
    for index in np.flatnonzero(mated):
        name = names[index]
        found[number, name] = subjects[name], bool(places[index] == 1)
    return found


def write_rows(
    folder: Path, protocol: Protocol, rows: Mapping[str, Mapping[int, Both]], seed: int
) -> None:
    """Write whom each row of an evaluation's table found: ``<row>.parquet``, as ``write_outcomes``.

    Those of an earlier run are removed: it may have had other rows. Of a protocol whose probes do
    not search a gallery there are none.

    Args:
        folder: where they go.
        protocol: with the folds that were tested.
        rows: each row's embeddings of enrolled samples and of probes, by fold.
        seed: of the training.
    """
    for former in folder.glob("*.parquet"):
        former.unlink()
    if protocol.kind not in SEARCHED:
        return
    for row, folds in rows.items():
        found: Outcomes = {}
        for number, both in folds.items():
            found |= outcomes_of(protocol.fold(number), *both, number)
        write_outcomes(folder / f"{row}.parquet", {seed: found})


def row_outcomes(protocol: Protocol, folder: Path, row: str) -> Outcomes:
    """Read whom a row of an evaluation's table found, as ``write_rows`` wrote it.

    Raises:
        StageError: the protocol's probes do not search a gallery, or there is no such row.
    """
    path = folder / f"{row}.parquet"
    _check_kind(protocol)
    if not path.is_file():
        there = sorted(each.stem for each in folder.glob("*.parquet"))
        raise StageError(
            f"{path} is missing: "
            + (f"expected one of {there}" if there else "run the evaluation (`dvc repro`)")
        )
    return next(iter(read_outcomes(path).values()))


def write_outcomes(path: Path, seeds: Mapping[int, Outcomes]) -> None:
    """Write the outcomes of one row's trainings: a line a seed, fold and probe."""
    rows = [
        {"seed": seed, "fold": fold, "probe": probe, "subject_id": subject, "found": found}
        for seed, outcomes in sorted(seeds.items())
        for (fold, probe), (subject, found) in sorted(outcomes.items())
    ]
    write_sealed(pa.Table.from_pylist(rows, OUTCOMES), path, compression="zstd")


def read_outcomes(path: Path) -> dict[int, Outcomes]:
    """Read what ``write_outcomes`` wrote, by seed.

    Raises:
        StageError: the file is missing, damaged, or another one.
    """
    if not path.is_file():
        raise StageError(f"{path} is missing: run the row that writes it (`dvc repro`)")
    try:
        table = read_sealed(path)
    except DamageError as error:
        raise StageError(
            f"{path}: expected outcomes by seed and probe, found another file, or damage"
        ) from error
    if missing := [name for name in OUTCOMES.names if name not in table.column_names]:
        raise StageError(
            f"{path}: expected outcomes by seed and probe, found a table without {missing}: name "
            "one of reports/ablations/outcomes"
        )
    found: dict[int, Outcomes] = {}
    for row in table.to_pylist():
        key = row["fold"], row["probe"]
        found.setdefault(row["seed"], {})[key] = row["subject_id"], row["found"]
    return found


def paired(first: Outcomes, second: Outcomes, *, seed: int = 0) -> Paired:
    """Compare two evaluations on the probes that both tried.

    Raises:
        StageError: there is none.

    Reference:
        Q. McNemar, Note on the sampling error of the difference between correlated proportions or
        percentages, Psychometrika 12(2), 1947; the exact form is a sign test on the probes that
        one alone found.
    """
    keys = sorted(first.keys() & second.keys())
    if not keys:
        raise StageError(
            "the two evaluations share no probe: expected the same protocol, or one with the same "
            "templates"
        )
    right = np.array([[first[key][1], second[key][1]] for key in keys])
    subjects = np.array([first[key][0] for key in keys])
    only = (int((right[:, 0] & ~right[:, 1]).sum()), int((right[:, 1] & ~right[:, 0]).sum()))
    apart: NDArray[np.float64] = right[:, 1].astype(np.float64) - right[:, 0]
    return Paired(
        len(keys),
        (len(first) - len(keys), len(second) - len(keys)),
        len(np.unique(subjects)),
        (round(float(right[:, 0].mean()), 6), round(float(right[:, 1].mean()), 6)),
        only,
        round(float(apart.mean()), 6),
        mean_interval(apart, subjects, seed=seed),
        sign_flip_p(apart, subjects),
        mcnemar_p(*only),
    )


def sign_flip_p(apart: NDArray[np.float64], subjects: NDArray[np.str_]) -> float:
    """Return how likely so large a sum of differences is where both evaluations are as good.

    Each subject's differences change sign together, so its probes need not be independent. All
    2^subjects choices are counted, none is drawn: sums are whole numbers, so few differ.

    Args:
        apart: (n,), −1, 0 or 1 of each probe.
        subjects: (n,), whose probe each is.

    Returns:
        Two-sided, in (0, 1].

    Reference:
        R. Fisher, The Design of Experiments, 1935, section 21.
    """
    _, owners = np.unique(subjects, return_inverse=True)
    sums = np.bincount(owners, apart).astype(np.int64)
    reach = int(np.abs(sums).sum())
    chances = np.zeros(2 * reach + 1)  # of the sums −reach … reach
    chances[reach] = 1.0
    for size in np.abs(sums[sums != 0]).tolist():
        chances = (np.roll(chances, size) + np.roll(chances, -size)) / 2
    as_far = np.abs(np.arange(-reach, reach + 1)) >= abs(int(sums.sum()))
    return min(1.0, float(chances[as_far].sum()))


def compared(first: Outcomes, second: Outcomes) -> dict[str, Any]:
    """Return by how much the first's rank-1 lies above the second's, probe by probe.

    Returns:
        A rate of differences −1, 0 and 1 over the probes that both tried, in all folds, with n and
        an interval over people: each is drawn with all of its probes.
    """
    keys = sorted(first.keys() & second.keys())
    apart = [float(first[key][1]) - second[key][1] for key in keys]
    people = np.array([first[key][0] for key in keys])
    return rate(float(np.mean(apart)) if apart else None, len(apart), mean_interval(apart, people))


def mcnemar_p(only_first: int, only_second: int) -> float:
    """Return the two-sided p-value of McNemar's exact test."""
    from scipy.special import bdtr  # slow to import, scipy.stats three times as slow

    fewer = min(only_first, only_second)
    return min(1.0, 2.0 * float(bdtr(fewer, only_first + only_second, 0.5)))


def _check(protocol: Protocol, path: Path) -> None:
    """Refuse a protocol whose probes do not search, and an evaluation that was not made."""
    _check_kind(protocol)
    if not path.is_file():
        raise StageError(f"{path} is missing: run the evaluation (`dvc repro`)")


def _check_kind(protocol: Protocol) -> None:
    if protocol.kind not in SEARCHED:
        raise StageError(
            f"protocol {protocol.name} is of kind {protocol.kind}: expected one of "
            f"{', '.join(SEARCHED)}, in which each probe searches a gallery"
        )


def _embeddings(path: Path) -> pa.Table:
    """Read a table of embeddings; it may be one of the user's own."""
    table = read_sealed(path)
    if missing := [name for name in _EMBEDDED if name not in table.column_names]:
        raise StageError(
            f"{path}: expected the columns {' and '.join(_EMBEDDED)}, and perhaps fold and side "
            f"(gallery, probe), found no {missing[0]} among {table.column_names}"
        )
    vectors = table["embedding"]
    try:
        lengths = pc.unique(pc.list_value_length(vectors)).to_pylist()
    except pa.ArrowNotImplementedError:
        lengths = []
    if len(table) and (len(lengths) != 1 or None in lengths):
        found = f"lengths {sorted(lengths, key=str)}" if lengths else str(vectors.type)
        raise StageError(f"{path}: expected embeddings as lists of one length, found {found}")
    return table


def _where(table: pa.Table, column: str, value: int | str) -> pa.Table:
    """Return the rows of a value; all where the table does not tell them apart."""
    if column not in table.column_names:
        return table
    return table.filter(pc.equal(table[column], value))


def _vectors(table: pa.Table) -> Embeddings:
    return dict(zip(table["sample_id"].to_pylist(), vectors_of(table["embedding"]), strict=True))
