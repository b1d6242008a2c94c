"""Reader ``ijb_mdf``: videos of several people in several bands, with a face box a frame.

No sample of IJB-MDF's files is public, so what follows is the layout that crossband takes; names of
columns, band folders, lists and tables are params (``datasets.<name>.ijb_mdf``)::

    <root>/<band folder>/…/<media>.mp4          a video (avi, mkv, mov, mpg, ts, …), or
    <root>/<band folder>/…/<media>/<name>12.png a folder of frames, numbered at the end of the name
    <root>/annotations/*.csv                    boxes: one line a subject and frame
    <root>/gallery-1.csv, gallery-2.csv         subjects: a column SUBJECT_ID, or one id a line

Band folders are ``VIS-500m``, ``SWIR-30m``, ``MWIR-30m`` and ``LWIR-30m``. The tables' columns are
IJB-C's: ``SUBJECT_ID``, ``FILENAME`` (of the media, relative to the root; the extension may be left
out; of one media alone so may the column), ``FRAME_NUM``, ``FACE_X``, ``FACE_Y``, ``FACE_WIDTH``,
``FACE_HEIGHT`` in pixels, empty where no face is seen, and optionally ``BODY_X`` …
``BODY_HEIGHT``. Further columns (``TEMPLATE_ID``, ``SIGHTING_ID`` …) are not needed. ``FRAME_NUM``
counts from ``frame_base``; in a folder of frames it is the number in the file's name.

Frames without annotation stay out. Subjects of gallery 1 are for training, those of gallery 2 for
testing; a frame has the split of its people where they agree, and each person has its own in
``truth_people``.

Reference:
    Kalka et al., "IJB-MDF: IARPA Janus Benchmark Multi-Domain Face", BTAS 2019.
"""

import glob
import logging
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams, IjbMdfParams
from pipeline.readers.annotations import Annotations, groups, read_annotations, read_galleries
from pipeline.readers.files import is_behind_link, is_hidden
from pipeline.readers.listing import LINK, key_of, listed_row, refused_row, sample_id_of
from pipeline.readers.people import People
from pipeline.readers.segments import Segment, frame_segments, load_segment, numbered_files
from pipeline.readers.selection import check_frame_base, chosen_lines
from pipeline.readers.video import EXTENSIONS
from pipeline.store import Listing
from pipeline.store.ids import frame_name
from pipeline.types import Row

log = logging.getLogger(__name__)


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List the annotated frames of all media, in segments.

    Raises:
        ReaderError: the root, a table or a list is not as described; a subject is in two galleries;
            a frame's number is impossible.
    """
    layout = params.ijb_mdf or IjbMdfParams()
    if not root.is_dir():
        raise ReaderError(
            f"data set {dataset!r}: expected a folder with {_expected(layout)} at {root}, "
            f"found {'a file' if root.exists() else 'nothing'}; correct datasets.{dataset}.root"
        )
    tables = sorted(path for path in root.glob(layout.annotations) if not is_hidden(path.name))
    if not tables:
        raise ReaderError(
            f"data set {dataset!r}: expected {_expected(layout)} under {root}, found no "
            f"{layout.annotations}, but {_there(root)}; correct datasets.{dataset}"
        )
    splits = read_galleries(root, layout)
    there = _media_below(root, layout)
    only = there[0] if len(there) == 1 else None
    lines = read_annotations(tables, layout.columns, only)
    media = _media(root, lines, layout, there)
    check_frame_base(root, lines, media, layout.frame_base, dataset)
    known = set(media)
    idle = [name for name in there if name not in known]
    _tell(dataset, lines, idle, splits)
    keep = chosen_lines(lines, media, layout)
    rows: list[Row] = []
    passed_over = dict.fromkeys(idle, ("no_annotation", "no table names this media"))
    for name, inside in groups(media[keep]):
        if is_behind_link(root, name):
            passed_over[name] = LINK
        else:
            rows += _segments(name, lines.of(keep[inside]), splits, dataset, params)
    refused = [
        refused_row(name, dataset, why, band=str(layout.bands[name.split("/")[0]]))
        for name, why in passed_over.items()
    ]
    return Listing(rows, params.shards, partial(load_segment, root), refused)


def _segments(
    name: str,
    lines: Annotations,
    splits: dict[str, str],
    dataset: str,
    params: DatasetParams,
) -> list[Row]:
    """Make the rows of one media."""
    layout = params.ijb_mdf or IjbMdfParams()
    quality = layout.frame_jpeg_quality if layout.frame_format == "jpeg" else None
    frames = lines.frames - layout.frame_base
    media_id, folder = sample_id_of(name), name.split("/")[0]
    rows = []
    for start, wanted in frame_segments(np.unique(frames).tolist(), layout.segment_frames):
        inside = lines.of((frames >= start) & (frames <= wanted[-1]))
        order = np.lexsort((inside.subjects, inside.frames))
        subjects = tuple(inside.subjects[order].tolist())
        people = People(
            tuple((inside.frames[order] - layout.frame_base).tolist()),
            subjects,
            tuple(splits.get(subject) for subject in subjects),
            inside.faces_xywh[order],
            inside.bodies_xywh[order],
        )
        rows.append(
            listed_row(
                name,
                dataset,
                sample_id=f"{media_id}/{frame_name(start)}",
                media_id=media_id,
                camera_id=folder,
                band=str(layout.bands[folder]),
                licence=params.licence,
                simulated=params.simulated,
                segment=Segment(Path(name), "", wanted, layout.frame_base, quality),
                people=people,
            )
        )
    return rows


def _media(root: Path, lines: Annotations, layout: IjbMdfParams, there: list[str]) -> np.ndarray:
    """Return the path of each line's media, relative to the root.

    A name that is not there may lack its extension: the one media of that stem is meant. Its
    letters may be in another of Unicode's forms than the disk's.
    """
    names, places = np.unique(lines.files, return_inverse=True)
    spelt = {key_of(path): path for path in there}
    found = []
    for written in names.tolist():
        name = Path(written.replace("\\", "/")).as_posix()
        name = spelt.get(key_of(name), name)
        parts = Path(name).parts
        if not parts or Path(name).is_absolute() or ".." in parts:
            raise ReaderError(f"{lines.where(written)}: {written!r} has to stay below {root}")
        if len(parts) < 2 or parts[0] not in layout.bands:
            raise ReaderError(
                f"{lines.where(written)}: {written!r} is in none of the band folders "
                f"{list(layout.bands)}; name its folder in ijb_mdf.bands"
            )
        place = root / name
        if not place.exists():
            pattern = f"{glob.escape(place.name)}.*"
            alike = sorted(path for path in place.parent.glob(pattern) if _is_video(path))
            name = alike[0].relative_to(root).as_posix() if len(alike) == 1 else name
        found.append(name)
    return np.array(found, object)[places]


def _is_video(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in EXTENSIONS


def _media_below(root: Path, layout: IjbMdfParams) -> list[str]:
    """Return all media of the band folders, relative to the root; hidden ones stay out."""
    return [
        below
        for folder in layout.bands
        for path in sorted((root / folder).rglob("*"))
        if not any(map(is_hidden, (below := path.relative_to(root).as_posix()).split("/")))
        and (_is_video(path) or (path.is_dir() and numbered_files(path)))
    ]


def _tell(dataset: str, lines: Annotations, idle: list[str], splits: dict[str, str]) -> None:
    """Log what stays out, or has no split, although nothing is wrong with it."""
    if idle:
        log.info(
            "%s: %d media have no annotation and are left out: %s", dataset, len(idle), _some(idle)
        )
    strangers = Counter(s for s in lines.subjects.tolist() if s not in splits)
    if strangers:
        text = "%s: %d subjects are in no gallery and have no split: %s"
        log.info(text, dataset, len(strangers), _some(sorted(strangers)))


def _expected(layout: IjbMdfParams) -> str:
    lists = ", ".join(f"{name}.csv" for name in layout.galleries)
    return f"media in {', '.join(layout.bands)}, tables {layout.annotations} and lists {lists}"


def _there(root: Path) -> str:
    names = sorted(f"{path.name}/" if path.is_dir() else path.name for path in root.iterdir())
    return _some(names) or "an empty folder"


def _some(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
