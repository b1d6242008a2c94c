"""Protocols of one band across views, from rows' columns, for any data set that knows the views.

Reference:
    DMFR paper, "The CP-IJB-C and CQ-IJB-C Datasets": only front images are enrolled, only profile
    images probe.
"""

from collections.abc import Iterator, Sequence

from pipeline.protocols.columns import (
    VALIDATION,
    enrolled_shots,
    of_subject,
    shot_of,
    single,
    training,
)
from pipeline.store.protocols import Protocol, Provenance, template_table
from pipeline.types import Band, Row, Split

FRONT, PROFILES = ("front",), ("left", "right")
"""Values of the column ``view``."""

_ALL = (*FRONT, *PROFILES, None)
_VIEWS = (
    (f"{Band.VIS}-{Band.VIS}", _ALL, _ALL),
    ("frontal", FRONT, FRONT),
    ("cross-pose", FRONT, PROFILES),
)
"""Name, views that are enrolled, views that probe."""


def cross_pose(rows: Sequence[Row], seed: int) -> Iterator[Protocol]:
    """Yield ``VIS-VIS``, ``frontal`` and ``cross-pose``: a visible template per test subject.

    Single images probe. All views are on both sides of the first; front images alone are enrolled
    in the others, and front images or profiles probe. The same on the subjects of the split
    validation ends with ``-validation``. No shot is on both sides, and images of the back of a head
    take no part, as in ``cross_band``: a shot that shows nothing else is not dealt out.

    Args:
        rows: rows with ``COLUMNS``.
        seed: deals a subject's shots out to gallery and probes.
    """
    visible = [
        row
        for row in rows
        if row.get("subject_id") and row["band"] == Band.VIS and row.get("view") != "back"
    ]
    for split, ending in ((Split.TEST, ""), (Split.VALIDATION, VALIDATION)):
        asked = [row for row in visible if row.get("split") == split]
        enrolled = enrolled_shots(asked, seed)
        for name, seen, probing in _VIEWS:
            gallery = [r for r in asked if r.get("view") in seen and shot_of(r) in enrolled]
            probes = [r for r in asked if r.get("view") in probing and shot_of(r) not in enrolled]
            if gallery and probes:
                yield Protocol(
                    f"{name}{ending}",
                    Provenance.DERIVED,
                    f"{_said(probing).capitalize()} probes against a template of {_said(seen)} "
                    f"images of each {split} subject, from other shots.",
                    enroll=template_table(of_subject(row) for row in gallery),
                    probe=template_table(single(row) for row in probes),
                    match=None,
                    train=training(visible),
                )


def _said(views: tuple[str | None, ...]) -> str:
    return "visible" if views == _ALL else " or ".join(map(str, views))
