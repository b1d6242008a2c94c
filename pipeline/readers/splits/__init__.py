"""Seeded splits of data sets that have no official lists, as small versioned CSVs.

Papers give how many subjects train and test, not which. Each file here, ``<data set>_v<n>.csv``
with the columns ``subject_id`` and ``split``, was drawn once by ``draw`` with the arguments in
``BUILTIN`` and stays as it is: whoever needs another draw adds ``_v2``. Results on two versions are
not comparable, so the protocols' names carry the version.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

from pipeline.rng import seed_for
from pipeline.types import Split

SEED = 20210


def load_split(path: Path) -> dict[str, str]:
    """Read a split file of this package.

    Args:
        path: of the file. A reader writes its name out, so that the file is part of what the rows
            of this reader depend on.

    Returns:
        Split by subject.
    """
    with path.open(newline="", encoding="utf-8") as lines:
        return {row["subject_id"]: row["split"] for row in csv.DictReader(lines)}


def draw(name: str, subjects: Sequence[str], train: int, test: int) -> dict[str, str]:
    """Draw a split: subjects sorted by their seed for this name, the first train, the next test.

    Args:
        name: the split file's name, part of the seed.
        subjects: those to draw from.
        train: how many train.
        test: how many test.
    """
    order = sorted(subjects, key=lambda subject: seed_for(SEED, f"{name}/{subject}"))
    chosen = {subject: str(Split.TRAIN) for subject in order[:train]}
    return chosen | {subject: str(Split.TEST) for subject in order[train : train + test]}


def draw_buaa() -> dict[str, str]:
    """Draw ``buaa_visnir_v1``: 50 of the subjects 1–150 train, 100 test."""
    return draw("buaa_visnir_v1", [str(n) for n in range(1, 151)], 50, 100)


def draw_oulu() -> dict[str, str]:
    """Draw ``oulu_casia_nirvis_v1``: 20 of the 80 subjects train, 20 test.

    Each half has 5 of the 50 subjects from Oulu (P001–P050) and 15 of the 30 from CASIA
    (P051–P080): the 10 + 30 of the published protocol.
    """
    oulu = draw("oulu_casia_nirvis_v1", [f"P{n:03d}" for n in range(1, 51)], 5, 5)
    return oulu | draw("oulu_casia_nirvis_v1", [f"P{n:03d}" for n in range(51, 81)], 15, 15)


BUILTIN = {"buaa_visnir_v1": draw_buaa, "oulu_casia_nirvis_v1": draw_oulu}
"""How each file was drawn."""
