"""What the stage ``degrade`` shows: sharpness before and after."""

from typing import Any

from pipeline.report.query import Tables
from pipeline.store import ShardFolder


def degrade_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``degrade`` output.

    Returns:
        ``rows`` by generator; ``sharpness``: before and after, by generator; ``sharper``: share of
        images that came out sharper than they went in, by generator.
    """
    tables = Tables.of(folder, "generator, sharpness_before, sharpness_after")
    before, after = (
        tables.quantiles_by("generator", f"sharpness_{when}") for when in ("before", "after")
    )
    sharper = tables.ask(
        """SELECT generator, avg(CAST(sharpness_after > sharpness_before AS DOUBLE))
        FROM rows GROUP BY generator ORDER BY generator"""
    )
    return {
        "rows": tables.counts("generator"),
        "sharpness": {name: {"before": before[name], "after": after[name]} for name in before},
        "sharper": {name: round(share, 4) for name, share in sharper},
    }
