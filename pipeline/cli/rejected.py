"""``crossband rejected`` and ``crossband explain``: why a sample is not there."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.show import check_sheet, output_of

if TYPE_CHECKING:
    from pipeline.report.facts import Value
    from pipeline.report.way import Step

Json = Annotated[bool, typer.Option("--json", help="print JSON, not text")]


def rejected(
    folder: Annotated[
        str, typer.Argument(help="a stage's output, e.g. data/photos/detect, or s3://…")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="PNG of thumbnails to write")
    ] = None,
    per_reason: Annotated[int, typer.Option(min=1, help="samples to show for each reason")] = 6,
    tile_px: Annotated[int, typer.Option(min=32, max=1024, help="side of a thumbnail")] = 160,
    as_json: Json = False,
) -> None:
    """Show the samples that a stage rejected: reasons, counts, a few of each, thumbnails.

    Reasons that come from your params are marked.
    """
    from pipeline.report.rejections import rejected_samples, rejected_sheet
    from pipeline.report.summary import LEFT_OUT

    if out is not None:
        check_sheet(out)
    shards = output_of(folder)
    gone = rejected_samples(shards)
    if out is not None:
        rejected_sheet(shards, out, per_reason=per_reason, tile_px=tile_px)
    if as_json:
        print(json.dumps([asdict(each) for each in gone], indent=2))
        return
    counts = Counter(each.reason for each in gone)
    for reason, count in counts.most_common():
        print(f"{reason}: {count}{', left out by your params' if reason in LEFT_OUT else ''}")
        some = [each for each in gone if each.reason == reason][:per_reason]
        for each in some:
            print(f"  {each.sample_id}" + (f": {each.detail}" if each.detail else ""))
        if count > len(some):
            print(f"  … and {count - len(some)} more (--per-reason)")
    print(f"{folder}: {len(gone)} rejected")
    if out is not None:
        print(out)


def explain(
    sample_id: Annotated[
        str, typer.Argument(help="an id, or an image's path: e.g. anna/1.jpg, photos/anna/1.jpg")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="PNG of the image at each stage to write")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="folder of the data sets, or s3://…; by default $CROSSBAND_DATA, or data"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Follow an image through the stages: what each made of it, and where and why it was rejected.

    A number that an earlier stage has already shown is not repeated.
    """
    from pipeline.report import way
    from pipeline.store.files import data_folder, place_of

    if out is not None:
        check_sheet(out)
    folder = place_of(data) if data else data_folder()
    found = way.way_of([*_ids_of(sample_id)], folder, _stages())
    if out is not None:
        way.way_sheet(found, folder, out)
    if as_json:
        print(json.dumps(way.as_json(found), indent=2))
        return
    for dataset, steps in found.items():
        print(f"{sample_id} in {dataset}:")
        for step in steps:
            for line in _lines(step, way.SHOWN):
                print(f"  {line}")
    if out is not None:
        print(out)


def _ids_of(asked: str) -> Iterator[str]:
    """Yield the ids that may be meant: paths may begin with a data set's name, or on the disk."""
    from pipeline.readers.listing import sample_id_of

    yield asked
    yield sample_id_of(asked)
    for name, dataset in _entries_of(Path("params.yaml"), "datasets").items():
        if asked.startswith(f"{name}/"):
            below = asked.removeprefix(f"{name}/")
            yield from (below, sample_id_of(below))
        root = Path(str(dataset.get("root", "."))).absolute()
        folder = root.parent if root.is_file() else root
        if (path := Path(asked).absolute()).is_relative_to(folder):
            yield sample_id_of(path.relative_to(folder).as_posix())


def _lines(step: "Step", shown: int) -> Iterator[str]:
    """Write a step: what there is in a few ids with their numbers, what left with its reason."""
    if not (step.made or step.gone):
        yield f"{step.stage:<16}not in {step.stage} any more: run `dvc repro`"
    if step.made:
        some = ", ".join(step.made[:shown]) + (", …" if len(step.made) > shown else "")
        former = ", of a former run: run `dvc repro`" if step.former else ""
        yield f"{step.stage:<16}{len(step.made)} made: {some}{former}"
    for sample_id in step.made[:shown]:
        facts = step.facts[sample_id]
        if len(step.made) > 1 and facts:
            yield f"    {sample_id}"
        wide = max((len(fact.name) for fact in facts), default=0)
        for fact in facts:
            yield f"      {fact.name:<{wide}}  {_words(fact.value)} {fact.unit}".rstrip()
    for each in step.gone:
        detail = f" ({each.detail})" if each.detail else ""
        yield f"{step.stage:<16}{each.sample_id} rejected: {each.reason}{detail}"


def _words(value: "Value | None") -> str:
    if isinstance(value, list):
        return " ".join(map(_words, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)


def _stages() -> dict[str, set[str]]:
    """Return the stages in the order of the project's ``dvc.yaml``, each with those it reads."""
    found = {}
    for name, stage in _entries_of(Path("dvc.yaml"), "stages").items():
        deps = (stage.get("do") or stage).get("deps") or ()
        parts = [str(dep).split("/") for dep in deps]
        found[name] = {each[2] for each in parts if each[0] == "data" and len(each) > 2}
    return found


def _entries_of(path: Path, section: str) -> dict[str, Mapping[str, Any]]:
    """Return the entries of a file's section that have keys: whoever edits it may be half-way."""
    from pipeline.params.load import read_yaml

    found = read_yaml(path).get(section) if path.is_file() else None
    entries = found.items() if isinstance(found, Mapping) else ()
    return {name: entry for name, entry in entries if isinstance(entry, Mapping)}
