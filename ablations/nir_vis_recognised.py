"""The sheet "recognised where the baseline fails": ``python -m ablations.nir_vis_recognised``.

Reference:
    PRAM + CAT paper, figure 5.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ablations.nir_vis_contrasts import outcomes_path
from ablations.nir_vis_row import ABLATIONS, network_of
from ablations.rows import FOLDER
from pipeline.evaluation.outcomes import Outcomes, read_embeddings, read_outcomes
from pipeline.evaluation.templates import sides_of
from pipeline.ops.codec import decode_rgb
from pipeline.params.ablations import NirVisAblationParams
from pipeline.params.contrasts import ContrastParams
from pipeline.params.load import load_section
from pipeline.report.chosen_rows import read_rows
from pipeline.report.comparison_sheet import comparison_sheet
from pipeline.report.query import Tables
from pipeline.store import ShardFolder
from pipeline.store.protocols import read_protocol
from pipeline.types import UInt8
from stages.run import run_guarded

MOST = 8
"""Probes of a sheet, each of another person."""


def run() -> None:
    """Write a sheet for each claim whose rows were measured, ``recognised/<claim>.png``."""
    ablation = load_section(NirVisAblationParams, ABLATIONS)
    for name, claim in ablation.contrasts.items():
        paths = [outcomes_path(row, claim.probes) for row in (claim.better, claim.worse)]
        if all(path.is_file() for path in paths):
            better, worse = (list(read_outcomes(path).values()) for path in paths)
            number = min(fold for fold, _ in better[0])
            chosen = found_by_one_alone(better, worse, number)
            path = FOLDER / "recognised" / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            comparison_sheet(
                f"{name}: probes that the better row alone found",
                _columns(ablation, claim, chosen, number),
                path,
                simulated=_simulated(ablation.rows[claim.worse].method.dataset),
            )
            print(f"{path}: {len(chosen)} probes, one a person")


def found_by_one_alone(
    better: Sequence[Outcomes], worse: Sequence[Outcomes], number: int
) -> list[str]:
    """Return probes of a fold that every training of one row found and none of the other.

    The first of each person, at most ``MOST``.
    """
    chosen: dict[str, str] = {}
    for (fold, probe), (person, _) in sorted(better[0].items()):
        key = fold, probe
        alone = all(each[key][1] for each in better) and not any(each[key][1] for each in worse)
        if fold == number and alone:
            chosen.setdefault(person, probe)
    return list(chosen.values())[:MOST]


def _columns(
    ablation: NirVisAblationParams, claim: ContrastParams, probes: Sequence[str], number: int
) -> dict[str, list[UInt8]]:
    """Return images: the probes, whom they show, and whom the worse row took them for."""
    row = ablation.rows[claim.worse]
    folder = Path("data", row.method.dataset)
    fold = read_protocol(folder / "protocols" / ablation.tested).fold(number)
    path = network_of(claim.worse, ablation.seeds[0], number).with_name(f"{claim.probes}.parquet")
    gallery, probing = sides_of(fold, *read_embeddings(path, number))
    first: dict[str, str] = {}
    for each in fold.enroll.to_pylist():
        first.setdefault(each["template_id"], each["sample_id"])
    names = np.array(gallery.ids.to_pylist())[gallery.enrolled]
    places = {name: place for place, name in enumerate(probing.ids.to_pylist())}
    columns = (fold.probe[each].to_pylist() for each in ("template_id", "sample_id"))
    samples = dict(zip(*columns, strict=True))
    shown: dict[str, list[str]] = {"probe": [], "is": [], f"{row.title} took": []}
    for probe in probes:
        place = places[probe]
        scores = gallery.vectors @ probing.vectors[probing.rows[place]]
        own = gallery.ids.to_pylist()[int(np.argmax(gallery.subjects == probing.subjects[place]))]
        taken = [samples[probe], first[own], first[str(names[int(np.argmax(scores))])]]
        for column, sample in zip(shown.values(), taken, strict=True):
            column.append(sample)
    probes_of = "masks" if claim.probes == "masked" else "parts"
    folders = [ShardFolder.open(folder / stage) for stage in (probes_of, "parts", "parts")]
    return {
        title: _images(each, wanted)
        for (title, wanted), each in zip(shown.items(), folders, strict=True)
    }


def _simulated(dataset: str) -> bool:
    folder = ShardFolder.open(Path("data", dataset, "parts"))
    return Tables.of(folder, "simulated").count("simulated") > 0


def _images(folder: ShardFolder, wanted: Sequence[str]) -> list[UInt8]:
    """Return the images of samples, or of the first that was made of each."""
    made = Tables.of(folder, "sample_id, parent_id").ask(
        """SELECT DISTINCT ON (name) name, sample_id FROM (
            SELECT sample_id AS name, sample_id FROM rows
            UNION ALL SELECT parent_id, sample_id FROM rows)
        WHERE list_contains($wanted, name) ORDER BY name, sample_id""",
        wanted=list(wanted),
    )
    found = dict(made)
    rows = read_rows(folder, set(found.values()), ["sample_id", "image"])
    images = {row["sample_id"]: decode_rgb(row["image"]["bytes"]) for row in rows}
    return [images[found[name]] for name in wanted]


if __name__ == "__main__":
    run_guarded("ablations.nir_vis_recognised", run)
