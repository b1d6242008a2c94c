"""``crossband rejected`` and ``crossband explain``: why a sample is not there."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.show import check_png, output_of
from pipeline.errors import StageError

if TYPE_CHECKING:
    from pipeline.report.rejections import Step
    from pipeline.store.files import Place

Json = Annotated[bool, typer.Option("--json", help="print JSON, not text")]


def rejected(
    folder: Annotated[
        str, typer.Argument(help="a stage's output, e.g. data/photos/detect, or s3://…")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="PNG of thumbnails to write")
    ] = None,
    per_reason: Annotated[int, typer.Option(min=1, help="samples named or drawn a reason")] = 6,
    tile_px: Annotated[int, typer.Option(min=32, max=1024, help="side of a thumbnail")] = 160,
    as_json: Json = False,
) -> None:
    """Show the samples that a stage rejected: reasons, counts, a few of each, thumbnails.

    Reasons that are choices of your params are marked so.
    """
    from pipeline.report.rejections import rejected_samples, rejected_sheet
    from pipeline.report.summary import LEFT_OUT

    if out is not None:
        check_png(out)
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
    print(f"{folder}: {len(gone)} samples left here")
    if out is not None:
        print(out)


def explain(
    sample_id: Annotated[
        str, typer.Argument(help="or the image's path: e.g. anna/1.jpg, photos/anna/1.jpg")
    ],
    data: Annotated[
        str | None, typer.Option(help="folder of the data sets, or s3://…; else CROSSBAND_DATA")
    ] = None,
    as_json: Json = False,
) -> None:
    """Follow a sample through the stages: what was made of it, where it left and why."""
    from pipeline.report import rejections
    from pipeline.store.files import data_folder, place_of

    folder = place_of(data) if data else data_folder()
    way = _way_of(sample_id, folder)
    if as_json:
        print(json.dumps(rejections.as_json(way), indent=2))
        return
    for dataset, steps in way.items():
        print(f"{sample_id} in {dataset}:")
        for step in steps:
            for line in _lines(step):
                print(f"  {line}")


def _way_of(asked: str, data: "Place") -> Mapping[str, Sequence["Step"]]:
    """Return the way of what is asked for: an id, or a path by one of the names it has as an id."""
    from pipeline.report.rejections import way_of

    first, *others = dict.fromkeys(_ids_of(asked))
    try:
        return way_of(first, data, _stages())
    except StageError:
        for name in others:
            with suppress(StageError):
                return way_of(name, data, _stages())
        raise


def _ids_of(asked: str) -> Iterator[str]:
    """Yield the ids that may be meant: paths may begin with a data set's name, or on the disk."""
    from pipeline.params.load import read_yaml
    from pipeline.readers.listing import sample_id_of

    yield asked
    yield sample_id_of(asked)
    params = Path("params.yaml")
    datasets = read_yaml(params).get("datasets") or {} if params.is_file() else {}
    for name, dataset in datasets.items():
        if asked.startswith(f"{name}/"):
            below = asked.removeprefix(f"{name}/")
            yield from (below, sample_id_of(below))
        root = Path(str(dataset.get("root", "."))).absolute()
        folder = root.parent if root.is_file() else root
        if (path := Path(asked).absolute()).is_relative_to(folder):
            yield sample_id_of(path.relative_to(folder).as_posix())


def _lines(step: "Step") -> list[str]:
    """Write a step: what there is in a few ids, what left with its reason."""
    some = ", ".join(step.made[:3]) + (", …" if len(step.made) > 3 else "")
    lines = [f"{step.stage:<16}{len(step.made)} made: {some}"] if step.made else []
    for each in step.gone:
        detail = f" ({each.detail})" if each.detail else ""
        lines.append(f"{step.stage:<16}{each.sample_id} left: {each.reason}{detail}")
    return lines


def _stages() -> list[str]:
    """Return the stages in the order of the project's ``dvc.yaml``."""
    from pipeline.params.load import read_yaml

    path = Path("dvc.yaml")
    return list(read_yaml(path).get("stages") or ()) if path.is_file() else []
