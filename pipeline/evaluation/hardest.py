"""Where an evaluation failed worst: whom a probe was taken for, beside the best of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.evaluation.comparison import against_others
from pipeline.evaluation.listed_pairs import scored_pairs
from pipeline.evaluation.rates import Best
from pipeline.evaluation.search import best_distractor
from pipeline.evaluation.subjects import NOBODY
from pipeline.evaluation.templates import Embeddings, Side, sides_of
from pipeline.store.protocols import Exclude, Protocol

MOST = 12
"""Lines that are kept of an evaluation."""
PROBE = "probe"
"""Role of what is compared; whatever has another one is of the gallery."""


class Shown(NamedTuple):
    """A template of a line, by an image of it.

    Attributes:
        role: ``probe``, ``best own`` and ``best other``; of listed pairs ``probe``, and beside it
            ``same person`` or ``other person``.
        sample_id: as the protocol names it: the template's first sample with an embedding.
        subject_id: whom it shows, None where that is not known.
        score: cosine with the probe before it in the line, None of a probe.
    """

    role: str
    sample_id: str
    subject_id: str | None
    score: float | None


@dataclass(frozen=True)
class Hardest:
    """The worst of a fold.

    Attributes:
        told: what the lines are, and of how many.
        lines: the worst first; None where one of two lists of pairs is shorter.
    """

    told: str
    lines: list[list[Shown | None]]


class _Cell(NamedTuple):
    """The same by the place of a template in its side."""

    role: str
    place: int
    score: float | None = None


_Lines = list[list[_Cell | None]]


def hardest(
    fold: Protocol,
    gallery: Embeddings,
    probes: Embeddings,
    best: Best | None,
    most: int = MOST,
) -> Hardest:
    """Return the worst failures, or what came closest to one where there is none.

    A probe fails where another subject's best score reaches that of its own best entry, and worse
    the farther it lies above. Failures to enrol, probes without an enrolled mate and those that
    meet nobody else are left out. Of listed pairs those of one person, the least alike first, stand
    beside those of two, the most alike first. What ties is in the order of the templates' ids, or
    of the list.

    Args:
        fold: one fold of a protocol.
        gallery: embeddings of enrolled samples.
        probes: of probe samples.
        best: what ``recognise`` found with them; None where pairs are listed.
        most: lines, at most.

    Raises:
        StageError: a side is empty, or nothing of it has an embedding.
        ValueError: nothing was found, and no pairs are listed.
    """
    sides = sides_of(fold, gallery, probes)
    if fold.match is not None:
        told, lines = _listed(fold, fold.match, *sides, most)
    elif best is not None:
        told, lines = _searched(fold.exclude, *sides, best, most)
    else:
        raise ValueError(f"protocol {fold.name} has no list of pairs: expected what a search found")
    return Hardest(told, _named(fold, sides, (gallery, probes), lines))


def _searched(
    exclude: Exclude, gallery: Side, probes: Side, best: Best, most: int
) -> tuple[str, _Lines]:
    """Return probes that searched the gallery, each with its best own and its best other entry."""
    lead = best.other.astype(np.float64) - best.own  # NaN where one of both is missing
    compared = np.flatnonzero(~np.isnan(lead))
    failed = int((lead[compared] >= 0).sum())
    if not failed and np.isneginf(lead).any():  # how near the others came was not asked before
        lead = best_distractor(gallery, probes).astype(np.float64) - best.own
    chosen = compared[np.argsort(-lead[compared], kind="stable")][: min(most, failed or most)]
    of = f"{len(compared)} probes compared"
    if failed:
        told = f"the {len(chosen)} worst of {failed} failures, {of}"
    else:
        told = f"no failure, {of}" + (": the closest to one" if len(chosen) else "")
    if not len(chosen):
        return told, []
    known, asked = (np.flatnonzero(side.enrolled) for side in (gallery, probes))
    scores = against_others(probes.vectors[chosen], gallery.vectors).scores()
    lines: _Lines = []
    for place, line in zip(asked[chosen].tolist(), scores, strict=True):
        lines.append([_Cell(PROBE, place)])
        for role, met in zip(("own", "other"), _met(exclude, gallery, probes, place), strict=True):
            top = int(np.argmax(np.where(met[known], line, -np.inf)))
            lines[-1].append(_Cell(f"best {role}", int(known[top]), float(line[top])))
    return told, lines


def _met(
    exclude: Exclude, gallery: Side, probes: Side, place: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which templates of the gallery a probe meets, bool (t,): its subject's, and others'."""
    own = gallery.subjects == probes.subjects[place]
    if exclude == Exclude.OTHER_MATES:
        itself = pc.equal(gallery.ids, probes.ids[place]).to_numpy(zero_copy_only=False)
        return own & ~itself, gallery.subjects == NOBODY
    camera = probes.cameras[place]
    beside = (gallery.cameras == camera) & (camera != NOBODY)
    if exclude == Exclude.SAME_CAMERA:
        return own & ~beside, ~own & ~beside
    if exclude == Exclude.SAME_SUBJECT_AND_CAMERA:
        return own & ~beside, ~own
    return own, ~own


def _listed(
    fold: Protocol, match: pa.Table, gallery: Side, probes: Side, most: int
) -> tuple[str, _Lines]:
    """Return pairs of one person beside pairs of two."""
    pairs = scored_pairs(fold, 1, gallery, probes)
    made = np.isfinite(pairs.scores)
    lists: list[_Lines] = []
    for role, same, sign in (("same person", True, 1), ("other person", False, -1)):
        of = np.flatnonzero(made & (pairs.same == same))
        picked = of[np.argsort(sign * pairs.scores[of], kind="stable")[:most]]
        rows = match.take(pa.array(picked))
        known = gallery.find(rows["enroll_template_id"], fold.name, "enroll").tolist()
        asked = probes.find(rows["probe_template_id"], fold.name, PROBE).tolist()
        scores = pairs.scores[picked].tolist()
        each = zip(asked, known, scores, strict=True)
        lists.append([[_Cell(PROBE, one), _Cell(role, other, score)] for one, other, score in each])
    told = f"{int(made.sum())} pairs: one person, least alike, and two people, most alike"
    none: list[_Cell | None] = [None, None]
    return told, [[*one, *two] for one, two in zip_longest(*lists, fillvalue=none)]


def _named(
    fold: Protocol, sides: Sequence[Side], embedded: Sequence[Embeddings], lines: _Lines
) -> list[list[Shown | None]]:
    """Return lines with samples and subjects in place of templates."""
    cells = [cell for line in lines for cell in line if cell is not None]
    names: list[dict[int, tuple[str, str | None]]] = []
    tables = fold.enroll, fold.probe
    for probing, (table, side, known) in enumerate(zip(tables, sides, embedded, strict=True)):
        places = sorted({cell.place for cell in cells if (cell.role == PROBE) == bool(probing)})
        ids = side.ids.take(pa.array(places, pa.int64()))
        place_of = dict(zip(ids.to_pylist(), places, strict=True))
        found: dict[int, tuple[str, str | None]] = {}
        for row in table.filter(pc.is_in(table["template_id"], value_set=ids)).to_pylist():
            if row["sample_id"] in known:
                of = place_of[row["template_id"]]
                found.setdefault(of, (row["sample_id"], row["subject_id"]))
        names.append(found)

    def shown(cell: _Cell | None) -> Shown | None:
        if cell is None:
            return None
        return Shown(cell.role, *names[cell.role == PROBE][cell.place], cell.score)

    return [[shown(cell) for cell in line] for line in lines]
