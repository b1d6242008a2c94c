"""Protocols of what InsightFace hands round: its packs of pairs, and its lists of IJB-B and -C."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import ReaderError
from pipeline.protocols.ijb import identification, verification
from pipeline.protocols.pairs import pair_protocol
from pipeline.readers import bin_packs, ijb_insightface
from pipeline.readers.ijb_insightface import FACES, PAIRS, RELEASES
from pipeline.readers.layout import files_below
from pipeline.store.protocols import MATCH, Protocol, template_table
from pipeline.types import Row

FOLDS = 10


def bin_pairs(root: Path, rows: Sequence[Row]) -> Iterator[Protocol]:
    """Yield a protocol a pack, named as it: ten folds of pairs in their order.

    Raises:
        ReaderError: a pack is malformed, or has fewer pairs than folds.
    """
    known = {row["sample_id"]: [row] for row in rows}
    for path, pack in bin_packs.read_packs(root, "bin_packs"):
        count = len(pack.same)
        if count < FOLDS:
            raise ReaderError(f"{root / path}: expected {FOLDS} pairs or more, found {count}")
        pairs = [
            (fold, pack.sample_of(2 * pair), pack.sample_of(2 * pair + 1), pack.same[pair])
            for fold, (first, end) in enumerate(pairwise(_borders(count)), 1)
            for pair in range(first, end)
        ]
        yield pair_protocol(pack.name, f"InsightFace's pack {path}", pairs, known)


def _borders(count: int) -> list[int]:
    """Cut pairs as scikit-learn's ``KFold`` does: the first folds take one of the rest each."""
    size, rest = divmod(count, FOLDS)
    return [fold * size + min(fold, rest) for fold in range(FOLDS + 1)]


def insightface_templates(root: Path, rows: Sequence[Row]) -> Iterator[Protocol]:
    """Yield ``verification`` and, where its lists are there, ``identification``.

    Raises:
        ReaderError: a list is malformed, or pairs name a template without a face.
    """
    files = files_below(root)
    release, lists = ijb_insightface.official_lists(root, "ijb_insightface", files)
    told = RELEASES[release]
    faces = _Faces(lists[FACES], rows)
    pairs = ijb_insightface.read_pairs(lists[PAIRS])
    enroll, probe = (
        faces.table(pc.unique(pairs[side]).to_pylist(), None, lists[PAIRS])
        for side in ("enroll", "probe")
    )
    match = pa.table([pa.nulls(len(pairs), pa.int32()), *pairs.columns], schema=MATCH)
    yield verification(told.name, enroll, probe, match)
    searched = [
        ijb_insightface.templates_in(root, files, name) for name in (*told.galleries, told.probes)
    ]
    if all(searched):
        galleries = [faces.table(searched[n], n + 1, root / told.galleries[n]) for n in range(2)]
        probing = faces.table(searched[2], None, root / told.probes)
        yield identification(told.name, galleries, probing)


class _Faces:
    """Crops by template."""

    def __init__(self, file: Path, rows: Sequence[Row]) -> None:
        subjects = {row["sample_id"]: row.get("subject_id") for row in rows}
        self._of: dict[str, list[tuple[str, str | None, str]]] = {}
        for name, template, media in ijb_insightface.read_faces(file):
            sample = ijb_insightface.sample_of(name)
            self._of.setdefault(template, []).append((sample, subjects.get(sample), media))

    def table(self, templates: Sequence[str], fold: int | None, file: Path) -> pa.Table:
        """Make a table of templates.

        Raises:
            ReaderError: one has no face.
        """
        if unknown := [each for each in templates if each not in self._of]:
            raise ReaderError(
                f"{file}: {len(unknown)} templates have no face in the list of faces, among them "
                f"{unknown[0]}"
            )
        return template_table(
            (fold, template, subject, sample, media, None)
            for template in templates
            for sample, subject, media in self._of[template]
        )
