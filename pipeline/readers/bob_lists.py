"""Protocols as Idiap's Bob keeps them: lists that name images by their path, and who they show.

``<protocol>/norm/train_world.csv``, ``<protocol>/dev/for_models.csv`` and
``<protocol>/dev/for_probes.csv`` (``eval`` beside ``dev``, where there is one) have the columns
``PATH``, without an extension, ``REFERENCE_ID``, the subject, and any others, among them the eyes'
``leye_x``, ``leye_y``, ``reye_x``, ``reye_y``. Column names may be of either case.

Reference:
    https://www.idiap.ch/software/bob/docs/bob/bob.bio.base, "CSV file interface".
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ReaderError
from pipeline.readers.boxes import landmarks_from_eyes, number_of
from pipeline.readers.layout import is_image, numbered_lists, stem_of
from pipeline.readers.tables import read_rows
from pipeline.types import Float32

TRAIN, MODELS, PROBES = "train", "models", "probes"
"""What images are listed for."""

_USES = {"norm/train_world": TRAIN, "dev/for_models": MODELS, "dev/for_probes": PROBES}
_LIST = r"([^/]+)/(norm/train_world|dev/for_models|dev/for_probes)\.csv"
_EYES = ("reye_x", "reye_y", "leye_x", "leye_y")


@dataclass(frozen=True)
class Listed:
    """A line of a list.

    Attributes:
        path: of the image, without its extension.
        subject: whom it shows.
        landmarks_xy: (5, 2) pixels, from its eyes; None where none are annotated.
    """

    path: str
    subject: str
    landmarks_xy: Float32 | None


def read_protocols(root: Path, files: Iterable[str]) -> dict[str, dict[str, list[Listed]]]:
    """Read all lists below a root.

    Returns:
        The lines by protocol, its name in small letters, and by ``TRAIN``, ``MODELS``, ``PROBES``.

    Raises:
        ReaderError: a list is malformed.
    """
    found: defaultdict[str, dict[str, list[Listed]]] = defaultdict(dict)
    for (protocol, use), path in sorted(numbered_lists(files, _LIST).items()):
        found[protocol][_USES[use]] = read_list(root / path)
    return dict(found)


def read_list(file: Path) -> list[Listed]:
    """Read one list.

    Raises:
        ReaderError: it has no column of paths or of subjects, or no line but its header.
    """
    header, lines = read_rows(file)
    columns = {name.lower(): name for name in header}
    if missing := [name for name in ("path", "reference_id") if name not in columns]:
        raise ReaderError(f"{file}: expected columns {missing}, found {header or None}")
    if not lines:
        raise ReaderError(f"{file}: expected a line for each image, found the header alone")
    return [
        Listed(
            _stem(cells[columns["path"]]),
            cells[columns["reference_id"]],
            _landmarks({name: cells[column] for name, column in columns.items()}),
        )
        for _, cells in lines
    ]


def _stem(cell: str) -> str:
    path = cell.replace("\\", "/").removeprefix("./")
    return stem_of(path) if is_image(path) else path


def _landmarks(cells: Mapping[str, str]) -> Float32 | None:
    numbers = [number_of(cells.get(name, "")) for name in _EYES]
    return landmarks_from_eyes((numbers[:2], numbers[2:]))


class Stems:
    """Images by the end of their path: lists leave out the folders they were unpacked in."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._by_name: defaultdict[str, list[str]] = defaultdict(list)
        for path in paths:
            self._by_name[stem_of(path).rpartition("/")[2]].append(path)

    def path_of(self, listed: str) -> str | None:
        """Return the image that a list means, None where it is not there or not the only one."""
        candidates = self._by_name.get(listed.rpartition("/")[2], [])
        found = [path for path in candidates if f"/{stem_of(path)}".endswith(f"/{listed}")]
        return found[0] if len(found) == 1 else None
