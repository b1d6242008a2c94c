"""A stage whose shards a bare process pool runs: ``python -m benchmarks.bare_pool STAGE DATASET``.

What ``bench_workers`` compares the executor with: the same function, start and shards, by
``concurrent.futures`` alone, which knows of no progress, no hung worker and no signal.
"""

import importlib
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from pipeline.process import limit_threads
from pipeline.store.work import Result, Start, Work


class BarePool:
    """Runs work in a pool of processes, and no more."""

    def run(self, work: Work) -> Iterator[Result]:
        """Yield results in the tasks' order."""
        if not work.tasks:
            return
        workers = int(os.environ["CROSSBAND_WORKERS"])
        with ProcessPoolExecutor(workers, get_context("spawn"), begin, (work.start,)) as pool:
            yield from pool.map(work.function, work.tasks)


def begin(start: Start) -> None:
    """Begin a worker as an executor does."""
    limit_threads()
    start()


def main() -> None:
    """Run the stage."""
    import stages.run

    stages.run.executor_from_environment = BarePool  # type: ignore[assignment]
    name = sys.argv.pop(1)
    stages.run.stage_main(name, importlib.import_module(f"stages.{name}").run)


if __name__ == "__main__":
    main()
