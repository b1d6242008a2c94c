"""Where a subject comes from: the program that made its visible images."""

from collections import defaultdict

from pipeline.store import ShardFolder
from pipeline.types import Band

PHOTOGRAPHS = "photographs"
"""Source of images that no program made."""


def source_of_subjects(folder: ShardFolder) -> defaultdict[str | None, str]:
    """Return each subject's source.

    It is the ``generator`` of its visible images: a simulated infra-red image names the program
    that simulated the band, not the one that made the person. Where no program made them, or the
    subject has none, it is ``photographs``.

    Args:
        folder: any stage's output.
    """
    sources: defaultdict[str | None, str] = defaultdict(lambda: PHOTOGRAPHS)
    for row in folder.rows(["subject_id", "band", "generator"]):
        if row["band"] == Band.VIS and row["generator"]:
            sources[row["subject_id"]] = row["generator"]
    return sources
