"""Protocols of IJB-A, -B and -C: templates of several media, verification, open-set search."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from pipeline.errors import ReaderError
from pipeline.readers import ijba, ijbb, ijbc
from pipeline.readers.ijb import Columns, Release, sightings
from pipeline.readers.layout import files_below, find_list, refuse_gaps, require_list
from pipeline.store.protocols import (
    MATCH,
    Kind,
    Protocol,
    Provenance,
    template_table,
    train_table,
)
from pipeline.types import Row

IJBA_LISTS = {
    "11": ("train", "verify_metadata", "verify_comparisons"),
    "1n": ("train", "search_gallery", "search_probe"),
}
"""Lists that each split has."""
POOLING = "a template is the mean within each media, then over media"


def ijba_splits(root: Path, _: Sequence[Row]) -> Iterator[Protocol]:
    """Yield ``verification`` and ``identification``, ten splits each.

    Raises:
        ReaderError: a list is malformed, or a split lacks one.
    """
    lists = ijba.official_lists(files_below(root))
    columns = ijba.COLUMNS

    def tables(kind: str, use: str) -> pa.Table:
        return pa.concat_tables(
            _templates(root / path, columns, int(split))
            for (k, split, u), path in sorted(lists.items())
            if (k, u) == (kind, use)
        )

    def trained(kind: str) -> pa.Table:
        return train_table(
            (int(split), sighting.sample_id, sighting.subject_id)
            for (k, split, use), path in sorted(lists.items())
            if (k, use) == (kind, "train")
            for sighting in sightings(root / path, columns)
        )

    _refuse_gaps(root, lists)
    kinds = {kind for kind, _, _ in lists}
    if "11" in kinds:
        both = tables("11", "verify_metadata")
        matches = [
            _matches(root / path, both, both, int(split))
            for (kind, split, use), path in sorted(lists.items())
            if (kind, use) == ("11", "verify_comparisons")
        ]
        match = pa.concat_tables(matches)
        enroll, probe = (
            _named_in(both, match, f"{side}_template_id") for side in ("enroll", "probe")
        )
        yield Protocol(
            "verification",
            Provenance.OFFICIAL,
            f"IJB-A 1:1: pairs of templates; {POOLING}; mean and deviation of ten splits.",
            enroll=enroll,
            probe=probe,
            match=match,
            train=trained("11"),
            kind=Kind.VERIFICATION,
        )
    if "1n" in kinds:
        yield Protocol(
            "identification",
            Provenance.OFFICIAL,
            f"IJB-A 1:N, open set: probes of unknown subjects are among them; {POOLING}; mean and "
            "deviation of ten splits.",
            enroll=tables("1n", "search_gallery"),
            probe=tables("1n", "search_probe"),
            match=None,
            train=trained("1n"),
            kind=Kind.OPEN_SET,
        )


def _refuse_gaps(root: Path, lists: Mapping[tuple[str, ...], str]) -> None:
    """Refuse splits of IJB-A that lack a list."""
    for kind, split in sorted({(kind, split) for kind, split, _ in lists}):
        folder = f"IJB-A_{kind.upper()}_sets/split{split}"
        needed = {(kind, split, use): f"{folder}/{use}_{split}.csv" for use in IJBA_LISTS[kind]}
        refuse_gaps(root, lists, needed, f"split {split}")


def ijbb_protocols(root: Path, _: Sequence[Row]) -> Iterator[Protocol]:
    """Yield those of IJB-B; see ``ijbc_protocols``."""
    return _release_protocols(ijbb.RELEASE, root)


def ijbc_protocols(root: Path, _: Sequence[Row]) -> Iterator[Protocol]:
    """Yield ``verification`` (1:1 mixed) and ``identification``, whose folds are the two galleries.

    Raises:
        ReaderError: a list is missing or malformed.
    """
    return _release_protocols(ijbc.RELEASE, root)


def _release_protocols(release: Release, root: Path) -> Iterator[Protocol]:
    files = files_below(root)

    def templates(name: str, fold: int | None) -> pa.Table:
        file = require_list(root, release.name, files, name)
        return _templates(file, release.columns_of(file), fold)

    first, second = release.galleries
    probe = templates(release.probes, None)
    if pairs := find_list(files, release.pairs):
        both = pa.concat_tables([templates(first, None), templates(second, None)])
        yield verification(release.name, both, probe, _matches(root / pairs, both, probe, None))
    yield identification(release.name, [templates(first, 1), templates(second, 2)], probe)


def verification(name: str, enroll: pa.Table, probe: pa.Table, match: pa.Table) -> Protocol:
    """Make the 1:1 protocol of a release.

    Args:
        name: of the release.
        enroll: gallery templates.
        probe: probe templates.
        match: which are compared.
    """
    return Protocol(
        "verification",
        Provenance.OFFICIAL,
        f"{name} 1:1, mixed media: gallery templates against probe templates; {POOLING}.",
        enroll=enroll,
        probe=probe,
        match=match,
        train=train_table(),
        kind=Kind.VERIFICATION,
    )


def identification(name: str, galleries: Sequence[pa.Table], probe: pa.Table) -> Protocol:
    """Make the 1:N protocol of a release.

    Args:
        name: of the release.
        galleries: templates of the two, as folds 1 and 2.
        probe: probe templates, the same for both.
    """
    return Protocol(
        "identification",
        Provenance.OFFICIAL,
        f"{name} 1:N, mixed media, open set: fold 1 searches gallery 1, fold 2 gallery 2, and the "
        f"subjects of the other gallery probe too; {POOLING}; each gallery's rates and their mean.",
        enroll=pa.concat_tables(list(galleries)),
        probe=probe,
        match=None,
        train=train_table(),
        kind=Kind.OPEN_SET,
    )


def _templates(file: Path, columns: Columns, fold: int | None) -> pa.Table:
    return template_table(
        (fold, s.template_id, s.subject_id, s.sample_id, s.media_id, None)
        for s in sightings(file, columns)
    )


def _named_in(templates: pa.Table, match: pa.Table, side: str) -> pa.Table:
    """Keep the templates that the pairs of their fold name on one side."""
    kept = []
    for fold in pc.unique(match["fold"]):
        mine = templates.filter(pc.equal(templates["fold"], fold))
        named = pc.unique(match.filter(pc.equal(match["fold"], fold))[side])
        kept.append(mine.filter(pc.is_in(mine["template_id"], value_set=named)))
    return pa.concat_tables(kept)


def _matches(file: Path, enroll: pa.Table, probe: pa.Table, fold: int | None) -> pa.Table:
    """Read headerless pairs of template ids; millions of them, so by columns.

    Raises:
        ReaderError: a line is not two ids, or an id is no template of the lists.
    """
    try:
        pairs = pacsv.read_csv(
            file,
            read_options=pacsv.ReadOptions(column_names=["enroll", "probe"]),
            convert_options=pacsv.ConvertOptions(
                column_types={"enroll": pa.string(), "probe": pa.string()}
            ),
        ).combine_chunks()
    except pa.ArrowInvalid as error:
        raise ReaderError(f"{file}: expected two template ids in each line ({error})") from error
    codes = []
    for name, table in (("enroll", enroll), ("probe", probe)):
        if fold is not None:
            table = table.filter(pc.equal(table["fold"], fold))
        templates = table["template_id"].combine_chunks()
        places = pc.index_in(pairs[name], value_set=templates)
        if places.null_count:
            unknown = pairs[name].filter(pc.is_null(places))[0]
            raise ReaderError(
                f"{file}: {places.null_count} pairs name a template that no list of {name} has, "
                f"among them {unknown}"
            )
        codes.append(table["subject_id"].combine_chunks().take(places.combine_chunks()))
    same = pc.equal(*codes)
    folds = pa.array(
        np.full(len(pairs), fold or 0, np.int32), mask=np.full(len(pairs), fold is None)
    )
    return pa.table([folds, pairs["enroll"], pairs["probe"], same], schema=MATCH)
