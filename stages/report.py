"""Stage ``report``: pages over all that the other stages left, to open from a disk.

No stage reads it, and it makes no rows. It runs in the project's folder, without an item.
"""

from pathlib import Path

from pipeline.params.load import load_params
from pipeline.report.site.write import write_report
from pipeline.weights import load_registry
from stages.run import PARAMS, REGISTRY, run_guarded


def run() -> None:
    """Write the report."""
    params = load_params(PARAMS).report
    write_report(
        Path(),
        images=params.images,
        rejected=params.rejected,
        weights=load_registry(REGISTRY),
    )
    print("report: open reports/index.html")


if __name__ == "__main__":
    run_guarded("report", run)
