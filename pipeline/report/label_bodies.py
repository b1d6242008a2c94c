"""What the stage ``label_bodies`` shows: labels against the annotated bodies."""

from collections.abc import Mapping
from typing import Any

from pipeline.bodies.labelling import MEASURES, LabelOutcome
from pipeline.bodies.measures import CHOSEN
from pipeline.report.query import Tables
from pipeline.store import ShardFolder


def label_bodies_metrics(folder: ShardFolder, measure: str, tracker: str) -> dict[str, Any]:
    """Measure a ``label_bodies`` output.

    Args:
        folder: the output.
        measure: of overlap that the params chose.
        tracker: that they chose.

    Returns:
        By band, see ``labelling_scores``; under ``by_measure`` the same as each measure of overlap
        labels these detections with the same thresholds.
    """
    tables = Tables.of(
        folder,
        "band, media_id, annotated_bodies, annotated_faces, found_bodies, outcomes, "
        "list_transform(bodies, lambda body: body.track_id) AS track_ids",
    )
    tables.view("outcomes", "SELECT band, unnest(outcomes, recursive := true) FROM rows")
    tracks = tables.ask(
        """SELECT count(DISTINCT (media_id, track_id))
        FROM (SELECT media_id, unnest(track_ids) AS track_id FROM rows)
        WHERE track_id IS NOT NULL"""
    )
    own = {"measure": measure, "tracker": tracker, "tracks": tracks[0][0]}
    by_measure = {name: _by_band(tables, name) for name in MEASURES}
    return _by_band(tables, CHOSEN) | own | {"by_measure": by_measure}


def labelling_scores(tally: Mapping[str, int]) -> dict[str, float | int]:
    """Turn counts over the images of a band into shares.

    A detection is the person whose annotated body it overlaps most, by an IoU of at least 0.5.

    Args:
        tally: annotated ``bodies``, ``faces`` among them and those ``found``; labels that are
            ``right`` and bodies ``recalled``; detections of each outcome that occurs.

    Returns:
        ``detection_recall``: share of annotated bodies that some detection is; ``precision``: share
        of labelled detections that are the person they are labelled as; ``recall``: share of
        annotated bodies with a detection labelled rightly; ``recall_of_faces``: the same of those
        whose face is annotated too, the only ones that can be labelled. Then the counts of
        detections, of annotated bodies and of every outcome. Without annotated bodies there are
        no shares.
    """
    outcomes = {str(outcome): tally.get(outcome, 0) for outcome in LabelOutcome}
    parts = {
        "detection_recall": (tally["found"], tally["bodies"]),
        "precision": (tally["right"], outcomes[LabelOutcome.LABELLED] if tally["bodies"] else 0),
        "recall": (tally["recalled"], tally["bodies"]),
        "recall_of_faces": (tally["recalled"], tally["faces"]),
    }
    shares = {name: round(part / whole, 4) for name, (part, whole) in parts.items() if whole}
    return shares | {"detections": sum(outcomes.values()), "bodies": tally["bodies"]} | outcomes


def _by_band(tables: Tables, labelling: str) -> dict[str, Any]:
    tallies: dict[str, dict[str, int]] = {
        band: {"bodies": bodies, "faces": faces, "found": found, "right": 0, "recalled": 0}
        for band, bodies, faces, found in tables.ask(
            """SELECT band, CAST(sum(annotated_bodies) AS INT),
                CAST(sum(annotated_faces) AS INT), CAST(sum(found_bodies) AS INT)
            FROM rows GROUP BY band ORDER BY band"""
        )
    }
    for band, outcome, count, right, recalled in tables.ask(
        """SELECT band, outcome, CAST(sum(bodies) AS INT), CAST(sum("right") AS INT),
            CAST(sum(recalled) AS INT)
        FROM outcomes WHERE labelling = $labelling GROUP BY ALL""",
        labelling=labelling,
    ):
        tallies[band][outcome] = count
        tallies[band]["right"] += right
        tallies[band]["recalled"] += recalled
    return {band: labelling_scores(tally) for band, tally in tallies.items()}
