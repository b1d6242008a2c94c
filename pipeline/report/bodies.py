"""Metrics of the body stages; where a data set knows the truth, they are measured against it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.bodies.frames import label_rows
from pipeline.bodies.labelling import MEASURES, Outcome
from pipeline.ops.boxes import iou
from pipeline.params import LabelBodiesParams
from pipeline.report.metrics import quantiles
from pipeline.store import ShardFolder
from pipeline.types import Row

SAME_BODY_IOU = 0.5
"""From here on a detection counts as the annotated body."""

_FRAME = ["band", "bodies", "truth_people", "truth_box_xyxy", "truth_body_xyxy", "subject_id"]


def detect_bodies_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``detect_bodies`` output.

    Returns:
        By band: pictures, those in which nobody was found, people a picture, their scores and
        heights, and, where bodies are annotated, the share of them that was found.
    """
    tallies: defaultdict[str, Counter[str]] = defaultdict(Counter)
    scores: defaultdict[str, list[float]] = defaultdict(list)
    heights: defaultdict[str, list[float]] = defaultdict(list)
    for row in folder.rows(_FRAME):
        bodies, found = row["bodies"], _matches(row)[1]
        tallies[row["band"]].update(
            pictures=1,
            nobody_found=not bodies,
            people=len(bodies),
            annotated=len(found),
            found=int(found.sum()),
        )
        scores[row["band"]] += (float(body["score"]) for body in bodies)
        heights[row["band"]] += (_height(body) for body in bodies)
    return {
        "bands": {
            band: _shares({"detection_recall": (tally["found"], tally["annotated"])})
            | {
                "pictures": tally["pictures"],
                "nobody_found": tally["nobody_found"],
                "people_per_picture": round(tally["people"] / tally["pictures"], 4),
                "score": quantiles(scores[band]),
                "height_px": quantiles(heights[band]),
            }
            for band, tally in sorted(tallies.items())
        }
    }


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
        for rows in folder.shard(index).batches([*_FRAME, "media_id", "width_px", "height_px"]):
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


def crop_bodies_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``crop_bodies`` output: crops and templates by band, backends of the areas."""
    templates: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
    heights: defaultdict[str, list[float]] = defaultdict(list)
    backends: Counter[str] = Counter()
    for row in folder.rows(["band", "template_id", "box_xyxy", "area_backend"]):
        templates[row["band"]][row["template_id"]] += 1
        heights[row["band"]].append(_height(row))
        backends.update(row["area_backend"])
    bands = {}
    for band, counts in sorted(templates.items()):
        unknown = counts.pop(None, 0)
        bands[band] = {
            "crops": len(heights[band]),
            "without_subject": unknown,
            "height_px": quantiles(heights[band]),
            "templates": len(counts),
            "samples_per_template": quantiles(counts.values()),
        }
    return {"bands": bands, "area_backend": dict(sorted(backends.items()))}


def labelling_scores(tally: Counter[str]) -> dict[str, float | int]:
    """Turn counts over the pictures of a band into shares.

    A detection is the person whose annotated body it overlaps most, by an IoU of at least 0.5.

    Returns:
        ``detection_recall``: share of annotated bodies that some detection is; ``precision``: share
        of labelled detections that are the person they are labelled as; ``recall``: share of
        annotated bodies with a detection labelled rightly; ``recall_of_faces``: the same of those
        whose face is annotated too, the only ones that can be labelled. Then the counts of
        detections, of annotated bodies and of every outcome. Without annotated bodies there are
        no shares.
    """
    shares = {
        "detection_recall": (tally["found"], tally["bodies"]),
        "precision": (tally["right"], tally[Outcome.LABELLED] if tally["bodies"] else 0),
        "recall": (tally["recalled"], tally["bodies"]),
        "recall_of_faces": (tally["recalled"], tally["faces"]),
    }
    counts = {name: tally[name] for name in ("detections", "bodies", *map(str, Outcome))}
    return _shares(shares) | counts


def _tally(rows: Iterable[Row], tallies: defaultdict[str, Counter[str]]) -> None:
    """Add labelled pictures to the counts of their bands."""
    for row in rows:
        who, found = _matches(row)
        right = [
            body["subject_id"]
            for body, person in zip(row["bodies"], who, strict=True)
            if body["outcome"] == Outcome.LABELLED and body["subject_id"] == person
        ]
        tally = tallies[row["band"]]
        tally.update(body["outcome"] for body in row["bodies"])
        tally.update(
            detections=len(row["bodies"]),
            bodies=len(found),
            faces=sum(
                person["face_xyxy"] is not None and person["body_xyxy"] is not None
                for person in _annotated(row)
            ),
            found=int(found.sum()),
            right=len(right),
            recalled=len(set(right)),
        )


def _by_band(tallies: Mapping[str, Counter[str]]) -> dict[str, Any]:
    return {band: labelling_scores(tally) for band, tally in sorted(tallies.items())}


def _matches(row: Row) -> tuple[list[str | None], NDArray[np.bool_]]:
    """Return who each detection really is, and which annotated bodies were found."""
    truth = [
        (person["subject_id"], person["body_xyxy"])
        for person in _annotated(row)
        if person["body_xyxy"] is not None
    ]
    overlap = iou(
        [body["box_xyxy"] for body in row["bodies"]] or np.empty((0, 4)),
        [box for _, box in truth] or np.empty((0, 4)),
    )
    if not overlap.size:
        return [None] * len(row["bodies"]), np.zeros(len(truth), bool)
    best = overlap.argmax(axis=1)
    sure = overlap.max(axis=1) >= SAME_BODY_IOU
    who = [truth[index][0] if ok else None for index, ok in zip(best, sure, strict=True)]
    return who, overlap.max(axis=0) >= SAME_BODY_IOU


def _annotated(row: Row) -> list[Row]:
    if row["truth_people"] is not None:
        return list(row["truth_people"])
    boxes = {"face_xyxy": row["truth_box_xyxy"], "body_xyxy": row["truth_body_xyxy"]}
    return [{"subject_id": row["subject_id"], **boxes}]


def _height(body: Row) -> float:
    return float(body["box_xyxy"][3] - body["box_xyxy"][1])


def _shares(parts: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """Return each share with 4 digits; none of nothing."""
    return {name: round(part / whole, 4) for name, (part, whole) in parts.items() if whole}
