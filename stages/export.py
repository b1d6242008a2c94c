"""Stage ``export``: a stage's output in the format of another tool, at a path or a URL.

What DVC tracks is the export's manifest: the export itself may lie in an object store.
"""

from pathlib import Path

from pipeline.exporters.format import Request
from pipeline.exporters.running import export, modules_of
from pipeline.params.whole import Params
from pipeline.store import ShardFolder, executor_from_environment
from pipeline.store.files import place_of
from pipeline.store.whole import write_whole
from stages.run import StageRun, stage_main


def code_of(params: Params, item: str) -> tuple[str, ...]:
    """Return the modules whose code an export depends on: see ``store.fingerprint``."""
    return modules_of(params.exports[item].format)


def run(stage: StageRun) -> None:
    """Bring one export up to date and note its manifest."""
    params = stage.entry(stage.params.exports)
    source = place_of(params.source)
    request = Request(
        source=source,
        format=params.format,
        to=params.to,
        where=params.where,
        splits=tuple(map(str, params.splits)),
        columns=params.columns,
        image=params.image,
        pairs=params.pairs,
        seed=params.seed,
        mix=params.mix,
    )
    manifest = export(request, executor=executor_from_environment(), overwrite=True, keep=True)
    write_whole(Path("reports/exports", f"{stage.dataset}.json"), manifest.to_json())
    folder = ShardFolder.open(source)
    metrics = {
        "in": sum(folder.shard(index).rows() for index in range(folder.count)),
        "out": manifest.rows,
        "rejected": {},
        "files": len(manifest.files),
        "bytes": sum(entry.bytes for entry in manifest.files),
        "simulated": dict(manifest.simulated),
        "rows": {name: dict(counts) for name, counts in manifest.shares.items()},
    }
    stage.write_metrics(metrics)


if __name__ == "__main__":
    stage_main("export", run)
