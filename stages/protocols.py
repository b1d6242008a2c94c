"""Stage ``protocols``: who is enrolled, who probes and who trains, as tables.

At its end it says for which trainings and evaluations there are too few people, before anything is
prepared. What it reads of them changes no table, so ``dvc.yaml`` does not name it: an edit of a
learning rate must not make protocols anew. A stage that failed runs again until they suffice. One
that is edited later says so itself, and first of all, as everything before it is there.
"""

from pipeline.protocols.build import build_protocols, write_protocols
from pipeline.protocols.enough_people import refuse_too_few
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
    if params.rows == "ingest":  # other rows are there only after the preparation
        refuse_too_few(stage.dataset, stage.params, rows, stage.protocol)


if __name__ == "__main__":
    stage_main("protocols", run)
