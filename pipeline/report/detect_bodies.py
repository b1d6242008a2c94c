"""What the stage ``detect_bodies`` shows: people found, and missed where bodies are annotated."""

from typing import Any

from pipeline.report.query import Tables
from pipeline.store import ShardFolder


def detect_bodies_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``detect_bodies`` output.

    Returns:
        By band: images, those in which nobody was found, people an image, their scores and
        heights, and, where bodies are annotated, the share of them that was found.
    """
    tables = Tables.of(
        folder,
        "band, people, annotated_bodies, found_bodies, "
        "list_transform(bodies, lambda body: {score: body.score, "
        "height_px: body.box_xyxy[4] - body.box_xyxy[2]}) AS bodies",
    )
    tables.view("found", "SELECT band, unnest(bodies, recursive := true) FROM rows")
    score, height = (
        tables.quantiles_by("band", column, table="found") for column in ("score", "height_px")
    )
    nobody: dict[str, float | int] = {"n": 0}
    return {
        "bands": {
            band: ({"detection_recall": round(found / annotated, 4)} if annotated else {})
            | {
                "images": images,
                "nobody_found": empty,
                "people_per_image": round(people / images, 4),
                "score": score.get(band, nobody),
                "height_px": height.get(band, nobody),
            }
            for band, images, empty, people, annotated, found in tables.ask(
                """SELECT band, count(*), count(*) FILTER (people = 0), CAST(sum(people) AS INT),
                    CAST(sum(annotated_bodies) AS INT), CAST(sum(found_bodies) AS INT)
                FROM rows GROUP BY band ORDER BY band"""
            )
        }
    }
