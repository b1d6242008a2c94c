"""Protocols of the NIR-VIS face sets: VIS gallery, NIR probes."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from pipeline.protocols.columns import single, training
from pipeline.readers import buaa_visnir, casia_nir_vis2, lamp_hq, oulu_casia_nirvis
from pipeline.readers.layout import files_below, refuse_gaps
from pipeline.store.protocols import Protocol, Provenance, template_table, train_table
from pipeline.types import Band, Row, Split

CASIA_LISTS = (("nir", "train"), ("vis", "train"), ("vis", "gallery"), ("nir", "probe"))
LAMP_LISTS = ("train_vis", "train_nir", "gallery_vis", "probe_nir")
"""Lists that each fold has."""
OULU_LIGHT = "Strong"
OULU_FRAMES = 8
"""Frames of each expression that the papers take."""


def casia(root: Path, rows: Sequence[Row]) -> Iterator[Protocol]:
    """Yield ``view1`` (for tuning) and ``view2`` (ten folds) from the official lists.

    Raises:
        ReaderError: a list is malformed, or a fold lacks one.
    """
    lists = casia_nir_vis2.official_lists(root, files_below(root))
    known = {row["sample_id"]: row for row in rows}
    folds = {fold for _, _, fold in lists}
    for fold in sorted(folds):
        needed = {(band, use, fold): f"{band}_{use}_{fold}.txt" for band, use in CASIA_LISTS}
        refuse_gaps(root, lists, needed, f"fold {fold}")
    tuning, ten = folds & {"dev"}, sorted(folds - {"dev"}, key=int)
    for name, mine, use in (("view1", [*tuning], "tuning"), ("view2", ten, "testing")):
        if mine:
            yield Protocol(
                name,
                Provenance.OFFICIAL,
                f"CASIA NIR-VIS 2.0, {name}, for {use}: NIR probes against one VIS image of each "
                "subject; reported as mean and deviation of the folds, each trained on its own "
                "lists.",
                enroll=_singles(known, ((f, i) for f in mine for i in lists["vis", "gallery", f])),
                probe=_singles(known, ((f, i) for f in mine for i in lists["nir", "probe", f])),
                match=None,
                train=_listed(
                    known,
                    ((f, i) for f in mine for b in ("nir", "vis") for i in lists[b, "train", f]),
                ),
            )


def lamp(root: Path, rows: Sequence[Row]) -> Iterator[Protocol]:
    """Yield ``ten_folds`` from the official lists.

    Raises:
        ReaderError: a list is malformed, or a fold lacks one.
    """
    lists = lamp_hq.official_lists(root, files_below(root))
    known = {row["sample_id"]: row for row in rows}
    folds = sorted({fold for _, fold in lists}, key=int)
    for fold in folds:
        needed = {(use, fold): f"{use}{fold}.txt" for use in LAMP_LISTS}
        refuse_gaps(root, lists, needed, f"fold {fold}")
    if not folds:
        return
    yield Protocol(
        "ten_folds",
        Provenance.OFFICIAL,
        "LAMP-HQ: NIR probes against the VIS gallery; mean and deviation of the folds.",
        enroll=_singles(known, ((f, i) for f in folds for i in lists["gallery_vis", f])),
        probe=_singles(known, ((f, i) for f in folds for i in lists["probe_nir", f])),
        match=None,
        train=_listed(
            known,
            ((f, i) for f in folds for use in LAMP_LISTS[:2] for i in lists[use, f]),
        ),
    )


def buaa(_: Path, rows: Sequence[Row]) -> Iterator[Protocol]:
    """Yield ``50_100_v1``: 50 subjects train; of 100, each one's first VIS image is enrolled."""
    test = [row for row in rows if row.get("split") == Split.TEST]
    first: dict[str, Row] = {}
    for row in sorted(_of(test, Band.VIS), key=lambda row: str(row["sample_id"])):
        first.setdefault(row["subject_id"], row)
    yield Protocol(
        "50_100_v1",
        Provenance.SEEDED,
        "BUAA-VisNir: NIR probes against the first VIS image of each test subject; subjects as "
        f"in {buaa_visnir.SPLIT}.",
        enroll=template_table(single(row) for row in first.values()),
        probe=template_table(single(row) for row in _of(test, Band.NIR)),
        match=None,
        train=training(rows),
    )


def oulu(_: Path, rows: Sequence[Row]) -> Iterator[Protocol]:
    """Yield ``20_20_v1``: eight frames of each expression in strong light, all VIS are enrolled.

    The frames are spread evenly over the sequence, from the first to the last.
    """
    chosen = _spread([row for row in rows if row["session_id"] == OULU_LIGHT], OULU_FRAMES)
    test = [row for row in chosen if row.get("split") == Split.TEST]
    yield Protocol(
        "20_20_v1",
        Provenance.SEEDED,
        f"Oulu-CASIA: {OULU_FRAMES} evenly spread frames of each expression in "
        f"{OULU_LIGHT.lower()} light; NIR probes against all VIS frames of a subject; subjects as "
        f"in {oulu_casia_nirvis.SPLIT}.",
        enroll=template_table(single(row) for row in _of(test, Band.VIS)),
        probe=template_table(single(row) for row in _of(test, Band.NIR)),
        match=None,
        train=training(chosen),
    )


def _fold(name: str) -> int | None:
    return None if name == "dev" else int(name)


def _singles(known: dict[str, Row], ids: Iterable[tuple[str, str]]) -> pa.Table:
    return template_table(single(known[i], _fold(fold)) for fold, i in ids)


def _listed(known: dict[str, Row], ids: Iterable[tuple[str, str]]) -> pa.Table:
    return train_table((_fold(fold), i, known[i]["subject_id"]) for fold, i in ids)


def _of(rows: Iterable[Row], band: Band) -> list[Row]:
    return [row for row in rows if row["band"] == band]


def _spread(rows: Iterable[Row], count: int) -> list[Row]:
    """Pick rows of each medium, spread evenly from the first to the last."""
    media: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row["media_id"], row["frame_index"])):
        media.setdefault(row["media_id"], []).append(row)
    chosen = []
    for frames in media.values():
        most = min(count, len(frames))
        places = {round(n * (len(frames) - 1) / max(most - 1, 1)) for n in range(most)}
        chosen += [frames[place] for place in sorted(places)]
    return chosen
