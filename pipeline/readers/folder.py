"""Reader ``folder``: any directory of images, or a CSV that lists them.

Layout: ``<root>/<subject>/<anything>.<ext>``. A folder that is called as a band (``NIR``, ``nir``)
says the band of what lies in it, wherever it stands, and is none of the following: the first folder
names the subject, further ones the session; images without one have no subject. Where all first
folders are called by words of bands (``RGB``, ``thermal``), the next one names the subject; ``RGB``
and ``visible`` say VIS then. Where no folder says it the band comes from the data set's params, as
do split and licence; names that seem to say another one (``thermal``, ``1_nir``) are told. What
else lies there is listed too, and ``ingest`` rejects it with its reason.

Or ``list`` names a CSV below ``root`` (a header line; ``readers.tables`` says in which encodings
and with which delimiters) with a column ``path``, relative to the CSV's folder, and any of
``subject``, ``band``, ``split``, ``session``, ``camera``, ``view``, ``licence``; an empty cell is
what the params say. ``box`` (``x0 y0 x1 y1``) and ``landmarks`` (``x y`` five times: eye on the
image's left, the other eye, nose tip, mouth corner on the image's left, the other one), in pixels
of the upright image, are what the detection backend ``truth`` takes. ``root`` may be the CSV
itself; DVC then does not see when an image is replaced.
"""

import logging
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers.band_words import bands_of_folder, misleading
from pipeline.readers.files import LINKED, all_below, each_below, is_hidden, shown
from pipeline.readers.layout import EXTENSIONS, is_image, stem_of
from pipeline.readers.listing import (
    LINK,
    listed_row,
    load_file,
    refused_row,
    sample_id_of,
    stamps_of_files,
)
from pipeline.readers.pseudonyms import load_without_name, pseudonym_key, without_names
from pipeline.readers.tables import open_rows
from pipeline.store import Listing
from pipeline.types import Band, Float32, Row, Split

log = logging.getLogger(__name__)

_ENDING = re.compile(r"\.[a-z0-9]{1,8}")
"""What may be an extension; of ``Notes. Anna Schmidt`` it would tell a name."""

_WORDS = 5
"""Words of a band that are told."""

_WAY_OUT = (
    f"name such a folder {', '.join([*Band][:-1])} or {[*Band][-1]}, or use a list with the column "
    "band"
)

CSV_COLUMNS = {
    "subject": "subject_id",
    "band": "band",
    "split": "split",
    "session": "session_id",
    "camera": "camera_id",
    "view": "view",
    "licence": "licence",
}
"""Optional columns of a CSV and the columns they fill."""

VIEWS = ("front", "left", "right", "back")
"""What of a head is seen, as protocols ask for it."""

CSV_GEOMETRY = {"box": ("truth_box_xyxy", (4,)), "landmarks": ("truth_landmarks_xy", (5, 2))}
"""Optional columns of numbers, the columns they fill and their shapes."""


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List a folder or a CSV of images.

    Raises:
        ReaderError: there is no such folder, no image in it, or the CSV is not as described.
    """
    no_rows: list[Row] = []
    if file := _list_of(root, dataset, params):
        rows, passed_over = _rows_of_csv(file, dataset, params), no_rows
        base = file.parent
        if not params.list:
            log.warning(
                "%s: DVC sees the list, but not when an image is replaced: set root to %s and "
                "list to %s, in a project outside of that folder",
                *(dataset, base, root.name),
            )
    else:
        rows, passed_over = _rows_of_folder(root, dataset, params)
        base = root
    if not params.pseudonyms:
        load, stamps = partial(load_file, base), partial(stamps_of_files, base)
        return Listing(rows, params.shards, load, passed_over, stamps)
    key = pseudonym_key()
    rows, passed_over = (without_names(each, dataset, key) for each in (rows, passed_over))
    return Listing(rows, params.shards, partial(load_without_name, base), passed_over)


def look(root: Path, dataset: str, params: DatasetParams) -> None:
    """Refuse what has no image, and stop at the first one: there may be millions.

    Raises:
        ReaderError: as ``read`` does, of what it meets so far; or no image of the CSV can be read.
    """
    file = _list_of(root, dataset, params)
    if file is None:
        if not any(is_image(path) and not is_hidden(path) for path in each_below(root)):
            read(root, dataset, params)  # says what is there instead
        return
    first = None
    for number, cells in _lines_of_csv(file):
        row = _csv_row(file, number, cells, dataset, params)
        if "content" in load_file(file.parent, row):
            return
        first = first or row["path"]
    if first is None:
        raise _header_alone(file)
    raise ReaderError(
        f"{file}: none of the images that it lists can be read, the first is {first!r}: expected "
        f"paths relative to {file.parent}"
    )


def _list_of(root: Path, dataset: str, params: DatasetParams) -> Path | None:
    """Return the CSV that lists the images, None where the root is a folder of them.

    Raises:
        ReaderError: there is neither.
    """
    listing = root / params.list if params.list else root
    if listing.is_file() and (params.list or root.suffix.lower() == ".csv"):
        return listing
    if params.list:
        raise ReaderError(
            f"data set {dataset!r}: {listing} is missing; correct datasets.{dataset}.list"
        )
    if not root.is_dir():
        raise ReaderError(
            f"data set {dataset!r}: expected a folder of images or a .csv file at {root}, "
            f"found {'a file' if root.exists() else 'nothing'}; correct datasets.{dataset}.root"
        )
    return None


def _rows_of_folder(root: Path, dataset: str, params: DatasetParams) -> tuple[list[Row], list[Row]]:
    """Return the rows of images, and those of what lies beside them."""
    files = all_below(root)
    passed_over = [path for path in files if is_hidden(path) or not is_image(path)]
    images = [path for path in files if is_image(path) and not is_hidden(path)]
    others = Counter(_kind(path) for path in passed_over if not is_hidden(path))
    found = ", ".join(f"{n} {kind}" for kind, n in others.most_common(5))
    if not images:
        raise ReaderError(
            f"data set {dataset!r}: expected images as <subject>/<name>.<ext> under {root} "
            f"({' '.join(sorted(EXTENSIONS))}), found {found or 'an empty folder'}"
        )
    if others:
        log.info("%s: %d files of other formats are left out: %s", dataset, others.total(), found)
    rows: list[Row] = []
    without_band: list[str] = []
    split_off = _split_off(images)
    of_bands = _folders_of_bands(dataset, [below for _, below in split_off])
    for path, (split, below) in zip(images, split_off, strict=True):
        cells = _cells_of(root, path, below, of_bands) | {"split": split}
        rows.append(_row(path, dataset, params, cells))
        if not cells["band"]:
            without_band.append(path)
    _tell_of_bands(without_band, dataset, params, _WAY_OUT)
    _tell_of_splits(dataset, rows)
    known = {"band": str(params.band), "licence": params.licence, "simulated": params.simulated}
    return rows, [refused_row(path, dataset, _why(path), **known) for path in passed_over]


def _tell_of_bands(paths: Sequence[str], dataset: str, params: DatasetParams, way_out: str) -> None:
    """Log how many images without a band of their own have another one in their names."""
    count, words = misleading(paths, params.band)
    if count:
        log.warning(
            "%s: %d images with %s in the name of a folder or file were taken as %s: %s",
            *(dataset, count, ", ".join(words[:_WORDS]) + (", …" if words[_WORDS:] else "")),
            *(params.band, way_out),
        )


def _kind(path: str) -> str:
    if path.endswith(LINKED):
        return "linked folder"
    ending = shown(path[len(stem_of(path)) :]).lower()
    if not ending:
        return "without extension"
    return ending if _ENDING.fullmatch(ending) else "of unknown ending"


def _why(path: str) -> tuple[str, str]:
    """Return reason and detail of what is passed over."""
    if is_hidden(path):
        return "hidden", "its name begins with a dot"
    if path.endswith(LINKED):
        return LINK
    if not path[len(stem_of(path)) :]:
        return "no_extension", f"expected one of {' '.join(sorted(EXTENSIONS))}"
    return "other_format", f"{_kind(path)}: expected one of {' '.join(sorted(EXTENSIONS))}"


def _split_off(images: Sequence[str]) -> list[tuple[str, str]]:
    """Return each path's split, and what is below its folder.

    Only if all first folders are called as splits they are some: a person may be called ``test``.
    """
    first = {path.partition("/")[0].lower() for path in images if "/" in path}
    if not first <= {*Split}:
        return [("", path) for path in images]
    parts = [path.partition("/") for path in images]
    return [(head.lower(), below) if below else ("", head) for head, _, below in parts]


def _tell_of_splits(dataset: str, rows: Sequence[Row]) -> None:
    """Log the people who are called as splits."""
    people = {row["subject_id"] for row in rows if row.get("subject_id")}
    if named := sorted(name for name in people if name.lower() in {*Split, "val"}):
        log.warning(
            "%s: folders %s were taken as people: if they are splits, let all first folders be "
            "train, validation or test",
            *(dataset, ", ".join(named)),
        )


def _folders_of_bands(dataset: str, images: Sequence[str]) -> frozenset[str]:
    """Return the folders that stand where people's do, if all are called by words of bands.

    Beside other people's they may be people's, too, which is told: ``IR`` is somebody's initials.
    """
    first = {path.partition("/")[0] for path in images if "/" in path}
    first = {name for name in first if name.upper() not in {*Band}}
    words = sorted(name for name in first if bands_of_folder(name))
    if len(words) == len(first):
        return frozenset(words)
    if words:
        log.warning(
            "%s: folders %s, beside folders of people, were taken as people: if they are bands, %s",
            *(dataset, ", ".join(words[:_WORDS]) + (", …" if words[_WORDS:] else ""), _WAY_OUT),
        )
    return frozenset()


def _cells_of(root: Path, path: str, below: str, of_bands: Collection[str]) -> dict[str, str]:
    """Return what the folders say that an image lies in.

    Args:
        root: of the data set.
        path: of the image.
        below: the same without the folder of its split.
        of_bands: what ``_folders_of_bands`` found.
    """
    folders = below.split("/")[:-1]
    meant = bands_of_folder(folders.pop(0)) if folders and folders[0] in of_bands else ()
    bands = {folder.upper() for folder in folders} & {*Band}
    others = [folder for folder in folders if folder.upper() not in bands]
    bands |= {str(band) for band in meant if len(meant) == 1}
    if len(bands) > 1:
        raise ReaderError(
            f"{root / path}: its folders name the bands {' and '.join(sorted(bands))}: expected one"
        )
    return {
        "band": next(iter(bands), ""),
        "subject": shown(others[0]) if others else "",
        "session": shown("/".join(others[1:])),
    }


def _rows_of_csv(file: Path, dataset: str, params: DatasetParams) -> list[Row]:
    rows: list[Row] = []
    without_band: list[str] = []
    for number, cells in _lines_of_csv(file):
        rows.append(_csv_row(file, number, cells, dataset, params))
        if not cells.get("band"):
            without_band.append(rows[-1]["path"])
    if not rows:
        raise _header_alone(file)
    _tell_of_bands(without_band, dataset, params, f"give {file.name} a column band, and fill it")
    if any(row.get("split") for row in rows) and not any(row.get("subject_id") for row in rows):
        log.warning(
            "%s: images have a split, but %s names nobody: beside a list folders say nothing; give "
            "it a column subject",
            *(dataset, file.name),
        )
    return rows


def _lines_of_csv(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    header, lines = open_rows(file)
    optional = [*CSV_COLUMNS, *CSV_GEOMETRY]
    if "path" not in header or not {*header} <= {"path", *optional}:
        raise ReaderError(
            f"{file}: expected a column 'path' and any of {optional}, found {header or None}"
        )
    return lines


def _header_alone(file: Path) -> ReaderError:
    return ReaderError(f"{file}: expected a line for each image, found the header alone")


def _csv_row(
    file: Path, number: int, cells: dict[str, str], dataset: str, params: DatasetParams
) -> Row:
    where = f"{file}, line {number}"
    path = cells["path"].replace("\\", "/")
    if not path or Path(path).is_absolute() or ".." in Path(path).parts:
        raise ReaderError(f"{where}: path {path!r} has to be relative and stay below {file.parent}")
    path = Path(path).as_posix()  # ./a.png and a.png are one image
    cells = cells | {
        "band": cells.get("band", "").upper(),
        "split": cells.get("split", "").lower(),
        "view": cells.get("view", "").lower(),
    }
    for column, names in (("band", Band), ("split", Split), ("view", VIEWS)):
        known = [str(name) for name in names]
        if cells[column] and cells[column] not in known:
            raise ReaderError(f"{where}: {column} {cells[column]!r} is none of {known}")
    geometry = {
        target: _numbers(cells[column], shape, f"{where}: {column}")
        for column, (target, shape) in CSV_GEOMETRY.items()
        if cells.get(column)
    }
    box = geometry.get("truth_box_xyxy")
    if box is not None and not (box[0] < box[2] and box[1] < box[3]):
        raise ReaderError(
            f"{where}: box {cells['box']!r}: expected x0 y0 x1 y1 with x0 < x1 and y0 < y1"
        )
    return _row(path, dataset, params, cells) | geometry


def _numbers(cell: str, shape: tuple[int, ...], where: str) -> Float32:
    try:
        values = np.array(cell.split(), np.float32).reshape(shape)
    except ValueError as error:
        raise ReaderError(
            f"{where}: expected {math.prod(shape)} numbers, found {cell!r}"
        ) from error
    if not np.isfinite(values).all():
        raise ReaderError(f"{where}: {cell!r} holds a number that is not finite")
    return values


def _row(path: str, dataset: str, params: DatasetParams, cells: dict[str, str]) -> Row:
    defaults = {
        "band": str(params.band),
        "split": str(params.split) if params.split else None,
        "licence": params.licence,
        "simulated": params.simulated,
    }
    known = {name: cells[column] for column, name in CSV_COLUMNS.items() if cells.get(column)}
    return listed_row(path, dataset, sample_id=sample_id_of(path), **(defaults | known))
