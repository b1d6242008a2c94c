"""Rows that were trained, tested on fresh people: ``python -m ablations.bodies_again FOLDER …``.

Run it where the rows were trained. Each folder is a workspace of other people, with the bodies cut
out and protocols made: their galleries stay apart, their outcomes are taken together.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ablations.bodies_row import (
    ABLATIONS,
    measured_by,
    open_tested_by,
    protocols_of,
    trained_path,
)
from ablations.bodies_table import MEASURE, contrasted
from ablations.measured import FOLDER
from pipeline.errors import StageError
from pipeline.evaluation.outcomes import Outcomes, write_outcomes
from pipeline.evaluation.people import refuse_trained
from pipeline.params.ablations_bodies import BodyAblationParams, BodyRowParams
from pipeline.params.load import load_params, load_section
from pipeline.params.whole import Params
from pipeline.report.ablations_bodies import rates_table
from pipeline.report.contrasts import contrasts_json, contrasts_table
from pipeline.store.shards import ShardFolder
from pipeline.store.whole import write_whole
from stages.run import PARAMS, StageRun, run_guarded

AGAIN = FOLDER / "bodies_again"

Found = dict[str, dict[str, dict[int, Outcomes]]]
"""Outcomes by what was measured, band and seed."""


def run(folders: Sequence[Path]) -> None:
    """Test all rows with a network for each seed, write outcomes, a table and its contrasts.

    Args:
        folders: workspaces of other people.

    Raises:
        StageError: no row was trained here, or people of a folder were trained on.
    """
    ablation = load_section(BodyAblationParams, ABLATIONS)
    rows = {
        name: row
        for name, row in ablation.rows.items()
        if all(trained_path(name, seed).is_file() for seed in ablation.seeds)
    }
    if left := sorted(ablation.rows.keys() - rows.keys()):
        print(f"not trained here with the seeds {list(ablation.seeds)}, so left out: {left}")
    if not rows:
        raise StageError(f"no row of {ABLATIONS} was trained here: run `ablations.bodies_row`")
    found: Found = {}
    for name, row in rows.items():
        mine: Found = {}
        for place, folder in enumerate(folders, 1):
            _test(name, row, ablation, folder, place, mine)
        for measured, bands in mine.items():
            for band, trials in bands.items():
                write_outcomes(_outcomes_path(measured, band), trials)
        found |= mine
    ablation = ablation.model_copy(update={"rows": rows})
    claims = dict(contrasted(ablation, lambda _, measured, band: _outcomes_path(measured, band)))
    table = rates_table(ablation, found) + "\n" + contrasts_table(MEASURE, claims)
    values = contrasts_json(MEASURE, claims)
    write_whole(AGAIN.with_suffix(".json"), json.dumps(values, indent=2) + "\n")
    write_whole(AGAIN.with_suffix(".md"), table)
    print(table)


def _test(
    name: str,
    row: BodyRowParams,
    ablation: BodyAblationParams,
    folder: Path,
    place: int,
    found: Found,
) -> None:
    """Add the outcomes of one row on one folder's people, who are the fold ``place``."""
    from pipeline.training import ablate_bodies  # these bring torch
    from pipeline.training.engine.trained import load_trained, pretrained_path

    stage = StageRun("train_bodies", row.method.dataset, load_params(PARAMS))
    other = load_params(folder / PARAMS)
    pretrained = load_trained(pretrained_path("pretrain_bodies", row.method.pretrained))
    protocols = protocols_of(row, folder)
    crops = ShardFolder.open(folder / "data" / row.method.dataset / "crop_bodies")
    unit = ablation.templates == "unit"
    tested = open_tested_by(row, pretrained, stage, crops, protocols, unit=unit)
    for seed in ablation.seeds:
        trained = load_trained(trained_path(name, seed))
        if not _others(row.method.dataset, stage.params, other):
            for protocol in protocols:
                refuse_trained(trained.subjects, protocol, row.method.dataset, other.datasets)
        params = row.method.model_copy(update={"seed": seed})
        for measured, each in measured_by(name, params, pretrained, trained, tested).items():
            for band, outcomes in ablate_bodies.outcomes_by_band(each).items():
                trials = found.setdefault(measured, {}).setdefault(band, {})
                trials.setdefault(seed, {}).update(
                    {
                        (place, probe): (f"{place}/{person}", first)
                        for (_, probe), (person, first) in outcomes.items()
                    }
                )


def _others(dataset: str, here: Params, there: Params) -> bool:
    """Tell whether both are rendered, of other people: procedural ones share names alone."""
    one, other = here.sample.scenes, there.sample.scenes
    if one is None or other is None or {one.dataset, other.dataset} != {dataset}:
        return False
    return one.seed != other.seed and not min(one.openpeople_subjects, other.openpeople_subjects)


def _outcomes_path(measured: str, band: str) -> Path:
    return AGAIN / f"{measured}.{band}.parquet"


def main(words: Sequence[str]) -> None:
    """Take the command line."""
    if not words:
        sys.exit("usage: python -m ablations.bodies_again <workspace of other people> …")
    run([Path(word) for word in words])


if __name__ == "__main__":
    run_guarded("ablations.bodies_again", lambda: main(sys.argv[1:]))
