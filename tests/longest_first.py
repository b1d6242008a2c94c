"""Puts the longest modules first where several processes share the tests.

One that starts last leaves the other processes idle; and what is left of it then is torn in two, so
that what its tests share is made in both.
"""

from collections.abc import Sequence
from itertools import chain, islice

LONGEST = (
    "stages/test_repro.py",
    "store/test_ray.py",
    "docs/test_guides.py",
    "docs/test_commands.py",
    "dvc/test_habits.py",
    "stages/test_each_way.py",
    "training/test_every_kind_by_dvc.py",
    "training/methods/test_two_processes.py",
    "stages/test_reid_bodies.py",
    "faults/test_soak.py",
    "stages/test_repro_bodies.py",
    "stages/test_interrupt.py",
    "stages/test_sample_scenes.py",
)
"""Below ``tests``, the longest first: of what a whole run takes these take a third."""


def longest_first(modules: Sequence[str], processes: int) -> list[int]:
    """Return the order of tests in which each process begins with some of ``LONGEST``.

    xdist gives each process at first as many tests as the others, which lie together.

    Args:
        modules: of each test, as ``LONGEST`` has them.
        processes: how many.

    Returns:
        Positions in ``modules``, each once; tests of a module keep their order.
    """
    by_module: dict[str, list[int]] = {}
    for position, module in enumerate(modules):
        by_module.setdefault(module, []).append(position)
    long = [by_module[name] for name in LONGEST if name in by_module]
    others = (position for position, name in enumerate(modules) if name not in LONGEST)
    order: list[int] = []
    for process in range(processes):
        share = (len(modules) - len(order)) // (processes - process)
        first = list(chain.from_iterable(long[process::processes]))
        order += [*first, *islice(others, max(share - len(first), 0))]
    return order
