"""What a training's hardest pairs were, step by step.

Reference:
    A. Nanduri, S. Huang, R. Chellappa, Multi-domain biometric recognition using body embeddings,
    2025, section IV-C: of four bands, 92 % of hard positives lay across bands at the beginning and
    88 % at the end; of hard negatives, 87 % and 45 % within one.

Both shares stand beside those of random pairs of the same batches. Where a batch has one image of
each subject in each band (``images_per_band: 1``), every positive lies across bands, the hardest
and the random ones: 100 % there says nothing beside the paper's 92 and 88 %.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.store.whole import written_whole

PAIRS = tuple(
    f"{pair}_{of}"
    for of in ("positives_across_bands", "negatives_within_band")
    for pair in ("hard", "random")
)
"""Columns of a training's curve that are shares of hard pairs, and of random ones beside."""


def write_hard_pairs(curve: Sequence[Mapping[str, float]], path: Path) -> None:
    """Write shares of hard pairs by step, for a DVC plot; of several folds, the first.

    Of a training that mines none, only the header.
    """
    first = curve[0].get("fold") if curve else None
    with written_whole(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "step", "share"])
        for point in curve:
            if point.get("fold") == first:
                writer.writerows([n, int(point["step"]), point[n]] for n in PAIRS if n in point)
