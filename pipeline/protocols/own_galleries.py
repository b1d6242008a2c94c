"""Protocols of a gallery and its probes that a user lists: a CSV in the folder of the images.

It has a header with the columns ``path``, of an image below that folder, and ``side``, which is
``gallery`` or ``probe``. Images of a side with one name in the column ``template``, if it is there,
are one template; any other image is a template of its own. Each probe meets the whole gallery.
"""

from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import ReaderError
from pipeline.protocols.columns import single, training
from pipeline.protocols.own_pairs import by_path, row_of
from pipeline.readers.tables import read_rows
from pipeline.store.protocols import Protocol, Provenance, template_table
from pipeline.types import Row

PATH, SIDE, TEMPLATE = "path", "side", "template"
SIDES = ("gallery", "probe")


def own_gallery(name: str, file: Path, listed: Sequence[Row]) -> Protocol:
    """Make a protocol of a list of a gallery and its probes; whoever is in the split train trains.

    Args:
        name: of the protocol.
        file: the list.
        listed: rows of the data set's reader, with paths.

    Raises:
        ReaderError: the list is not as this module describes it, or a side has no image; it names
            an image that the reader does not list, one of nobody, or one twice; a template is of
            several people.
    """
    header, lines = read_rows(file)
    if not {PATH, SIDE} <= {*header} <= {PATH, SIDE, TEMPLATE}:
        raise ReaderError(
            f"{file}: expected the columns path, side and perhaps template, found {header or None}"
        )
    known = by_path(listed)
    sides: dict[str, list[Row]] = {side: [] for side in SIDES}
    line_of: dict[str, int] = {}
    first_of: dict[tuple[str, str], tuple[int, str]] = {}
    for number, cells in lines:
        where, side = f"{file}, line {number}", cells[SIDE]
        if side not in sides:
            raise ReaderError(f"{where}: expected side gallery or probe, found {side!r}")
        row = row_of(where, side, cells[PATH], known)
        if (before := line_of.setdefault(row["sample_id"], number)) != number:
            raise ReaderError(
                f"{where}: {cells[PATH]!r} stands in line {before}, too: list each image once, "
                "on one side, so that none is compared with itself"
            )
        made = _templated(row, cells.get(TEMPLATE, ""))
        template, subject = made["template_id"], made["subject_id"]
        first, owner = first_of.setdefault((side, template), (number, subject))
        if owner != subject:
            raise ReaderError(
                f"{where}: template {template!r} is of {owner!r} in line {first}, but this image "
                f"shows {subject!r}: give each person templates of their own"
            )
        sides[side].append(made)
    if lacking := [side for side, rows in sides.items() if not rows]:
        raise ReaderError(
            f"{file}: expected images of both sides, found {len(sides[SIDES[0]])} of gallery and "
            f"{len(sides[SIDES[1]])} of probe: list some with side {lacking[0]}"
        )
    gallery, probes = (template_table(sides[side]) for side in SIDES)
    return Protocol(
        name,
        Provenance.OWN,
        f"{file.name}: each probe against each template of the gallery.",
        enroll=gallery,
        probe=probes,
        match=None,
        train=training(listed),
    )


def _templated(row: Row, template: str) -> Row:
    """Make a row of the template of this name; of a template of its own where it is empty."""
    if not template:
        return single(row)
    media = row.get("media_id") or row["sample_id"]
    return row | {"fold": None, "template_id": template, "media_id": media}
