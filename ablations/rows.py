"""What rows of all papers share: how one is trained, and where it is kept until its table."""

import json
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from pipeline.errors import ParamsError, StageError
from pipeline.params.load import load_params
from pipeline.params.training import TRAINED, RecogniserParams
from pipeline.store.locks import locked
from pipeline.store.whole import write_whole
from stages.run import PARAMS, StageRun, run_guarded

if TYPE_CHECKING:
    from pipeline.training.data.sample_set import SampleSet
    from pipeline.training.engine.trained import Trained

FOLDER = Path("reports/ablations")

_Row = TypeVar("_Row")
_Ablation = TypeVar("_Ablation", bound="Ablation")


class Ablation(Protocol):
    """What params of all ablations have."""

    @property
    def rows(self) -> Mapping[str, Any]:
        """Params of each, by name."""

    @property
    def seeds(self) -> Collection[int]:
        """Each row is trained with every one."""

    def model_copy(self, *, update: dict[str, Any]) -> Self:
        """Return a copy with other values."""


def chosen(rows: Mapping[str, _Row], name: str, source: Path) -> _Row:
    """Return the row of a name.

    Args:
        rows: all rows of the file.
        name: as the command line has it.
        source: the file, for the message.

    Raises:
        ParamsError: there is none of that name.
    """
    if name not in rows:
        raise ParamsError(f"{name!r} is none of {source}'s rows {list(rows)}")
    return rows[name]


def start_of(section: str, method: RecogniserParams) -> tuple[StageRun, "Trained", tuple[str, ...]]:
    """Return the run that a row's trainings are of, what they start from, and whose code they use.

    Args:
        section: of the method, for example ``train_dmfr``.
        method: of the row.
    """
    from pipeline.training.backbones import MODULES  # these bring torch
    from pipeline.training.engine.trained import load_trained, network_path
    from pipeline.training.methods import METHODS

    stage = StageRun(section, method.dataset, load_params(PARAMS))
    path = network_path("pretrain_nir_vis", method.pretrained)
    pretrained = load_trained(stage.trained(path))
    code = "pipeline.training.engine.loop", METHODS[method.kind], MODULES[pretrained.backbone]
    return stage, pretrained, code


def train_locked(
    label: str,
    params: RecogniserParams,
    pretrained: "Trained",
    samples: "SampleSet",
    *,
    key: str,
    folder: str,
) -> "Trained":
    """Train a row with one seed, if that was not done yet, while no other run does.

    Args:
        label: what the log calls it.
        params: of the method, with this seed.
        pretrained: what it starts from.
        samples: what it trains on.
        key: of all that it depends on.
        folder: of its network, below that of all trained ones.
    """
    from pipeline.training.ablation import trained_row  # brings torch

    path = network_in(folder)
    with locked(path.parent):
        return trained_row(label, params, pretrained, samples, key=key, path=path)


def network_in(folder: str) -> Path:
    """Return where a training leaves its network, by its folder as of ``train_locked``."""
    return Path("data", TRAINED, folder, "network.pt")


def write_row(kind: str, name: str, found: object) -> None:
    """Keep what was measured of a row; ``kind`` is the name of its table's folder."""
    write_whole(_row_path(kind, name), json.dumps(found, indent=2) + "\n")


def read_rows(
    kind: str, names: Iterable[str], seeds: Collection[int], command: str, *, partly: bool = False
) -> dict[str, Any]:
    """Return what was measured of rows; one that other seeds trained counts as not measured.

    Args:
        kind: as of ``write_row``.
        names: of the rows.
        seeds: that each has to be trained with.
        command: that measures one, for the message.
        partly: whether rows that were not measured yet are left out; one is there at least.

    Raises:
        StageError: rows were not measured yet.
    """
    paths = {name: _row_path(kind, name) for name in names}
    there = {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in paths.items()
        if path.is_file()
    }
    found = {name: row for name, row in there.items() if _seeds_of(row) == set(seeds)}
    missing = [name for name in paths if name not in found]
    if missing and (not partly or not found):
        raise StageError(
            f"not measured yet: {missing}, with the seeds {list(seeds)}; run `{command}` on each"
        )
    return found


def with_results(
    whole: _Ablation, kind: str, command: str, *, partly: bool = False
) -> tuple[_Ablation, dict[str, Any]]:
    """Return params that have the measured rows alone, and what was measured of each.

    Args:
        whole: params with all rows.
        kind: as of ``write_row``.
        command: as of ``read_rows``.
        partly: as of ``read_rows``.

    Raises:
        StageError: as of ``read_rows``.
    """
    results = read_rows(kind, whole.rows, whole.seeds, command, partly=partly)
    kept = {name: whole.rows[name] for name in results}
    return whole.model_copy(update={"rows": kept}), results


def _seeds_of(row: Any) -> set[int]:
    """Return which seeds trained a row."""
    if isinstance(row, list):
        return {each["seed"] for each in row}
    return {int(training.partition("-")[0]) for training in row["gradients"]}


def table_main(name: str, run: Callable[..., None]) -> None:
    """Make a table from the command line; ``--partly`` leaves out what was not measured yet."""
    run_guarded(name, lambda: run(partly=sys.argv[1:] == ["--partly"]))


def _row_path(kind: str, name: str) -> Path:
    return FOLDER / kind / f"{name}.json"
