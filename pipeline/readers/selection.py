"""Which annotated frames are taken, and whether their numbers can be right."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ReaderError
from pipeline.ops.containers import UndecodableError
from pipeline.params.datasets import IjbMdfParams
from pipeline.readers.annotations import Annotations, groups
from pipeline.readers.timeline import timeline_of

log = logging.getLogger(__name__)

_LOOKED_AT = 16
"""Videos whose length is looked up; one that contradicts is enough."""


def chosen_lines(lines: Annotations, media: NDArray[Any], layout: IjbMdfParams) -> NDArray[np.intp]:
    """Return the indices of the lines that are taken, rising.

    A frame is taken whole. The cap spreads a subject's frames of a band over all it has; a frame is
    taken if any of its subjects chose it, so that a subject may come to more than the cap.

    Args:
        lines: (n,) of all tables.
        media: (n,) path of each line's media.
        layout: stride and cap.
    """
    indices = lines.frames - layout.frame_base
    kept = np.flatnonzero(indices % layout.frame_stride == 0)
    most = layout.max_frames_per_subject
    if most is None or not len(kept):
        return kept
    codes = np.unique(media[kept], return_inverse=True)[1]
    span = int(indices.max()) + 1
    frames = codes * span + indices[kept]  # rises with media, then frame
    bands = [str(layout.bands[name.split("/")[0]]) for name in media[kept].tolist()]
    owners = np.array(
        [f"{band} {who}" for band, who in zip(bands, lines.subjects[kept], strict=True)], object
    )
    chosen: set[int] = set()
    for _, places in groups(owners):
        own = np.unique(frames[places])
        spread = np.linspace(0, len(own) - 1, min(most, len(own))).round().astype(int)
        chosen.update(own[spread].tolist())
    return kept[np.isin(frames, list(chosen))]


def check_frame_base(
    root: Path, lines: Annotations, media: NDArray[Any], base: int, dataset: str
) -> None:
    """Refuse a frame number below the base; warn where numbers look as if they counted from 1.

    Raises:
        ReaderError: a number below the base.
    """
    below = np.flatnonzero(lines.frames < base)
    if len(below):
        fault = f"{lines.tables[below[0]]}: frame number {lines.frames[below[0]]}"
        advice = f"; set datasets.{dataset}.ijb_mdf.frame_base: 0" if base else ""
        raise ReaderError(f"{fault} is below frame_base {base}{advice}")
    if base or lines.frames.min() == 0:
        return
    for name in np.unique(media)[:_LOOKED_AT].tolist():
        last = int(lines.frames[media == name].max())
        if (length := _length(root / name)) and last == length:
            log.warning(
                "%s: frame numbers seem to count from 1: none is 0, and %s has %d frames but one "
                "numbered %d; if so, set datasets.%s.ijb_mdf.frame_base: 1",
                *(dataset, name, length, last, dataset),
            )
            return


def _length(path: Path) -> int | None:
    try:
        return None if path.is_dir() else timeline_of(path).frames
    except (OSError, UndecodableError):
        return None
