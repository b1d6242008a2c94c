"""``crossband diff`` and ``crossband compare``: two runs of a stage, two evaluations."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.projects import project_file
from pipeline.cli.rejected import Json
from pipeline.cli.show import output_of
from pipeline.errors import ParamsError
from pipeline.params.body_training import PeopleParams
from pipeline.params.evaluate_bodies import EvaluateBodiesParams
from pipeline.params.evaluation import FaceEvaluationParams
from pipeline.params.load import load_params
from pipeline.params.whole import Params

if TYPE_CHECKING:
    from pipeline.evaluation.outcomes import Outcomes, Paired
    from pipeline.report.changed_rows import RowChanges

_MCNEMAR = "McNemar's exact test, as if probes of one subject were independent"
AnyEvaluation = FaceEvaluationParams | EvaluateBodiesParams


def diff(
    before: Annotated[
        str, typer.Argument(help="a stage's output, e.g. old/data/photos/align, or s3://…")
    ],
    now: Annotated[str, typer.Argument(help="the same stage's other output")],
    most: Annotated[int, typer.Option(min=1, help="how many samples to name of each kind")] = 6,
    as_json: Json = False,
) -> None:
    """Compare two runs of a stage: which samples came, went or changed, and in which columns.

    To get the output of an earlier commit: `dvc get . data/photos/align --rev HEAD~1 -o old`.
    Exit status: 0 if nothing differs, 1 if anything does, 2 on an error.
    """
    from pipeline.report.changed_rows import changed_rows

    changes = changed_rows(output_of(before), output_of(now))
    if as_json:
        print(json.dumps(asdict(changes), indent=2))
    else:
        print("\n".join(_lines(changes, most)))
    if not changes.none:
        raise typer.Exit(1)


def compare(
    first: Annotated[
        str,
        typer.Argument(
            help="an evaluation, e.g. hsst-VIS-NIR; a row of its table, e.g. hsst-VIS-NIR/sface; "
            "or its output in another run"
        ),
    ],
    second: Annotated[str, typer.Argument(help="another one on the same protocol")],
    protocol: Annotated[
        str | None, typer.Option(help="which one, if the evaluations have several")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare two evaluations probe by probe: the difference, and two tests of it.

    The difference is the second's rank-1 minus the first's, with a 95 % interval by resampling
    subjects, because probes of one person are not independent. The test by subjects keeps them
    together; McNemar's takes each as independent, so its p is too small if people have several.

    To compare an evaluation before and after an edit: `dvc get .
    data/photos/evaluate_nir_vis/photos-pram --rev HEAD -o old`, then `crossband compare old
    photos-pram`. A folder with an `embeddings.parquet` of your own stands for an evaluation, too.
    Rows of a table of faces are network (yours), sface, untrained, pretrained and trained. For
    bodies on LLCM, SYSU-MM01 or RegDB name a protocol by `--protocol`.

    Two rows of ablations, named by their files (`reports/ablations/outcomes/ROW/plain.parquet`),
    are compared over all seeds at once by macro rank-1, with an error from people and seeds. Both
    tests are given for each seed.
    """
    from pipeline.evaluation.outcomes import paired

    files = Path(first), Path(second)
    if all(file.suffix == ".parquet" for file in files):
        _compare_rows(*files, as_json)
        return
    one, other = (path if path.is_file() else None for path in _embeddings_in(first, second))
    if one and other:
        raise ParamsError(
            f"{first} and {second} are both outputs: expected one of them as the name of an "
            "evaluation, which says what the protocol is"
        )
    found = paired(
        _outcomes(second, protocol, one) if one else _outcomes(first, protocol),
        _outcomes(first, protocol, other) if other else _outcomes(second, protocol),
    )
    if as_json:
        print(json.dumps(asdict(found), indent=2))
    else:
        _print_pair(found, first, second)


def _print_pair(found: "Paired", first: str, second: str) -> None:
    rates = [f"{100 * rate:.1f} %" for rate in found.rank1]
    print(f"{found.probes} probes of {found.subjects} subjects that both tried")
    if any(found.left_out):
        one_alone, other_alone = found.left_out
        print(f"left out: {one_alone} that {first} alone tried, {other_alone} {second} alone")
    print(f"rank-1: {first} {rates[0]}, {second} {rates[1]}")
    bounds = found.interval
    words = "" if bounds is None else f" [{100 * bounds[0]:+.1f}, {100 * bounds[1]:+.1f}]"
    print(f"difference: {100 * found.difference:+.1f}{words} points")
    print(f"found by {first} alone: {found.only[0]}, by {second} alone: {found.only[1]}")
    print(f"sign-flip test by subjects: p = {found.by_subjects:.3g}")
    print(f"{_MCNEMAR}: p = {found.p_value:.3g}")


def _compare_rows(first: Path, second: Path, as_json: bool) -> None:
    """Compare two rows with several seeds; those that both have."""
    from pipeline.evaluation.contrasts import contrast_of_outcomes
    from pipeline.evaluation.outcomes import paired, read_outcomes

    one, other = read_outcomes(first), read_outcomes(second)
    if not (seeds := sorted(one.keys() & other.keys())):
        raise ParamsError(
            f"{first} has the seeds {sorted(one)}, {second} {sorted(other)}: expected rows that "
            "share some"
        )
    found = contrast_of_outcomes([other[s] for s in seeds], [one[s] for s in seeds])
    by_seed = {seed: paired(one[seed], other[seed]) for seed in seeds}
    if as_json:
        each = {seed: asdict(pair) for seed, pair in by_seed.items()}
        print(json.dumps(asdict(found) | {"by_seed": each}, indent=2))
        return
    low, high = (100 * bound for bound in found.interval)
    print(f"{found.people} people, seeds {', '.join(map(str, seeds))}")
    after, before = (f"{100 * rate:.1f} %" for rate in found.rates)
    print(f"macro rank-1: {first} {before}, {second} {after}")
    print(f"difference: {100 * found.difference:+.1f} [{low:+.1f}, {high:+.1f}] points")
    parts = "people and seeds" if found.seeds > 1 else "people alone, as there is one seed"
    print(f"by {parts}: p = {found.p_value:.3g}, for this one comparison")
    for seed, pair in by_seed.items():
        print(
            f"seed {seed}: found by {first} alone: {pair.only[0]}, by {second} alone: "
            f"{pair.only[1]}; sign-flip test by subjects: p = {pair.by_subjects:.3g}; "
            f"{_MCNEMAR}: p = {pair.p_value:.3g}"
        )


def _embeddings_in(*folders: str) -> list[Path]:
    return [Path(folder, "embeddings.parquet") for folder in folders]


def _outcomes(name: str, asked: str | None, embeddings: Path | None = None) -> "Outcomes":
    """Return an evaluation's outcomes by its name, with or without those of its stage and of a row.

    Args:
        name: of the evaluation.
        asked: which of its protocols; None where it has one.
        embeddings: those of another run of it, or of another network; by default its own.
    """
    from pipeline.evaluation.made_probes import asked_of
    from pipeline.evaluation.outcomes import probe_outcomes, row_outcomes
    from pipeline.store.protocols import read_protocol
    from stages.run import data_of

    params = load_params(project_file("params.yaml"))
    section, key = _section_of(name, params)
    entry: AnyEvaluation = getattr(params, section)[key]
    folder, row = Path("data", entry.dataset, section, key), name.partition("/")[2]
    path = embeddings or folder / "embeddings.parquet"
    if row and isinstance(entry, EvaluateBodiesParams):
        raise ParamsError(
            f"{name!r}: {section} keeps what the trained network found, and no other row: expected "
            f"{section}@{key}; its metrics hold `differences` of the rows"
        )
    if isinstance(entry, EvaluateBodiesParams):
        return _of_bodies(
            f"{section}@{key}", entry, params.train_bodies[entry.training], asked, path
        )
    chosen = _one_of((entry.protocol,), asked, f"{section}@{key}")
    protocol = read_protocol(Path("data", entry.dataset, "protocols", chosen))
    if row and embeddings is None:
        return row_outcomes(protocol, folder / "outcomes", row)
    if entry.probes_chosen:
        stages = entry.gallery_rows, entry.rows
        real, made = (output_of(data_of(entry.dataset, stage)) for stage in stages)
        protocol = asked_of(protocol, real, made, entry.generator)
    return probe_outcomes(protocol, path, entry.folds or protocol.folds())


def _of_bodies(
    name: str, entry: EvaluateBodiesParams, trained: PeopleParams, asked: str | None, path: Path
) -> "Outcomes":
    """Return what an evaluation of bodies made of one of its protocols.

    Args:
        name: of the evaluation with its stage.
        entry: its params.
        trained: params of its method's training.
        asked: as of ``_outcomes``.
        path: of its embeddings.
    """
    from pipeline.evaluation.outcomes import image_outcomes
    from pipeline.store.protocols import Kind, read_protocol
    from pipeline.training.people_folds import folds_tested

    folder = Path("data", entry.dataset, "protocols")
    protocols = {each: read_protocol(folder / each) for each in entry.protocols}
    if all(each.kind == Kind.RECOGNITION for each in protocols.values()):
        raise ParamsError(
            f"{name} tests templates between bands: expected an evaluation of faces, or one of "
            "re-identification. Its metrics hold `differences`, paired by person; rows of the "
            "ablations are compared by their files, reports/ablations/bodies_outcomes/…"
        )
    protocol = protocols[_one_of(entry.protocols, asked, name)]
    networks = folds_tested(protocols.values(), trained, entry.dataset)
    return image_outcomes(protocol, path, {each: networks[each] for each in protocol.folds()})


def _one_of(protocols: tuple[str, ...], asked: str | None, name: str) -> str:
    """Return the protocol that is asked for, or the only one."""
    if asked is None and len(protocols) == 1:
        return protocols[0]
    if asked not in protocols:
        found = "no choice" if asked is None else repr(asked)
        raise ParamsError(
            f"{name} tests {list(protocols)}: expected --protocol with one of them, found {found}"
        )
    return asked


def _section_of(name: str, params: Params) -> tuple[str, str]:
    """Return the section that holds an evaluation, and its name there."""
    stage, _, key = name.partition("/")[0].rpartition("@")
    sections = {
        section: values
        for section in type(params).model_fields
        if section.startswith("evaluate_") and stage in ("", section)
        for values in [getattr(params, section)]
    }
    found = [section for section, values in sections.items() if key in values]
    if not found:
        known = [f"{section}@{each}" for section, values in sections.items() for each in values]
        ways = (
            f"one of {known}, or a row's outcomes (.parquet)" if known else "an entry of evaluate_*"
        )
        raise ParamsError(f"{name!r} is no evaluation of params.yaml: expected {ways}")
    if len(found) > 1:
        named = [f"{section}@{key}" for section in found]
        raise ParamsError(f"{name!r} is an evaluation of several stages: expected one of {named}")
    return found[0], key


def _lines(changes: "RowChanges", most: int) -> list[str]:
    lines = [f"{changes.same} rows as they were"]
    for words, ids in (
        ("came", changes.added),
        ("went", changes.gone),
        ("changed", changes.changed),
        ("rejected now", [f"{name} ({why})" for name, why in changes.rejected.items()]),
        ("accepted now", [f"{name} (was {why})" for name, why in changes.accepted.items()]),
    ):
        if ids:
            lines += [f"{len(ids)} {words}", *(f"  {name}" for name in ids[:most])]
        if len(ids) > most:
            lines.append(f"  … and {len(ids) - most} more (--most)")
    if changes.columns:
        told = ", ".join(f"{name} {count}" for name, count in changes.columns.items())
        lines.append(f"columns that differ among changed rows: {told}")
    return lines
