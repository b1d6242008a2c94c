"""Protocols of the thermal face sets: visible gallery, probes of another channel."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.errors import ReaderError
from pipeline.protocols.columns import single, training
from pipeline.readers import arl_vtf, mcxface
from pipeline.readers.bob_lists import MODELS, PROBES, TRAIN, Listed, Stems, read_protocols
from pipeline.readers.layout import files_below
from pipeline.readers.listing import sample_id_of
from pipeline.readers.unmatched import report_unmatched
from pipeline.store.protocols import Protocol, Provenance, template_table, train_table
from pipeline.types import Band, Row, Split

Uses = Mapping[str, list[Listed]]

_SPLIT = re.compile(r"(.+)-split(\d+)")


def mcxface_splits(root: Path, rows: Sequence[Row]) -> Iterator[Protocol]:
    """Yield ``color_thermal``, ``color_swir`` and so on: five splits, as Bob lists them.

    Protocols of depth are left out.
    """
    known = {row["sample_id"]: row for row in rows}
    folds: defaultdict[tuple[str, str], dict[int, Uses]] = defaultdict(dict)
    for name, uses in read_protocols(root, files_below(root)).items():
        parts = mcxface.splits_of(name)
        if parts and {parts[0], parts[1]} <= mcxface.CHANNELS.keys():
            folds[parts[0], parts[1]][parts[2]] = uses
    for (source, target), splits in sorted(folds.items()):
        yield _listed(
            root / f"{source}_{target}",
            f"MCXFace, {target.upper()} against {source.upper()}; mean and deviation of splits.",
            splits,
            lambda line: known.get(sample_id_of(line.path)),
        )


def tufts_lists(root: Path, rows: Sequence[Row]) -> Iterator[Protocol]:
    """Yield a protocol for each that lies beside the images, as Idiap lists them for Bob.

    Lists that differ in ``…split<n>`` alone are the folds of one protocol.

    Raises:
        ReaderError: two folders of lists would be one fold, or one protocol in two spellings.
    """
    images = Stems(row["path"] for row in rows)
    by_path = {row["path"]: row for row in rows}
    folds: defaultdict[str, dict[int, Uses]] = defaultdict(dict)
    stems: dict[str, str] = {}
    for name, uses in read_protocols(root, files_below(root)).items():
        split = _SPLIT.fullmatch(name)
        stem, number = (split[1], int(split[2])) if split else (name, 1)
        own = stem.replace("-", "_")
        if stems.setdefault(own, stem) != stem or number in folds[own]:
            raise ReaderError(
                f"{root}: the lists of {name!r} and of {stems[own]!r} both give protocol {own!r}, "
                f"fold {number}: rename one of the folders"
            )
        folds[own][number] = uses
    for name, splits in sorted(folds.items()):
        yield _listed(
            root / name,
            f"Tufts, {name}, as Idiap lists it; mean and deviation of the splits.",
            splits,
            lambda line: by_path.get(images.path_of(line.path) or ""),
        )


def arl_vtf_conditions(_: Path, rows: Sequence[Row]) -> Iterator[Protocol]:
    """Yield ``baseline``, ``expression`` and ``pose``: LWIR probes against neutral visible faces.

    These are the paper's sets without its distinction by glasses.
    """
    test = [row for row in rows if row.get("split") == Split.TEST]
    gallery = [row for row in test if row["band"] == Band.VIS and row["expression"] == "baseline"]
    enroll = template_table(_of_subject(row) for row in gallery)
    for condition in arl_vtf.CONDITIONS:
        probes = [r for r in test if r["band"] == Band.LWIR and r["expression"] == condition]
        if gallery and probes:
            yield Protocol(
                condition,
                Provenance.DERIVED,
                f"ARL-VTF: LWIR probes of {condition} sequences against a template of each test "
                "subject's neutral visible images.",
                enroll=enroll,
                probe=template_table(single(row) for row in probes),
                match=None,
                train=training(rows),
            )


def _listed(
    place: Path,
    description: str,
    splits: Mapping[int, Uses],
    row_of: Callable[[Listed], Row | None],
) -> Protocol:
    """Make a protocol of the lists of its folds; images that no reader took in are told.

    Args:
        place: its name, below the data set's folder.
        description: of the protocol.
        splits: the lists of each fold.
        row_of: returns the row of a line's image, if there is one.
    """
    every = [
        (fold, use, line, row_of(line))
        for fold, uses in sorted(splits.items())
        for use, listed in uses.items()
        for line in listed
    ]
    lines = [(fold, use, row) for fold, use, _, row in every if row is not None]
    absent = dict.fromkeys(line.path for _, _, line, row in every if row is None)
    report_unmatched(place, tuple(absent))
    return Protocol(
        place.name,
        Provenance.OFFICIAL,
        description,
        enroll=template_table(
            _of_subject(row) | {"fold": fold} for fold, use, row in lines if use == MODELS
        ),
        probe=template_table(single(row, fold) for fold, use, row in lines if use == PROBES),
        match=None,
        train=train_table(
            (fold, row["sample_id"], row["subject_id"]) for fold, use, row in lines if use == TRAIN
        ),
    )


def _of_subject(row: Row) -> Row:
    return row | {
        "fold": None,
        "template_id": str(row["subject_id"]),
        "media_id": row.get("media_id") or row["sample_id"],
    }
