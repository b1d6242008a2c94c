"""Rows that were trained, tested on fresh people: ``python -m ablations.bodies_again FOLDER …``.

Run it where the rows were trained. Each folder is a workspace of other people, with the bodies cut
out and protocols made: their galleries stay apart, their outcomes are taken together. ``--people
60`` before the folders also cuts each gallery into some of 60: each probe meets its own alone.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ablations.bodies_row import (
    ABLATIONS,
    measured_by,
    network_of,
    open_tested_by,
    protocols_of,
)
from ablations.bodies_table import MEASURE, contrasted
from ablations.rows import FOLDER
from pipeline.errors import StageError
from pipeline.evaluation.band_rows import BandRow
from pipeline.evaluation.band_templates import in_galleries
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

Size = int | None
"""Of the galleries: how many people, or all of a folder's."""
OutcomesByRow = dict[str, dict[str, dict[int, Outcomes]]]
"""Outcomes by what was measured, band and seed."""


def run(folders: Sequence[Path], people: int | None = None) -> None:
    """Test all rows with a network for each seed, write outcomes, a table and its contrasts.

    Args:
        folders: workspaces of other people.
        people: compares within galleries of so many, too; None compares in the folders' own alone.

    Raises:
        StageError: no row was trained here, or people of a folder were trained on.
    """
    sizes: list[Size] = [None] if people is None else [None, people]
    ablation = load_section(BodyAblationParams, ABLATIONS)
    rows = {
        name: row
        for name, row in ablation.rows.items()
        if all(network_of(name, seed).is_file() for seed in ablation.seeds)
    }
    if left := sorted(ablation.rows.keys() - rows.keys()):
        print(f"not trained here with the seeds {list(ablation.seeds)}, so left out: {left}")
    if not rows:
        raise StageError(f"no row of {ABLATIONS} was trained here: run `ablations.bodies_row`")
    found: dict[Size, OutcomesByRow] = {size: {} for size in sizes}
    for name, row in rows.items():
        mine: dict[Size, OutcomesByRow] = {size: {} for size in sizes}
        for place, folder in enumerate(folders, 1):
            _test(name, row, ablation, folder, place, mine)
        for size, measured in mine.items():
            for each, bands in measured.items():
                for band, seeds in bands.items():
                    write_outcomes(_outcomes_path(size, each, band), seeds)
            found[size] |= measured
    ablation = ablation.model_copy(update={"rows": rows})
    for size in sizes:
        _write_table(ablation, found[size], size)


def _write_table(ablation: BodyAblationParams, found: OutcomesByRow, size: Size) -> None:
    claims = dict(contrasted(ablation, lambda _, each, band: _outcomes_path(size, each, band)))
    of = (
        "the whole gallery of its workspace"
        if size is None
        else f"a gallery of {size}, or one fewer"
    )
    said = f"Each probe is compared with {of}.\n\n"
    table = said + rates_table(ablation, found) + "\n" + contrasts_table(MEASURE, claims)
    values = contrasts_json(MEASURE, claims)
    again = _again(size)
    write_whole(again.with_name(f"{again.name}.json"), json.dumps(values, indent=2) + "\n")
    write_whole(again.with_name(f"{again.name}.md"), table)
    print(table)


def _test(
    name: str,
    row: BodyRowParams,
    ablation: BodyAblationParams,
    folder: Path,
    place: int,
    found: dict[Size, OutcomesByRow],
) -> None:
    """Add the outcomes of one row on one folder's people, who are the fold ``place``."""
    from pipeline.training import ablate_bodies  # these bring torch
    from pipeline.training.engine.trained import load_trained, network_path

    stage = StageRun("train_bodies", row.method.dataset, load_params(PARAMS))
    other = load_params(folder / PARAMS)
    pretrained = load_trained(network_path("pretrain_bodies", row.method.pretrained))
    protocols = protocols_of(row, folder)
    crops = ShardFolder.open(folder / "data" / row.method.dataset / "crop_bodies")
    unit = ablation.templates == "unit"
    tested = open_tested_by(row, pretrained, stage, crops, protocols, unit=unit)
    for seed in ablation.seeds:
        trained = load_trained(network_of(name, seed))
        if not _others(row.method.dataset, stage.params, other):
            for protocol in protocols:
                refuse_trained(trained, protocol, row.method.dataset, other.datasets)
        params = row.method.model_copy(update={"seed": seed})
        for measured, each in measured_by(name, params, pretrained, trained, tested).items():
            for size, mine in found.items():
                cut = _cut(each, size)
                for band, outcomes in ablate_bodies.outcomes_by_band(cut).items():
                    seeds = mine.setdefault(measured, {}).setdefault(band, {})
                    seeds.setdefault(seed, {}).update(
                        {
                            (place, probe): (f"{place}/{person}", first)
                            for (_, probe), (person, first) in outcomes.items()
                        }
                    )


def _cut(row: BandRow, size: Size) -> BandRow:
    if size is None:
        return row
    return replace(row, scores={band: in_galleries(s, size) for band, s in row.scores.items()})


def _others(dataset: str, here: Params, there: Params) -> bool:
    """Tell whether both are rendered, of other people: procedural ones share names alone."""
    one, other = here.sample.scenes, there.sample.scenes
    if one is None or other is None or {one.dataset, other.dataset} != {dataset}:
        return False
    return one.seed != other.seed and not min(one.openpeople_subjects, other.openpeople_subjects)


def _again(size: Size) -> Path:
    return AGAIN if size is None else AGAIN.with_name(f"{AGAIN.name}_{size}")


def _outcomes_path(size: Size, measured: str, band: str) -> Path:
    return _again(size) / f"{measured}.{band}.parquet"


def main(words: Sequence[str]) -> None:
    """Take the command line."""
    parser = argparse.ArgumentParser("ablations.bodies_again", description=__doc__)
    parser.add_argument("--people", type=int, help="also compare in galleries of this many people")
    parser.add_argument("folders", nargs="+", type=Path, help="workspaces of other people")
    chosen = parser.parse_args(words)
    run(chosen.folders, chosen.people)


if __name__ == "__main__":
    run_guarded("ablations.bodies_again", lambda: main(sys.argv[1:]))
