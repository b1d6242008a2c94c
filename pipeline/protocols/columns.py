"""Protocols from rows' columns, for any data set: across bands, and across poses or qualities."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from pipeline.rng import seed_for
from pipeline.store.protocols import (
    Protocol,
    Provenance,
    person_sample,
    template_table,
    train_table,
)
from pipeline.store.shots import without_band
from pipeline.types import Band, Row, Split

COLUMNS = (
    *("sample_id", "subject_id", "session_id", "camera_id", "media_id"),
    *("band", "split", "view", "truth_people"),
)
"""Columns that the protocols here are made from."""


VALIDATION = "-validation"
"""End of the name of a protocol on the subjects of the validation split."""


def cross_band(rows: Sequence[Row], seed: int) -> Iterator[Protocol]:
    """Yield ``VIS-NIR``, ``VIS-LWIR`` and so on: one VIS template per test subject, single probes.

    The same on the subjects of the split validation is ``VIS-NIR-validation``: there params are
    chosen, so that test subjects are seen once.

    A gallery and its probes never show the same shot: the shots of a subject are dealt out, half of
    them (the greater half) to the gallery, the others to the probes, in the same way for all bands.
    A shot is what has one ``session_id``, or one ``media_id`` where there is no session, or one
    sample id, the latter two but for the band and the extension. Images of the back of a head take
    no part. A band that no test subject has besides VIS gives no protocol.

    Args:
        rows: rows with ``COLUMNS``.
        seed: of the deal.
    """
    usable = [row for row in rows if row.get("subject_id") and row.get("view") != "back"]
    yield from _cross_band(usable, seed, Split.TEST, "")
    yield from _cross_band(usable, seed, Split.VALIDATION, VALIDATION)


def _cross_band(usable: list[Row], seed: int, split: Split, ending: str) -> Iterator[Protocol]:
    """Yield the protocols of one split's subjects."""
    test = [row for row in usable if row.get("split") == split]
    enrolled = enrolled_shots(test, seed)
    gallery = [r for r in test if r["band"] == Band.VIS and shot_of(r) in enrolled]
    enroll = template_table(of_subject(row) for row in gallery)
    for band in _other_bands(usable):
        probes = [r for r in test if r["band"] == band and shot_of(r) not in enrolled]
        if not gallery or not probes:
            continue
        yield Protocol(
            f"{Band.VIS}-{band}{ending}",
            Provenance.DERIVED,
            f"{band} probes against a {Band.VIS} template of each {split} subject, from other "
            "shots.",
            enroll=enroll,
            probe=template_table(single(row) for row in probes),
            match=None,
            train=training(_of_bands(usable, band)),
        )


def band_templates(rows: Sequence[Row]) -> Iterator[Protocol]:
    """Yield ``VIS-SWIR`` and so on: a template is all media of a test subject in a band.

    Of an image of several people (``truth_people``) each is a sample, as ``person_sample`` names
    it. Made of the rows of ``ingest``, the templates hold everybody who is there to be found.

    Args:
        rows: rows with ``COLUMNS``.
    """
    usable = [row for row in _people(rows) if row.get("subject_id")]
    test = [row for row in usable if row.get("split") == Split.TEST]
    gallery = [row for row in test if row["band"] == Band.VIS]
    enroll = template_table(of_subject(row) for row in gallery)
    for band in _other_bands(usable):
        probes = [row for row in test if row["band"] == band]
        if not gallery or not probes:
            continue
        yield Protocol(
            f"{Band.VIS}-{band}",
            Provenance.DERIVED,
            f"{band} templates against {Band.VIS} templates, one of each test subject and band.",
            enroll=enroll,
            probe=template_table(of_subject(row) for row in probes),
            match=None,
            train=training(_of_bands(usable, band)),
        )


def _people(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield a row for each person of an image of several, and other rows as they are."""
    for row in rows:
        if row.get("truth_people") is None:
            yield row
            continue
        for person in row["truth_people"]:
            subject = person["subject_id"]
            if subject:
                yield row | {
                    "sample_id": person_sample(row["sample_id"], subject),
                    "media_id": row.get("media_id") or row["sample_id"],
                    "subject_id": subject,
                    "split": person["split"],
                }


def shot_of(row: Row) -> tuple[str, str]:
    """Return what an image was taken in, whatever its band: subject and session, media or id."""
    known = row.get("session_id") or without_band(
        row.get("media_id") or row["sample_id"], row["band"]
    )
    return str(row["subject_id"]), str(known)


def between_values(
    protocol: Protocol,
    name: str,
    column: str,
    values: Mapping[str, float],
    gallery: tuple[float, float],
    probe: tuple[float, float],
) -> Protocol:
    """Keep the gallery's samples within one range of a column and the probes' within another.

    This is how CP-IJB-C and CQ-IJB-C are made of IJB-C. Samples without a value go, and those of
    the value where one range ends and the other begins: so ranges that only touch leave no sample
    on both sides. Templates that lose all samples go, and with them their pairs.

    Args:
        protocol: the protocol to start from.
        name: name of the new one.
        column: name of the column, for the description.
        values: value by sample id.
        gallery: lowest and highest value that stays enrolled.
        probe: lowest and highest value that stays a probe.

    Reference:
        Z. Zhai et al., Demodalizing face recognition with synthetic samples, AAAI 2021; the
        authors' rule: above and below a limit, what lies on it is on neither side.
    """
    met = {gallery[1]} & {probe[0]} | {gallery[0]} & {probe[1]}
    known = {sample: value for sample, value in values.items() if value not in met}
    enroll = _within(protocol.enroll, known, gallery)
    probes = _within(protocol.probe, known, probe)
    return replace(
        protocol.trimmed(enroll, probes),
        name=name,
        source=Provenance.DERIVED,
        description=f"{protocol.name} with {column} of the gallery in {list(gallery)} and of the "
        f"probes in {list(probe)}.",
    )


def as_written(value: float, kind: pa.DataType) -> float:
    """Return a number as params write it: 0.2 of a column of float32 is 0.2, not 0.20000000298.

    Args:
        value: of the column.
        kind: its type.
    """
    return float(str(np.float32(value))) if pa.types.is_float32(kind) else float(value)


def _within(table: pa.Table, values: Mapping[str, float], limits: tuple[float, float]) -> pa.Table:
    low, high = limits
    chosen = [low <= values.get(i, float("nan")) <= high for i in table["sample_id"].to_pylist()]
    return table.filter(pa.array(chosen, pa.bool_()))


def enrolled_shots(rows: Iterable[Row], seed: int) -> set[tuple[str, str]]:
    """Return the shots that are enrolled."""
    shots: dict[str, set[tuple[str, str]]] = {}
    for row in rows:
        if row["band"] == Band.VIS:
            shots.setdefault(row["subject_id"], set()).add(shot_of(row))
    enrolled = set()
    for found in shots.values():
        order = sorted(found, key=lambda shot: seed_for(seed, "/".join(shot)))
        enrolled.update(order[: (len(order) + 1) // 2])
    return enrolled


def _other_bands(rows: Iterable[Row]) -> list[Band]:
    found = {row["band"] for row in rows}
    return [band for band in Band if band != Band.VIS and band in found]


def of_subject(row: Row) -> Row:
    """Make a row of a template of all images of its subject in its band."""
    return row | {
        "fold": None,
        "template_id": f"{row['subject_id']}.{row['band']}",
        "media_id": row.get("media_id") or row["sample_id"],
    }


def single(row: Row, fold: int | None = None) -> Row:
    """Make a row of a template of its own."""
    return row | {"fold": fold, "template_id": row["sample_id"], "media_id": row["sample_id"]}


def training(rows: Iterable[Row], splits: tuple[Split, ...] = (Split.TRAIN,)) -> pa.Table:
    """Make the table of who trains, of a protocol that has no lists of them: whole splits."""
    return train_table(
        (None, row["sample_id"], row["subject_id"]) for row in rows if row.get("split") in splits
    )


def _of_bands(rows: Iterable[Row], band: Band) -> Iterator[Row]:
    return (row for row in rows if row["band"] in (Band.VIS, band))
