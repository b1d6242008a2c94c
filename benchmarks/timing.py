"""Compares two ways of doing the same work, in turn, in one process and one run."""

import statistics
import time
from collections.abc import Callable

from benchmarks.results import note


def compare(
    name: str,
    ours: Callable[[], object],
    baseline: Callable[[], object],
    *,
    baseline_name: str,
    items: int,
    repeats: int = 5,
) -> float:
    """Time both, alternating so that drift of the machine hits both alike, and print one line.

    Args:
        name: what is measured.
        ours: crossband's way; called once unmeasured, then ``repeats`` times.
        baseline: the public alternative; called alike.
        baseline_name: what the alternative is.
        items: how many items (images, faces) one call handles.
        repeats: number of measured pairs.

    Returns:
        How many times faster ours is: the median of the pairwise ratios.
    """
    ours()
    baseline()
    pairs = [(_seconds(ours), _seconds(baseline)) for _ in range(repeats)]
    ratios = [slow / fast for fast, slow in pairs]
    ratio = statistics.median(ratios)
    fast, slow = (statistics.median(side) for side in zip(*pairs, strict=True))
    note(name, "items/s", [items / mine for mine, _ in pairs])
    note(name, "items/s", [items / theirs for _, theirs in pairs], peer=baseline_name)
    note(name, "times as fast", ratios)
    print(
        f"{name}: {items / fast:.1f} items/s, {baseline_name}: {items / slow:.1f} items/s, "
        f"ratio {ratio:.2f} (min {min(ratios):.2f}, max {max(ratios):.2f}, {repeats} pairs)"
    )
    return ratio


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
