"""Running an export: choose, plan, write by units, read back, put into place."""

import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pyarrow as pa

from pipeline.errors import ExportError
from pipeline.exporters import EXPORTERS, format_of
from pipeline.exporters.format import Facts, Format, Job, Request
from pipeline.exporters.manifest import (
    Manifest,
    described_schema,
    library_version,
    params_here,
    program_version,
    revision,
    serialised_schema,
)
from pipeline.exporters.names import NAMED_BY, Names, names_of
from pipeline.exporters.payloads import is_image
from pipeline.exporters.selection import Selection, Unit
from pipeline.exporters.storage import (
    CLAIM,
    MANIFEST,
    PIECES,
    FileEntry,
    Receipt,
    Sink,
    Store,
    check_files,
    explained,
)
from pipeline.exporters.target import Target
from pipeline.scratch import ScratchFolder
from pipeline.store import ShardFolder, code_sha256
from pipeline.store.executors import Serial
from pipeline.store.progress import progress
from pipeline.store.work import Executor, Work

ALWAYS = ("sample_id", "licence", "simulated", "generator")
"""Columns that an export never leaves out."""

FEW_BYTES = 256 << 20
"""So few bytes are copied by this process: workers would take longer to start."""


@dataclass(frozen=True)
class Plan:
    """What an export would write.

    Attributes:
        units: number of pieces.
        rows: number of rows.
        files: about how many files.
        bytes: of the chosen columns, as the shards hold them.
    """

    units: int
    rows: int
    files: int
    bytes: int


def plan_export(request: Request, *, overwrite: bool = False) -> Plan:
    """Check a request to the end and say what it would write, without writing anything.

    Raises:
        ExportError: it can't be done.
    """
    Target(request.to, overwrite=overwrite).check()
    job = _job(request)
    files = format_of(request.format).files(job)
    return Plan(len(job.units), job.facts.rows, files, _bytes(job))


def export(
    request: Request,
    *,
    executor: Executor,
    overwrite: bool = False,
    verify: bool = True,
    keep: bool = False,
    few_bytes: int = FEW_BYTES,
) -> Manifest:
    """Write an export, read it back, and put it into place.

    Args:
        request: what goes where.
        executor: who writes the units of a large export.
        overwrite: replace an export that stands there.
        verify: read it back with the format's own library and compare it with the source.
        keep: leave an export that stands there as it is where nothing that it depends on changed.
        few_bytes: so few bytes are written by this process.

    Raises:
        ExportError: the place is taken, the choice is empty or no SQL, the format can't hold it,
            the disk is full, the store refuses, or what was written does not read back.
        StageError: the source is no stage's output, or a worker died.
    """
    target = Target(request.to, overwrite=overwrite)
    target.check()
    form = _format(request)
    if verify and find_spec(form.library) is None:
        raise ExportError(
            f"format {request.format!r} is read back with {form.library}, which is not installed: "
            f"install it (pip install 'crossband[export]'), or export with --no-verify"
        )
    job = _job(request)
    if keep and (kept := _unchanged(job, verify)):
        print(f"{kept.rows} rows, {len(kept.files)} files: unchanged, kept")
        return kept
    total, start = _bytes(job), time.monotonic()
    with target.open() as store:
        chosen = executor if total > few_bytes and len(job.units) > 1 else Serial()
        written = _write_units(job, store, chosen, total)
        sink = Sink(store, "finish")
        form.finish(job, sink, written)
        sink.flush()
        entries = sorted(
            (entry for entry in (*written, *sink.entries) if not entry.path.startswith(PIECES)),
            key=lambda entry: entry.path,
        )
        _check_unique(entries)
        seconds = time.monotonic() - start
        verified = _verify(job, form, store, entries) if verify else None
        manifest = _manifest(job, entries, verified)
        target.commit(manifest.to_json(), entries)
    _report(request.to, manifest, seconds)
    return manifest


def modules_of(name: str) -> tuple[str, ...]:
    """Return the modules whose code an export of a format depends on."""
    return __name__, EXPORTERS[name]


def _format(request: Request) -> Format:
    if request.format not in EXPORTERS:
        raise ExportError(f"format {request.format!r}: expected one of {', '.join(EXPORTERS)}")
    return format_of(request.format)


def _job(request: Request) -> Job:
    form = _format(request)
    selection = Selection(ShardFolder.open(request.source), request.where, request.splits)
    schema = chosen_schema(selection.schema, request)
    missing = selection.ask(f"count(*) filter ({request.image}.bytes is null)")[0][0]
    if missing:
        raise ExportError(
            f"{missing} of {selection.count} rows have no image {request.image!r}: leave them "
            f"out with --where '{request.image} is not null'"
        )
    plan = form.prepare(request, selection)
    units = tuple(selection.units(split=form.split_units))
    code = code_sha256(*modules_of(request.format))
    return Job(request, schema, _facts(selection), units, plan, _names(form, selection), code)


def _names(form: Format, selection: Selection) -> Names:
    known = [name if name in selection.schema.names else "NULL" for name in NAMED_BY]
    rows = selection.listed(", ".join(known)) if form.named else iter(())
    return names_of(((str(i), s, str(b)) for i, s, b in rows), by_subject=form.named == "subject")


def chosen_schema(schema: pa.Schema, request: Request) -> pa.Schema:
    """Return the columns that an export takes.

    The digests of whole rows stay out where not all columns are taken: they would lie.

    Raises:
        ExportError: a column is unknown, or the chosen image is none.
    """
    for name in (*request.columns, request.image):
        if name not in schema.names:
            raise ExportError(
                f"{request.source} has no column {name!r}; it has {', '.join(schema.names)}"
            )
    kind = schema.field(request.image).type
    if not is_image(kind):
        raise ExportError(f"column {request.image!r} holds {kind}, expected images")
    if not request.columns:
        return schema
    wanted = {*ALWAYS, *request.columns, request.image} - {"content_sha256", "fingerprint"}
    return pa.schema([field for field in schema if field.name in wanted], schema.metadata)


def _facts(selection: Selection) -> Facts:
    def shares(column: str, unknown: str = "none") -> dict[str, int]:
        if column not in selection.schema.names:
            return {}
        found: Counter[str] = Counter()
        for name, number in sorted(selection.ask(f"{column}, count(*)", group=column), key=str):
            found[str(name or unknown)] += number  # one may be called as what is not known
        return dict(found)

    simulated = selection.ask("count(*) filter (simulated)")[0][0]
    named = "subject_id" in selection.schema.names
    nobody = selection.count - (selection.ask("count(subject_id)")[0][0] if named else 0)
    return Facts(
        selection.count,
        {name: shares(name) for name in ("split", "band", "region", "generator")},
        shares("licence", "unknown"),
        {"rows": simulated, "share": round(simulated / selection.count, 6)},
        nobody,
    )


def _bytes(job: Job) -> int:
    return sum(unit.bytes(job.schema.names) for unit in job.units)


def _key(job: Job, unit: Unit | None = None) -> str:
    """Return the digest of all that the bytes of a unit depend on, or those of the whole."""
    request = asdict(job.request) | {"source": "", "to": ""}
    values = [job.code, request, serialised_schema(job.schema)]
    values += [unit.name, unit.ids_sha256] if unit else []
    values.append([other.ids_sha256 for other in job.units])  # labels depend on all rows
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _unchanged(job: Job, verified: bool) -> Manifest | None:
    """Return the manifest of the export that stands there, if it is what this job would make."""
    store = Store(job.request.to)
    with explained(job.request.to):
        text = store.read(MANIFEST)
        there = {path: store.length(path) for path in store.files()} if text else {}
    if text is None or CLAIM in there:  # another export was begun here and did not end
        return None
    manifest = Manifest.from_json(text, job.request.to)
    same = manifest.key == _key(job) and (manifest.verified_with or not verified)
    return manifest if same and _are_there(store, there, manifest.files) else None


def _are_there(store: Store, there: Mapping[str, int | None], entries: Sequence[FileEntry]) -> bool:
    """Tell whether files are as they were written.

    On a disk they are read: where the power failed, or a byte flipped, a file has its length still.
    """
    if any(there.get(entry.path) != entry.bytes for entry in entries):
        return False
    if store.local:
        try:
            check_files(store.local, entries)
        except ExportError:
            return False
    return True


_work: tuple[Job, Store]


def _start(job: Job, store: Store) -> None:
    global _work
    _work = job, store


def _write(unit: Unit) -> Receipt:
    """Write one unit; its receipt is the last thing that appears."""
    job, store = _work
    sink = Sink(store, unit.name)
    with explained(job.request.to):
        format_of(job.request.format).write(job, unit, sink)
        return sink.receipt(unit.name, _key(job, unit))


def _write_units(job: Job, store: Store, executor: Executor, total: int) -> list[FileEntry]:
    kept = {unit.name: _kept(job, store, unit) for unit in job.units}
    todo = [unit for unit in job.units if kept[unit.name] is None]
    if found := len(job.units) - len(todo):
        print(f"{found} of {len(job.units)} parts are there already", file=sys.stderr)
    receipts = [receipt for receipt in kept.values() if receipt]
    done = total - sum(unit.bytes(job.schema.names) for unit in todo)
    name = f"export {job.request.format}"
    with progress(name, total, done=done, unit="MB", scale=1e6) as advance:
        receipts += executor.run(Work(_write, todo, partial(_start, job, store), advance))
    return [entry for receipt in receipts for entry in receipt.files]


def _kept(job: Job, store: Store, unit: Unit) -> Receipt | None:
    """Return the receipt of a unit that an earlier run finished, if its files are still there."""
    receipt = store.receipt(unit.name)
    if receipt is None or receipt.key != _key(job, unit):
        return None
    there = {entry.path: store.length(entry.path) for entry in receipt.files}
    return receipt if _are_there(store, there, receipt.files) else None


def _check_unique(entries: Sequence[FileEntry]) -> None:
    for before, entry in pairwise(sorted(entries, key=lambda entry: entry.path.casefold())):
        if before.path.casefold() == entry.path.casefold():
            raise ExportError(
                f"{before.path} and {entry.path} would be one file on a disk that ignores case; "
                "leave one out with --where"
            )


def _verify(job: Job, form: Format, store: Store, entries: Sequence[FileEntry]) -> str:
    units = tuple(replace(unit, reports=False) for unit in job.units)
    with local_copy(store, entries) as folder:
        form.verify(replace(job, units=units), folder)
    return library_version(form.library)


@contextmanager
def local_copy(store: Store, entries: Sequence[FileEntry]) -> Iterator[Path]:
    """Give a folder with the files, each checked against its sha256.

    Raises:
        ExportError: a file is missing or is another one.
    """
    if store.local:
        check_files(store.local, entries)
        yield store.local
        return
    with ScratchFolder() as folder:
        store.fetch([entry.path for entry in entries], Path(folder))
        check_files(Path(folder), entries)
        yield Path(folder)


def _manifest(job: Job, entries: Sequence[FileEntry], verified: str | None) -> Manifest:
    request = job.request
    digest = hashlib.sha256("".join(unit.ids_sha256 for unit in job.units).encode())
    source = {"folder": str(request.source), "rows_sha256": digest.hexdigest()}
    return Manifest(
        format=request.format,
        source=source | {"shards": ShardFolder.open(request.source).count},
        where=request.where,
        splits=request.splits,
        image=request.image,
        rows=job.facts.rows,
        shares=job.facts.shares,
        licences=job.facts.licences,
        simulated=job.facts.simulated,
        columns=described_schema(job.schema),
        arrow_schema=serialised_schema(job.schema),
        params=params_here(),
        revision=revision(),
        crossband=program_version(),
        verified_with=verified,
        files=entries,
        key=_key(job),
        used=dict(format_of(request.format).used(job)),
    )


def _report(to: str, manifest: Manifest, seconds: float) -> None:
    megabytes = sum(entry.bytes for entry in manifest.files) / 1e6
    print(
        f"{to}: {manifest.rows} rows, {len(manifest.files)} files, "
        f"{megabytes:.1f} MB in {seconds:.1f} s ({megabytes / max(seconds, 1e-9):.1f} MB/s), "
        f"{manifest.simulated['share']:.0%} simulated, "
        f"a loader takes {', '.join(f'{n} {what}' for what, n in manifest.used.items())}, "
        f"read back with {manifest.verified_with or 'nothing: not verified'}"
    )
