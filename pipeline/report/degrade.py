"""What the stage ``degrade`` shows: sharpness before and after."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from pipeline.report.metrics import quantiles
from pipeline.store import ShardFolder


def degrade_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``degrade`` output.

    Returns:
        ``rows`` by generator; ``sharpness``: before and after, by generator; ``sharper``: share of
        images that came out sharper than they went in, by generator.
    """
    counts: Counter[str] = Counter()
    before, after = defaultdict(list), defaultdict(list)
    for row in folder.rows(["generator", "sharpness_before", "sharpness_after"]):
        counts[row["generator"]] += 1
        before[row["generator"]].append(row["sharpness_before"])
        after[row["generator"]].append(row["sharpness_after"])
    names = sorted(counts)
    return {
        "rows": dict(sorted(counts.items())),
        "sharpness": {
            name: {"before": quantiles(before[name]), "after": quantiles(after[name])}
            for name in names
        },
        "sharper": {
            name: round(float(np.mean(np.array(after[name]) > np.array(before[name]))), 4)
            for name in names
        },
    }
