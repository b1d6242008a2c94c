r"""Reader ``ytf``: YouTube Faces.

3,425 videos of 1,595 people, 621,126 frames. On request from
http://www.cs.tau.ac.il/~wolf/ytfaces.

Layout: ``frame_images_DB/<Name>/<video>/<video>.<frame>.jpg`` and, per person,
``frame_images_DB/<Name>.labeled_faces.txt`` with lines
``Name\video\video.frame.jpg,0,x,y,w,h,0.0,1``, where (x, y) is the centre of the face; or
``aligned_images_DB/<Name>/<video>/aligned_detect_<video>.<frame>.jpg``, cut and aligned.
``splits.txt`` has 5,000 pairs in ten folds: ``<fold>, <pair>, <Name>/<video>, <Name>/<video>, <1 if
same>``.

Reference:
    L. Wolf, T. Hassner, I. Maoz, Face recognition in unconstrained videos with matched background
    similarity, CVPR 2011.
"""

import re
from collections.abc import Collection
from pathlib import Path

from pipeline.params.datasets import DatasetParams
from pipeline.readers.boxes import box_of_centre, number_of
from pipeline.readers.layout import (
    is_image,
    list_official,
    make_listing,
    official_row,
    read_lines,
    stem_of,
)
from pipeline.readers.listing import sample_id_of
from pipeline.readers.unmatched import report_unmatched
from pipeline.store import Listing
from pipeline.types import Band, Float32, Region, Row

EXPECTED = "frame_images_DB/<Name>/<video>/<video>.<frame>.jpg or aligned_images_DB/… likewise"
PUBLISHED = {"images": 621126, "subjects": 1595, "media": 3425}

_FRAME = re.compile(r"(?:.*/)?([^/]+)/(\d+)/(aligned_detect_)?\2\.(\d+)")
_LABELS = ".labeled_faces.txt"


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List all frames; where both kinds lie below the root, the full frames.

    Raises:
        ReaderError: the root holds no such frames.
    """
    files = list_official(root, dataset, EXPECTED)
    found = [
        (path, m) for path in files if is_image(path) and (m := _FRAME.fullmatch(stem_of(path)))
    ]
    whole = [(path, m) for path, m in found if not m[3]]
    frames = {_sample(match) for _, match in whole or found}
    boxes: dict[str, Float32] = {}
    for path in files:
        if path.endswith(_LABELS):
            labelled = face_boxes(root / path)
            absent = [sample for sample in labelled if sample not in frames]
            report_unmatched(root / path, absent, match="name frames that are not on disk")
            boxes |= labelled
    rows = [_row(path, match, dataset, params, boxes) for path, match in whole or found]
    return make_listing(root, dataset, params, EXPECTED, rows)


def known_unused(path: str, used: Collection[str]) -> str | None:
    """Say that an aligned frame stands beside the full one that is read; None for a stranger's."""
    match = _FRAME.fullmatch(stem_of(path))
    if not match or not match[3]:
        return None
    whole = f"frame_images_DB/{match[1]}/{match[2]}/{match[2]}.{match[4]}"
    before = path.partition("aligned_images_DB/")[0]
    return "aligned copies of the frames" if f"{before}{whole}" in used else None


def face_boxes(file: Path) -> dict[str, Float32]:
    """Read the boxes of one person's frames by sample id; a line without one is passed over."""
    boxes = {}
    for _, line in read_lines(file):
        cells = line.split(",")
        match = _FRAME.fullmatch(stem_of(cells[0]))
        if match and len(cells) >= 6:
            box = box_of_centre(*(number_of(cell) for cell in cells[2:6]))
            if box is not None:
                boxes[_sample(match)] = box
    return boxes


def media_of(name: str, video: str) -> str:
    """Return the media id of a video."""
    return sample_id_of(f"{name}/{video}")


def _sample(match: re.Match[str]) -> str:
    return f"{media_of(match[1], match[2])}/{match[4]}"


def _row(
    path: str,
    match: re.Match[str],
    dataset: str,
    params: DatasetParams,
    boxes: dict[str, Float32],
) -> Row:
    sample_id = _sample(match)
    return official_row(
        path,
        dataset,
        params,
        sample_id=sample_id,
        subject_id=match[1],
        media_id=media_of(match[1], match[2]),
        frame_index=int(match[4]),
        band=str(Band.VIS),
        region=str(Region.FACE if match[3] else Region.SCENE),
        truth_box_xyxy=None if match[3] else boxes.get(sample_id),
    )
