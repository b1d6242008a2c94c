"""What every stage run does: check the params, map shards, write metrics, end with clear words.

Layout, relative to the project's root: ``data/<data set>/<stage>`` for shards (elsewhere, in an
object store too, where ``CROSSBAND_DATA`` says so),
``reports/metrics/<data set>/<stage>.json`` for all that was measured, ``reports/summary/…`` for the
few numbers that DVC compares, ``reports/runs/…`` for what depends on what was there before (no
output of DVC), ``reports/contact/<data set>/<stage>.png`` to look at, ``reports/logs/<stage>.log``
for what all runs of it said (none either).
"""

import atexit
import gc
import json
import os
import re
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import pyarrow as pa
from pydantic import BaseModel

from pipeline.errors import CrossbandError, ParamsError, StageError, refusal, want_of_memory
from pipeline.extras import missing_words
from pipeline.params.datasets import DatasetParams
from pipeline.params.installed import check_installed
from pipeline.params.load import load_params, section_values
from pipeline.params.whole import Params
from pipeline.process import (
    INTERRUPTED,
    die_with_dvc,
    limit_threads,
    open_streams,
    print_any_text,
    take_signals,
)
from pipeline.report.metrics import without_nan
from pipeline.report.summary import closing_words, summary_of
from pipeline.store import (
    ShardFolder,
    StageKey,
    code_sha256,
    executor_from_environment,
    map_shards,
)
from pipeline.store.files import Place, data_folder
from pipeline.store.log import keep_log, show_records
from pipeline.store.mapping import BatchFunction, MapSummary
from pipeline.store.protocols import Protocol, read_protocol
from pipeline.store.shards import Source
from pipeline.store.whole import write_whole
from pipeline.weights import load_registry, verified_file, verified_path
from pipeline.weights.verify import sha256_of

WEIGHTS = Path("weights")
REGISTRY = Path("weights.yaml")
PARAMS = Path("params.yaml")
LOGS = Path("reports/logs")
Entry = TypeVar("Entry")
FEW_ROWS = 16
"""About what a stage computes in the time that workers need to start."""


@dataclass
class StageRun:
    """One stage on one data set.

    Attributes:
        stage: name of the stage.
        dataset: name of the data set, or of the sample's source.
        params: the whole of ``params.yaml``, checked.
        item: what the stage runs over beside the data set, for example a method; None where it
            runs over data sets.
        summary: what ``map`` did, None before.
        started: on the clock of ``time.monotonic``.
    """

    stage: str
    dataset: str
    params: Params
    item: str | None = None
    summary: MapSummary | None = None
    started: float = field(default_factory=time.monotonic)
    _weights: dict[str, str] = field(default_factory=dict)

    @property
    def dataset_params(self) -> DatasetParams:
        """The data set's own params.

        Raises:
            ParamsError: there is no such data set.
        """
        if self.dataset not in self.params.datasets:
            raise ParamsError(
                f"data set {self.dataset!r} is none of {sorted(self.params.datasets)}: "
                f"add it to datasets in {PARAMS}"
            )
        return self.params.datasets[self.dataset]

    def entry(self, section: Mapping[str, Entry]) -> Entry:
        """Return what the run is about, of the stage's own section.

        Raises:
            ParamsError: there is no such entry.
        """
        if self.dataset not in section:
            raise ParamsError(
                f"{self.label}: {self.dataset!r} is none of {list(section)}: add it to {PARAMS}"
            )
        return section[self.dataset]

    def on(self, dataset: str) -> Self:
        """Return this run with its argument as item, on the data set that the item names."""
        return replace(self, dataset=dataset, item=self.dataset)

    @property
    def label(self) -> str:
        """What the run is called in messages and in DVC."""
        return f"{self.stage}@{self.item or self.dataset}"

    def source(self, stage: str) -> ShardFolder:
        """Open the output of another stage of the same data set.

        Raises:
            StageError: there is none.
            ParamsError: there is no such data set either.
        """
        try:
            return ShardFolder.open(data_of(self.dataset, stage))
        except StageError:
            _ = self.dataset_params  # a name that is none of them is the fault, not its shards
            raise

    def protocol(self, name: str, folds: Collection[int] | None = None) -> Protocol:
        """Read a protocol of the same data set: with some of its folds, or with all.

        Raises:
            StageError: there is none, or it lacks one of these folds.
        """
        protocol = read_protocol(Path("data", self.dataset, "protocols", name))
        return protocol.only(folds) if folds else protocol

    @property
    def folder(self) -> Path:
        """Where the stage leaves what is no shard, on this disk: ``data/<data set>/<stage>``."""
        return Path("data", self.dataset, self._place)

    @property
    def _place(self) -> str:
        """The stage's folder, of an item its own in it."""
        return f"{self.stage}/{self.item}" if self.item else self.stage

    def weight(self, name: str) -> Path:
        """Return a weight file whose sha256 was checked; the rows made here depend on it."""
        registry = load_registry(REGISTRY)
        path = verified_path(name, registry, WEIGHTS)
        self._weights[name] = str(registry[name].sha256)
        return path

    def file(self, path: Path, sha256: str) -> Path:
        """Return a network of the user's own after its sha256 was checked, as ``weight`` does.

        Where it lies and how it is called count for nothing.
        """
        self._weights[sha256] = sha256
        return verified_file(path, sha256)

    def trained(self, path: Path) -> Path:
        """Return a weight file that another stage trained; the rows made here depend on it.

        Raises:
            StageError: it is missing.
        """
        if not path.is_file():
            raise StageError(f"{path} is missing: run the stage that trains it (`dvc repro`)")
        self._weights[path.as_posix()] = sha256_of(path)
        return path

    def map(
        self,
        source: Source,
        schema: pa.Schema,
        make: Callable[[], BatchFunction],
        *,
        params: Mapping[str, object],
        batch_rows: int = 1,
        few_rows: int = FEW_ROWS,
        target: Place | None = None,
        code: Sequence[str] = (),
    ) -> ShardFolder:
        """Bring the stage's output up to date and write its metrics' common part.

        More arguments because each is a choice of the stage's own.

        Args:
            source: the rows to map.
            schema: schema of the output.
            make: builds the batch function, once in each worker.
            params: see ``key``.
            batch_rows: rows handed over at once.
            few_rows: so few rows are computed in this process.
            target: output folder, by default ``data/<data set>/<stage>``, of an item its own in it.
            code: see ``key``.
        """
        output = ShardFolder(target or data_of(self.dataset, self._place), source.count)
        start = time.monotonic()
        summary = map_shards(
            source,
            output,
            schema=schema,
            key=self.key(params, code),
            make=make,
            batch_rows=batch_rows,
            executor=executor_from_environment(),
            label=self.label,
            few_rows=few_rows,
        )
        self.record(summary, time.monotonic() - start)
        return output

    def key(self, params: Mapping[str, object], code: Sequence[str] = ()) -> StageKey:
        """Return what the stage's outputs depend on besides their input.

        Args:
            params: what counts of ``params.yaml`` by its dotted path: whole sections, or single
                values where the stage needs no more of a section.
            code: the modules whose code counts, with all that they import; by default the stage's
                own. See ``store.fingerprint`` for what belongs here.
        """
        values = {
            path: section_values(value) if isinstance(value, BaseModel) else value
            for path, value in params.items()
        }
        modules = code or (f"stages.{self.stage}",)
        return StageKey(self.stage, values, self._weights, code_sha256(*modules))

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Write the stage's metrics, and the few of them that runs are compared by.

        After ``map``, rows in, out and rejected come first. Without, how long it took is kept, too.
        What could not be measured, NaN, is null.
        """
        common = {}
        if self.summary is not None:
            common = {
                "in": self.summary.rows_in,
                "out": self.summary.rows_out,
                "rejected": self.summary.rejected,
            }
        else:
            self.write_run({"seconds": round(time.monotonic() - self.started, 2)})
        written: dict[str, Any] = without_nan(common | metrics)
        self._write("metrics", written)
        self._write("summary", summary_of(self.stage, written))

    def write_run(self, values: Mapping[str, Any]) -> None:
        """Write what depends on this run and on what was there before: no DVC output."""
        self._write("runs", dict(values))

    def _write(self, kind: str, values: dict[str, Any]) -> None:
        write_whole(self.report(kind, ".json"), json.dumps(values, indent=2) + "\n")

    def report(self, kind: str, extension: str) -> Path:
        """Return the path of one of the stage's reports, its folder made."""
        path = Path("reports", kind, self.dataset, f"{self._place}{extension}")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def tell_reports(self) -> None:
        """Print where a training's losses are drawn, and where its numbers are."""
        drawn, numbers = self.report("figures", ".png"), self.report("metrics", ".json")
        print(f"{self.label}: losses are drawn in {drawn}, numbers in {numbers}")

    def record(self, summary: MapSummary, seconds: float) -> None:
        """Keep the counts of this run, and write and print them."""
        self.summary = summary
        self.write_run(asdict(summary) | {"seconds": round(seconds, 2)})
        print(
            f"{self.label}: {summary.rows_in} in, {summary.rows_out} out, "
            f"{closing_words(summary.rejected)}; {summary.computed} computed, "
            f"{summary.reused} reused, {seconds:.1f} s"
        )


def data_of(dataset: str, stage: str) -> Place:
    """Return where a stage's shards lie: ``data/…``, or below the URL ``CROSSBAND_DATA``.

    Raises:
        StageError: nothing opens such a URL.
    """
    return data_folder() / dataset / stage


def stage_main(stage: str, run: Callable[[StageRun], None]) -> None:
    """Run a stage from the command line: ``python -m stages.<stage> <data set>``.

    Exits with 1 and one clear message where crossband raised an error on purpose.
    """
    item_main(f"stages.{stage}", lambda item: run(StageRun(stage, item, load_params(PARAMS))))


def item_main(module: str, run: Callable[[str], None]) -> None:
    """Run a module that takes one argument from the command line, as ``stage_main`` does.

    The argument is a name, or that of DVC's stage, ``<stage>@<name>``.
    """
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(f"usage: python -m {module} <name>")
    item = sys.argv[1].rpartition("@")[2]
    run_guarded(f"{module.removeprefix('stages.')}@{item}", lambda: run(item))


def run_guarded(name: str, run: Callable[[], None]) -> None:
    """Run what a process is for, and end it: an error on purpose is one line and exit status 1.

    Args:
        name: what DVC calls it; in a project ``reports/logs/<name>.log`` is its log.
        run: does it.
    """
    open_streams()
    print_any_text()
    if PARAMS.is_file():
        keep_log(LOGS / re.sub(r"[^\w.@-]", "_", f"{name}.log"))
    else:
        show_records()
    die_with_dvc()
    limit_threads()
    take_signals()
    gc.enable()
    try:
        check_installed()
        run()
    except CrossbandError as error:
        sys.exit(f"error: {error}")
    except ModuleNotFoundError as error:
        if (words := missing_words(error)) is None:
            raise
        sys.exit(f"error: {words}")
    except (MemoryError, RuntimeError) as error:
        if (words := want_of_memory(error)) is None:
            raise
        sys.exit(f"error: {words}")
    except OSError as error:
        sys.exit(
            f"error: {refusal(error)}: expected a file or folder that is there and may be used"
        )
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
        sys.exit(130)
    _leave()


def _leave() -> None:
    """End this process, everything being written: taking torch apart alone takes half a second."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
