"""A sheet of the probes that an evaluation found hardest."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol as Structure

import numpy as np

from pipeline.evaluation.hardest import PROBE, Hardest, Shown, hardest
from pipeline.evaluation.rates import Best
from pipeline.evaluation.templates import Embeddings
from pipeline.report import draw
from pipeline.report.contact_sheet import write_png
from pipeline.report.page import page
from pipeline.store.protocols import Protocol
from pipeline.types import Row, UInt8

_TILE_PX = 144
_CAPTION_LINES = 3


class Tested(Structure):
    """Samples that an evaluation embedded, as ``pipeline.training.tested.TestedSamples``."""

    def shown(self, wanted: Collection[str]) -> dict[str, Row]:
        """Return ``image``, ``band``, ``simulated`` and ``sample_id`` of samples by their names."""


def hardest_sheet(
    title: str,
    protocol: Protocol,
    folds: Mapping[int, tuple[Embeddings, Embeddings]],
    best: Best | None,
    tested: tuple[Tested, Tested],
    path: Path,
) -> None:
    """Write a PNG of the probes that the first fold's network found hardest, a line for each.

    Args:
        title: of the evaluation.
        protocol: with the folds that were tested.
        folds: embeddings of enrolled samples and of probes by the fold's number.
        best: what the first fold's search found with them; None where pairs are listed.
        tested: the enrolled samples and the probes.
        path: the PNG to write.
    """
    first, *others = protocol.folds()
    found = hardest(protocol.fold(first), *folds[first], best)
    of = f", fold {first}" if others else ""
    write_png(_drawn(f"{title}{of}: {found.told}", found, tested), path)


def _drawn(title: str, found: Hardest, tested: tuple[Tested, Tested]) -> UInt8:
    each = [shown for line in found.lines for shown in line if shown is not None]
    # by whether it probes
    rows = [
        side.shown({shown.sample_id for shown in each if (shown.role == PROBE) == probing})
        for probing, side in enumerate(tested)
    ]
    lines = [np.hstack([_tile(shown, rows) for shown in line]) for line in found.lines]
    drawn = [row for side in rows for row in side.values()]
    return page(title, lines or [_empty("nothing to show")], drawn)


def _tile(shown: Shown | None, rows: list[dict[str, Row]]) -> UInt8:
    """Draw an image with what it is there, whom it shows and what it is called."""
    if shown is None:
        return _empty("")
    row = rows[shown.role == PROBE][shown.sample_id]
    score = "" if shown.score is None else f"  {shown.score:.3f}"
    band = f"{row['band']} simulated" if row["simulated"] else row["band"]
    words = f"{shown.role}{score}", f"{shown.subject_id or 'nobody known'}  {band}"
    name = str(row["sample_id"]).rpartition("/")[2]
    image = draw.fit(row["image"], _TILE_PX)[0]
    return draw.captioned(image, [*words, name], (_TILE_PX, _TILE_PX))


def _empty(words: str) -> UInt8:
    lines = [words] + [""] * (_CAPTION_LINES - 1)
    return draw.captioned(draw.NOTHING, lines, (_TILE_PX, _TILE_PX))
