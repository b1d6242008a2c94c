"""A protocol's list of pairs beside its templates, fold by fold: each has ids of its own."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Places = NDArray[np.intp] | slice
SIDES = ("enroll", "probe")


def between(match: pa.Table, enroll: pa.Table, probe: pa.Table) -> pa.Table:
    """Return the pairs both of whose templates are there; see ``contradicted``."""
    kept = np.zeros(len(match), bool)
    for places, pairs, *tables in _by_fold(match, enroll, probe):
        sides = zip(SIDES, tables, strict=True)
        kept[places] = pc.and_(*(_is_there(pairs, *side) for side in sides))
    return match.filter(pa.array(kept))


def unknown(match: pa.Table, enroll: pa.Table, probe: pa.Table) -> list[str]:
    """Find pairs that name a template which their fold lacks.

    Args:
        match: table of ``MATCH``.
        enroll: table of ``TEMPLATE_TABLE``.
        probe: likewise.

    Returns:
        One sentence a side, or none.
    """
    lacking: dict[str, list[str]] = {name: [] for name in SIDES}
    for _, pairs, *sides in _by_fold(match, enroll, probe):
        for name, table in zip(SIDES, sides, strict=True):
            absent = pc.invert(_is_there(pairs, name, table))
            lacking[name] += pairs[f"{name}_template_id"].filter(absent).to_pylist()
    return [
        f"{len(ids)} pairs name a template that {name} lacks, among them {ids[0]}"
        for name, ids in lacking.items()
        if ids
    ]


def contradicted(match: pa.Table, enroll: pa.Table, probe: pa.Table) -> list[str]:
    """Find pairs that are listed as same or different, where their known subjects are not.

    Args:
        match: table of ``MATCH``.
        enroll: table of ``TEMPLATE_TABLE``.
        probe: likewise.

    Returns:
        One sentence, or none.
    """
    found = []
    for _, pairs, *tables in _by_fold(match, enroll, probe):
        sides = []
        for name, table in zip(SIDES, tables, strict=True):
            templates = table["template_id"].combine_chunks()
            places = pc.index_in(pairs[f"{name}_template_id"], value_set=templates)
            sides.append(table["subject_id"].combine_chunks().take(places.combine_chunks()))
        # null where a subject is unknown
        found.append(pairs.filter(pc.not_equal(pc.equal(*sides), pairs["same"])))
    wrong = pa.concat_tables(found) if found else match
    if not len(wrong):
        return []
    listed = "the same person" if wrong["same"][0].as_py() else "two people"
    return [
        f"{len(wrong)} pairs contradict the subjects of their templates, among them "
        f"{wrong['enroll_template_id'][0]} and {wrong['probe_template_id'][0]}, listed as {listed}"
    ]


def _is_there(pairs: pa.Table, name: str, table: pa.Table) -> pa.ChunkedArray:
    return pc.is_in(pairs[f"{name}_template_id"], value_set=pc.unique(table["template_id"]))


def _by_fold(
    match: pa.Table, enroll: pa.Table, probe: pa.Table
) -> Iterator[tuple[Places, pa.Table, pa.Table, pa.Table]]:
    """Yield each fold's pairs with their places, and the templates that it has on either side."""
    folds = pc.unique(match["fold"]).to_pylist()
    if len(folds) == 1 or all(len(t) == t["fold"].null_count for t in (enroll, probe)):
        folds = folds[:1]  # of one fold, or of none: millions of pairs are not copied
    for fold in folds:
        places: Places = slice(None)
        pairs = match
        if len(folds) > 1:
            mine = pc.is_null(match["fold"]) if fold is None else pc.equal(match["fold"], fold)
            places = np.flatnonzero(pc.fill_null(mine, False))
            pairs = match.filter(mine)
        yield places, pairs, _of_fold(enroll, fold), _of_fold(probe, fold)


def _of_fold(table: pa.Table, fold: int | None) -> pa.Table:
    if fold is None or len(table) == table["fold"].null_count:
        return table
    return table.filter(pc.is_in(table["fold"], value_set=pa.array([None, fold], pa.int32())))
