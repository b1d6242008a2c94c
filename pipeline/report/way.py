"""One image's way through the stages: what each made and measured, where it left and why."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pipeline.errors import StageError
from pipeline.report import draw
from pipeline.report.chosen_rows import read_rows
from pipeline.report.contact_sheet import caption
from pipeline.report.facts import Fact, facts_of, told_fields
from pipeline.report.rejections import GONE_COLUMNS, Gone, gone_of, root_of, write_tiles
from pipeline.report.site.samples import origins_of
from pipeline.report.site.views import TILE_PX, drawing_of, views_of
from pipeline.store import ShardFolder, is_shard_folder, shard_of
from pipeline.store.columns import measure_names
from pipeline.store.files import Place
from pipeline.store.scan import scan
from pipeline.types import UInt8

INGEST = "ingest"
"""The stage that takes each image into a data set."""

SHOWN = 3
"""Rows of a stage that are named and drawn; of the others there is their number."""

_SAID = ("sample_id", "parent_id")
"""Columns that every line of a way says anyhow."""


@dataclass(frozen=True)
class Step:
    """What a stage did with an image.

    One of ``ingest`` with neither ``made`` nor ``gone`` says that the image is not there any more:
    what later stages have is of a former run.

    Attributes:
        stage: its name, and that of its entry where it has several outputs: ``crops/small``.
        made: ids of the rows that it made of it.
        facts: for each of ``made``, what it tells beyond what rows of earlier stages told.
        gone: rows that it did not make, and why.
        former: whether ``made`` is of a former run: the stages that it reads have no such row now.
    """

    stage: str
    made: tuple[str, ...]
    facts: dict[str, tuple[Fact, ...]]
    gone: tuple[Gone, ...]
    former: bool = False


def way_of(
    names: Sequence[str], data: Place, stages: Mapping[str, Collection[str]]
) -> dict[str, list[Step]]:
    """Follow an image through the stages of the data sets that know it.

    Args:
        names: ids that may be meant, of any stage's row, the likeliest first: the first that a
            stage has seen counts. The whole way is that of the image that the row comes from.
        data: folder of the data sets.
        stages: for each stage, in their order, those it reads; others come after them.

    Returns:
        Steps by data set; a stage that has not seen the image is left out.

    Raises:
        StageError: no stage has seen any.
    """
    order = {name: place for place, name in enumerate(stages)}
    outputs = {
        dataset.name: sorted(
            _outputs(dataset).items(),
            key=lambda output: order.get(output[0].partition("/")[0], len(order)),
        )
        for dataset in _folders(data)
    }
    for root in dict.fromkeys(map(root_of, names)):
        ways = {dataset: _steps(opened, root, stages) for dataset, opened in outputs.items()}
        if found := {dataset: steps for dataset, steps in ways.items() if steps}:
            return found
    near = _ending_with(names, [*outputs.values()])
    expected = (
        f"did you mean {_listed(near)}?"
        if near
        else "expected an id as `crossband rejected` and the rows' column sample_id have it, or an "
        "image's path"
    )
    raise StageError(f"no stage below {data.absolute()} has seen {names[0]!r}: {expected}")


def as_json(way: Mapping[str, Sequence[Step]]) -> dict[str, list[dict[str, object]]]:
    """Return ``way_of`` as plain values."""
    return {dataset: [asdict(step) for step in steps] for dataset, steps in way.items()}


def way_sheet(way: Mapping[str, Sequence[Step]], data: Place, path: Path) -> None:
    """Write a PNG of an image at each stage, side by side, as the report's pages show it.

    Where a row left there is the image as the stage before drew it; without one, an empty tile.

    Args:
        way: of ``way_of``.
        data: folder of the data sets.
        path: the PNG to write.
    """
    drawn = [each for dataset, steps in way.items() for each in _drawn(data / dataset, steps)]
    depth = max(len(words) for _, words in drawn)
    tiles = [
        draw.captioned(image, words + [""] * (depth - len(words)), (TILE_PX, TILE_PX))
        for image, words in drawn
    ]
    first = next(step for steps in way.values() for step in steps if step.made or step.gone)
    root = root_of((*first.made, *(each.sample_id for each in first.gone))[0])
    write_tiles(f"{root}: from stage to stage", tiles, path)


def _folders(place: Place) -> list[Place]:
    return sorted((each for each in place.glob("*") if each.is_dir()), key=str)


def _outputs(dataset: Place) -> dict[str, ShardFolder]:
    """Open what stages made of a data set; ``crops/small`` is a stage's output for an entry."""
    found = {}
    for path in _folders(dataset):
        if is_shard_folder(path):
            found[path.name] = ShardFolder.open(path)
            continue
        for entry in _folders(path):
            # A stage tells whom it rejected: other shards lie there as a data set's source.
            if is_shard_folder(entry / "rejected"):
                found[f"{path.name}/{entry.name}"] = ShardFolder.open(entry)
    return found


def _steps(
    outputs: Sequence[tuple[str, ShardFolder]], root: str, reads: Mapping[str, Collection[str]]
) -> list[Step]:
    """Return what stages did with an image; who has not seen it is left out."""
    steps: list[Step] = []
    told: set[tuple[str, str]] = set()
    for stage, folder in outputs:
        index = shard_of(root, folder.count)
        facts = _facts(folder, index, root, told)
        told |= {(each.name, str(each.value)) for row in facts.values() for each in row}
        left = folder.rejected.shard(index).batches(GONE_COLUMNS)
        gone = tuple(
            gone_of(row) for rows in left for row in rows if root_of(row["sample_id"]) == root
        )
        if facts or gone:
            steps.append(Step(stage, tuple(facts), facts, gone))
    if steps and INGEST in dict(outputs) and INGEST not in {step.stage for step in steps}:
        steps.insert(0, Step(INGEST, (), {}, ()))
    return _with_former(steps, {stage for stage, _ in outputs}, reads)


def _with_former(
    steps: Sequence[Step], stages: Collection[str], reads: Mapping[str, Collection[str]]
) -> list[Step]:
    """Mark what is of a former run: where a part is run, what follows keeps its rows."""
    now = {step.stage for step in steps if step.made}
    marked = []
    for step in steps:
        above = set(reads.get(step.stage.partition("/")[0], ())).intersection(stages)
        former = bool(step.made and above) and not above & now
        if former:
            now.remove(step.stage)
        marked.append(replace(step, former=former))
    return marked


def _ending_with(
    names: Sequence[str], outputs: Sequence[Sequence[tuple[str, ShardFolder]]]
) -> list[str]:
    """Return the images whose ids end with a name: of those that ``ingest`` saw."""
    ends = tuple(f"/{root_of(name)}" for name in names)
    folders = [folder for opened in outputs for stage, folder in opened if stage == INGEST]
    ids = {
        root_of(row["sample_id"])
        for folder in folders
        for side in (folder, folder.rejected)
        for row in scan(side, ["sample_id"])
    }
    return sorted(name for name in ids if name.endswith(ends))


def _listed(names: Sequence[str]) -> str:
    """Name a few, and say how many more there are."""
    some, more = ", ".join(names[:SHOWN]), len(names) - SHOWN
    return f"{some} or {more} more" if more > 0 else some


def _facts(
    folder: ShardFolder, index: int, root: str, told: set[tuple[str, str]]
) -> dict[str, tuple[Fact, ...]]:
    """Return what the rows of an image tell, by id: a stage's own measures, and what is new."""
    shard = folder.shard(index)
    names = shard.table(["sample_id"])["sample_id"].to_pylist()
    if not (ids := {name for name in names if root_of(name) == root}):
        return {}
    schema = shard.schema()
    own = measure_names(schema)
    fields = [field for field in told_fields(schema) if field.name not in _SAID]
    columns = ["sample_id", *(field.name for field in fields)]
    return {
        row["sample_id"]: tuple(
            fact
            for fact in facts_of(row, fields)
            if fact.name in own or (fact.name, str(fact.value)) not in told
        )
        for batch in shard.batches(columns, ids=ids)
        for row in batch
    }


def _drawn(dataset: Place, steps: Sequence[Step]) -> Iterator[tuple[UInt8, list[str]]]:
    """Yield image and caption of each row of a way, those that left among them."""
    last: dict[str, UInt8] = {}
    for step in steps:
        title = f"{dataset.name} {step.stage}"
        folder = ShardFolder.open(dataset / step.stage)
        drawing = drawing_of(folder.shard(0).schema().names)
        for row in read_rows(folder, step.made[:SHOWN]):
            views = views_of(drawing, row, None)
            view, image = views[0 if drawing.before else min(1, len(views) - 1)]
            last[row["sample_id"]] = image
            yield image, [f"{title}: {view}", *caption(row)]
        for gone in step.gone[:SHOWN]:
            before = (last[name] for name in origins_of(gone.sample_id) if name in last)
            words = [f"{title}: left", f"{gone.reason}  {gone.band}", gone.sample_id, gone.detail]
            yield next(before, draw.NOTHING), words
