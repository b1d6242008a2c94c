"""What the stage ``label_bodies`` shows: labels against the annotated bodies."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.bodies.frames import label_rows
from pipeline.bodies.labelling import MEASURES, LabelOutcome
from pipeline.params.label_bodies import LabelBodiesParams
from pipeline.report.annotated_bodies import FRAME, annotated, matches, shares
from pipeline.store import ShardFolder
from pipeline.types import Row


def label_bodies_metrics(folder: ShardFolder, params: LabelBodiesParams) -> dict[str, Any]:
    """Measure a ``label_bodies`` output.

    Returns:
        By band, see ``labelling_scores``; under ``by_measure`` the same as each measure of overlap
        labels these detections with the same thresholds.
    """
    chosen: defaultdict[str, Counter[str]] = defaultdict(Counter)
    others: dict[str, defaultdict[str, Counter[str]]] = {m: defaultdict(Counter) for m in MEASURES}
    tracks: set[tuple[str | None, int]] = set()
    for index in range(folder.count):
        for rows in folder.shard(index).batches([*FRAME, "media_id", "width_px", "height_px"]):
            _tally(rows, chosen)
            for measure, tallies in others.items():
                labelled = label_rows(
                    rows,
                    measure=measure,
                    ambiguous_above=params.ambiguous_above,
                    min_overlap=params.min_overlap,
                )
                pairs = zip(rows, labelled, strict=True)
                _tally([row | {"bodies": bodies} for row, bodies in pairs], tallies)
            tracks |= {
                (row["media_id"], body["track_id"])
                for row in rows
                for body in row["bodies"]
                if body["track_id"] is not None
            }
    by_measure = {measure: _by_band(tallies) for measure, tallies in others.items()}
    own = {"measure": params.measure, "tracker": params.tracker, "tracks": len(tracks)}
    return _by_band(chosen) | own | {"by_measure": by_measure}


def labelling_scores(tally: Counter[str]) -> dict[str, float | int]:
    """Turn counts over the images of a band into shares.

    A detection is the person whose annotated body it overlaps most, by an IoU of at least 0.5.

    Returns:
        ``detection_recall``: share of annotated bodies that some detection is; ``precision``: share
        of labelled detections that are the person they are labelled as; ``recall``: share of
        annotated bodies with a detection labelled rightly; ``recall_of_faces``: the same of those
        whose face is annotated too, the only ones that can be labelled. Then the counts of
        detections, of annotated bodies and of every outcome. Without annotated bodies there are
        no shares.
    """
    parts = {
        "detection_recall": (tally["found"], tally["bodies"]),
        "precision": (tally["right"], tally[LabelOutcome.LABELLED] if tally["bodies"] else 0),
        "recall": (tally["recalled"], tally["bodies"]),
        "recall_of_faces": (tally["recalled"], tally["faces"]),
    }
    counts = {name: tally[name] for name in ("detections", "bodies", *map(str, LabelOutcome))}
    return shares(parts) | counts


def _tally(rows: Iterable[Row], tallies: defaultdict[str, Counter[str]]) -> None:
    """Add labelled images to the counts of their bands."""
    for row in rows:
        who, found = matches(row)
        right = [
            body["subject_id"]
            for body, person in zip(row["bodies"], who, strict=True)
            if body["outcome"] == LabelOutcome.LABELLED and body["subject_id"] == person
        ]
        tally = tallies[row["band"]]
        tally.update(body["outcome"] for body in row["bodies"])
        tally.update(
            detections=len(row["bodies"]),
            bodies=len(found),
            faces=sum(
                person["face_xyxy"] is not None and person["body_xyxy"] is not None
                for person in annotated(row)
            ),
            found=int(found.sum()),
            right=len(right),
            recalled=len(set(right)),
        )


def _by_band(tallies: Mapping[str, Counter[str]]) -> dict[str, Any]:
    return {band: labelling_scores(tally) for band, tally in sorted(tallies.items())}
