"""What the stage ``detect_bodies`` shows: people found, and missed where bodies are annotated."""

from collections import Counter, defaultdict
from typing import Any

from pipeline.report.annotated_bodies import FRAME, height_px, matches, shares
from pipeline.report.metrics import quantiles
from pipeline.store import ShardFolder


def detect_bodies_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``detect_bodies`` output.

    Returns:
        By band: images, those in which nobody was found, people an image, their scores and
        heights, and, where bodies are annotated, the share of them that was found.
    """
    tallies: defaultdict[str, Counter[str]] = defaultdict(Counter)
    scores: defaultdict[str, list[float]] = defaultdict(list)
    heights: defaultdict[str, list[float]] = defaultdict(list)
    for row in folder.rows(FRAME):
        bodies, found = row["bodies"], matches(row)[1]
        tallies[row["band"]].update(
            images=1,
            nobody_found=not bodies,
            people=len(bodies),
            annotated=len(found),
            found=int(found.sum()),
        )
        scores[row["band"]] += (float(body["score"]) for body in bodies)
        heights[row["band"]] += (height_px(body) for body in bodies)
    return {
        "bands": {
            band: shares({"detection_recall": (tally["found"], tally["annotated"])})
            | {
                "images": tally["images"],
                "nobody_found": tally["nobody_found"],
                "people_per_image": round(tally["people"] / tally["images"], 4),
                "score": quantiles(scores[band]),
                "height_px": quantiles(heights[band]),
            }
            for band, tally in sorted(tallies.items())
        }
    }
