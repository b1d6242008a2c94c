"""Stage ``protocols``: who is enrolled, who probes and who trains, as tables."""

from pipeline.protocols.build import build_protocols, write_protocols
from pipeline.report.protocols import protocol_sheet
from pipeline.store.locks import locked
from stages.run import StageRun, stage_main


def run(stage: StageRun) -> None:
    """Make the protocols of a data set."""
    params = stage.entry(stage.params.protocols)
    rows = stage.source(params.rows)
    with locked(stage.folder):
        made = build_protocols(stage.dataset, stage.dataset_params, params, rows)
        counts = write_protocols(stage.folder, made)
    stage.write_metrics(counts)
    protocol_sheet(stage.folder, rows, stage.report("contact", ".png"))
    for name, numbers in counts.items():
        listed = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in numbers.items())
        print(f"protocols@{stage.dataset}: {name}: {listed}")


if __name__ == "__main__":
    stage_main("protocols", run)
