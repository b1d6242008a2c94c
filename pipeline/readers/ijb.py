"""What the IJB readers share: template lists, in which a line is one person's face in one file.

IJB-B and IJB-C are of one make: two galleries, mixed probes, pairs, and the metadata of all faces.
"""

import logging
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers.boxes import box_of_corner, number_of
from pipeline.readers.layout import (
    find_list,
    is_image,
    list_official,
    make_listing,
    official_row,
    read_table,
    refuse_root,
    report_absent,
    stem_of,
)
from pipeline.readers.listing import sample_id_of
from pipeline.readers.tables import read_header, whole_id
from pipeline.store import Listing
from pipeline.types import Band, Row

log = logging.getLogger(__name__)

_NOBODY = ("", "nan")


@dataclass(frozen=True)
class Columns:
    """How a release names the columns of its lists.

    Attributes:
        file: the image or frame.
        media: what groups the frames of one video, for pooling.
        frame: number of the frame in its video.
        yaw: yaw in degrees.
    """

    file: str
    media: str
    frame: str
    yaw: str

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that a template list has to have."""
        box = ("FACE_X", "FACE_Y", "FACE_WIDTH", "FACE_HEIGHT")
        return ("TEMPLATE_ID", "SUBJECT_ID", self.file, self.media, *box)


@dataclass(frozen=True)
class Release:
    """Lists of a release of two galleries and mixed probes.

    Attributes:
        name: as reports call it.
        galleries: template lists of the two galleries.
        probes: template list of the probes.
        pairs: headerless pairs of template ids.
        metadata: all faces (optional).
        columns: how its lists name their columns, the newest naming first.
        expected: the layout, for errors.
    """

    name: str
    galleries: tuple[str, str]
    probes: str
    pairs: str
    metadata: str
    columns: tuple[Columns, ...]
    expected: str

    def columns_of(self, file: Path) -> Columns:
        """Return the naming whose columns a list has; the newest where it has none's."""
        header = read_header(file)
        return next((each for each in self.columns if each.file in header), self.columns[0])


def read_release(release: Release, root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List all faces that the template lists, or the metadata, of a release name.

    Raises:
        ReaderError: a list is missing or malformed.
    """
    files = list_official(root, dataset, release.expected)
    names = (*release.galleries, release.probes)
    lists = [found for name in names if (found := find_list(files, name))]
    if len(lists) < len(names):
        raise refuse_root(root, dataset, release.expected, files)
    if metadata := find_list(files, release.metadata):
        lists.append(metadata)
    images = Images(files, {"img": "img", "frames": "frames"})
    named = [root / path for path in lists]
    rows = sample_rows(named, release.columns_of(named[0]), images, dataset, params)
    return make_listing(root, dataset, params, release.expected, rows)


@dataclass(frozen=True)
class Sighting:
    """A line of a template list: a subject's face in one file, as part of a template.

    Attributes:
        template_id: the template.
        subject_id: the subject.
        sample_id: subject and file, since a file may show several subjects.
        media_id: the image, or the video that the frame is of.
        yaw_deg: as annotated, in degrees; NaN where it is not.
    """

    template_id: str
    subject_id: str
    sample_id: str
    media_id: str
    yaw_deg: float


def sightings(file: Path, columns: Columns) -> Iterator[Sighting]:
    """Read a template list; lines without a subject are no faces and stay out.

    Raises:
        ReaderError: a column is missing, or a template is of two subjects.
    """
    for template, subject, cells in subjects_by_template(file, columns.required, {}):
        yield Sighting(
            template,
            subject,
            sample_of(subject, cells[columns.file]),
            whole_id(cells[columns.media]),
            number_of(cells.get(columns.yaw, "")),
        )


def subjects_by_template(
    file: Path, columns: Sequence[str], known: dict[str, str]
) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield template, subject and cells of each line of a list that has a subject.

    Args:
        file: the list.
        columns: that it has to have.
        known: subject by template; what the list tells is added.

    Raises:
        ReaderError: a column is missing, or a template is of two subjects.
    """
    for cells in read_table(file, columns):
        template, subject = whole_id(cells["TEMPLATE_ID"]), whole_id(cells["SUBJECT_ID"])
        if subject.lower() in _NOBODY:
            continue
        if known.setdefault(template, subject) != subject:
            raise ReaderError(
                f"{file}: template {template} has two subjects, {known[template]} and {subject}"
            )
        yield template, subject, cells


def sample_of(subject: str, file: str) -> str:
    """Return the sample id of a subject's face in a file."""
    return sample_id_of(f"{subject}/{file}")


class Images:
    """The images of a release by what lists call them: the part from their folder on.

    Letters may be of either case. Where no image of a folder has the extension that a list gives,
    as of frames that were stored anew as JPEG, the one image of the stem is meant.
    """

    def __init__(self, files: Iterable[str], folders: Mapping[str, str]) -> None:
        """Take the images of some folders.

        Args:
            files: below the root.
            folders: what the lists call each folder, by its name on disk, both in lower case.
        """
        self._by_name: dict[str, str] = {}
        self._by_stem: defaultdict[str, list[str]] = defaultdict(list)
        self._kinds: set[tuple[str, str]] = set()
        for path in filter(is_image, files):
            parts = path.split("/")
            if len(parts) > 1 and (folder := folders.get(parts[-2].lower())):
                name = f"{folder}/{parts[-1].lower()}"
                self._by_name[name] = path
                self._by_stem[stem_of(name)].append(path)
                self._kinds.add(_kind(name))

    def path_of(self, listed: str) -> str | None:
        """Return the image's path below the root, None where it is not there."""
        name = listed.lower()
        alike = [] if _kind(name) in self._kinds else self._by_stem.get(stem_of(name), [])
        return self._by_name.get(name, alike[0] if len(alike) == 1 else None)


def _kind(name: str) -> tuple[str, str]:
    """Return the folder and the extension of an image's name."""
    return name.partition("/")[0], name.rpartition(".")[2]


def sample_rows(
    lists: Iterable[Path],
    columns: Columns,
    images: Images,
    dataset: str,
    params: DatasetParams,
) -> Iterator[Row]:
    """Yield a row for each subject's face in each file that any list names.

    Lines without a subject are no faces (the metadata have what detectors took for one).

    Args:
        lists: template lists, or the metadata of all faces.
        columns: their column names.
        images: that are on disk.
        dataset: name of the data set.
        params: its params.
    """
    seen: set[str] = set()
    absent = []
    required = [name for name in columns.required if name != "TEMPLATE_ID"]
    for file in lists:
        nobody = 0
        for cells in read_table(file, required):
            subject, name = whole_id(cells["SUBJECT_ID"]), cells[columns.file]
            if subject.lower() in _NOBODY:
                nobody += 1
                continue
            sample_id = sample_of(subject, name)
            if sample_id in seen:
                continue
            seen.add(sample_id)
            path = images.path_of(name)
            if path is None:
                absent.append(name)
            box = [number_of(cells[f"FACE_{side}"]) for side in ("X", "Y", "WIDTH", "HEIGHT")]
            frame = number_of(cells.get(columns.frame, ""))
            yield official_row(
                path or name,
                dataset,
                params,
                sample_id=sample_id,
                subject_id=subject,
                media_id=whole_id(cells[columns.media]),
                frame_index=int(frame) if math.isfinite(frame) else None,
                band=str(Band.VIS),
                truth_box_xyxy=box_of_corner(*box),
            )
        if nobody:
            text = "%s: %d lines of %s have no subject, and are left out: they show no face"
            log.warning(text, dataset, nobody, file.name)
    report_absent(dataset, absent)


def known_unused(path: str, _: Collection[str]) -> str | None:
    """Say that an image is one of the non-faces, which the metadata alone name."""
    return "images without a face" if "nonfaces" in path.lower().split("/")[:-1] else None
