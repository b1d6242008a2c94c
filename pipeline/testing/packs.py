"""A replica of InsightFace's verification packs."""

import pickle
from pathlib import Path

from pipeline.testing.images import image_bytes

PACKS = ("lfw", "cfp_ff", "cfp_fp", "agedb_30", "calfw", "cplfw")


def bin_packs(root: Path, *, pairs: int = 20, names: tuple[str, ...] = PACKS) -> None:
    """Write packs of ``pairs`` pairs; of each four, the first two are of one person.

    Args:
        root: folder.
        pairs: of each pack.
        names: of the packs.
    """
    root.mkdir(parents=True, exist_ok=True)
    for name in names:
        images = [image_bytes(f"{name}/{number}", ".jpg") for number in range(2 * pairs)]
        same = [pair % 4 < 2 for pair in range(pairs)]
        (root / f"{name}.bin").write_bytes(pickle.dumps((images, same), 4))
