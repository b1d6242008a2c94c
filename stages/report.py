"""Stage ``report``: pages over all that the other stages left, to open from a disk.

No stage reads it, and it makes no rows. It runs in the project's folder, without an item.
"""

import logging
import sys
from pathlib import Path

from pipeline.errors import CrossbandError
from pipeline.params.load import load_params
from pipeline.process import INTERRUPTED, take_interrupts
from pipeline.report.site.write import write_report
from pipeline.store.executors import limit_threads
from pipeline.weights import load_registry
from stages.run import PARAMS, REGISTRY


def main() -> None:
    """Write the report."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    limit_threads()
    take_interrupts()
    try:
        params = load_params(PARAMS).report
        write_report(
            Path(),
            images=params.images,
            rejected=params.rejected,
            weights=load_registry(REGISTRY),
        )
    except CrossbandError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
        sys.exit(130)
    print("report: open reports/index.html")


if __name__ == "__main__":
    main()
