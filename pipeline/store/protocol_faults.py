"""What is wrong with a protocol's tables: one function for each sort of fault, fold by fold."""

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import StageError

_PAIR = ["enroll_template_id", "probe_template_id"]


def several_subjects(name: str, table: pa.Table) -> list[str]:
    """Find templates of more than one subject.

    Args:
        name: of the side.
        table: table of ``TEMPLATE_TABLE``, with all folds.

    Returns:
        One sentence, or none.
    """
    pairs = table.group_by(["fold", "template_id", "subject_id"]).aggregate([])
    of_template = pairs.group_by(["fold", "template_id"]).aggregate(
        [("subject_id", "count", pc.CountOptions(mode="all"))]
    )
    many = of_template.filter(pc.greater(of_template["subject_id_count"], 1))
    if not len(many):
        return []
    return [
        f"{len(many)} templates of {name} have several subjects, among them "
        f"{many['template_id'][0]}"
    ]


def trained_and_tested(fold: int, train: pa.Table, sides: Iterable[pa.Table]) -> list[str]:
    """Find subjects that train and are tested.

    Args:
        fold: its number.
        train: table of ``TRAIN``.
        sides: tables of ``TEMPLATE_TABLE``.

    Returns:
        One sentence, or none.
    """
    trained = set(pc.unique(train["subject_id"]).to_pylist()) - {None}
    tested: set[str] = set()
    for table in sides:
        tested.update(pc.unique(table["subject_id"]).to_pylist())
    if not (shared := sorted(trained & tested)):
        return []
    return [
        f"fold {fold}: {len(shared)} subjects are both trained on and tested, among them "
        f"{shared[0]}"
    ]


def met_again(
    fold: int, enroll: pa.Table, probe: pa.Table, match: pa.Table | None, apart: Sequence[str]
) -> list[str]:
    """Find probes that meet their own images: templates in which all of their samples are enrolled.

    A probe that has other samples besides is none of them: so some lists pool.

    Args:
        fold: its number.
        enroll: table of ``TEMPLATE_TABLE``.
        probe: likewise.
        match: table of ``MATCH``; None where all meet all.
        apart: columns of ``TEMPLATE_TABLE``: templates that agree in all of them do not meet. Those
            of a template are its first row's; an empty value agrees with none.

    Returns:
        One sentence, or none.
    """
    shared = pc.is_in(probe["sample_id"], value_set=pc.unique(enroll["sample_id"]))
    if not pc.any(shared).as_py():
        return []  # millions of samples are not joined
    probing, enrolled = (
        table.group_by(["template_id", "sample_id"])
        .aggregate([])
        .rename_columns([f"{name}_template_id", "sample_id"])
        for name, table in (("probe", probe), ("enroll", enroll))
    )
    whole = probing.group_by("probe_template_id").aggregate([("sample_id", "count")])
    common = probing.join(enrolled, "sample_id", join_type="inner").group_by(_PAIR)
    counted = common.aggregate([("sample_id", "count")])
    same = counted.join(whole, ["probe_template_id", "sample_id_count"], join_type="left semi")
    if match is not None:
        same = same.join(match.select(_PAIR), _PAIR, join_type="left semi")
    pairs = zip(*(same[name].to_pylist() for name in _PAIR), strict=True)
    of_enroll, of_probe = (_first_rows(table, apart) for table in (enroll, probe))
    met = {
        other
        for one, other in pairs
        if not (apart and all(of_enroll[one]) and of_enroll[one] == of_probe[other])
    }
    if not met:
        return []
    return [
        f"fold {fold}: {len(met)} probes are compared with their own images, among them "
        f"{min(met)}: list an image on one side only"
    ]


def _first_rows(table: pa.Table, columns: Sequence[str]) -> dict[str, tuple[str | None, ...]]:
    """Return the values of each template's first row."""
    values = [table[name].to_pylist() for name in columns]
    rows = zip(*values, strict=True) if values else [()] * len(table)
    return dict(reversed(list(zip(table["template_id"].to_pylist(), rows, strict=True))))


def refuse_empty(protocol: str, enroll: pa.Table, probe: pa.Table) -> None:
    """Refuse a fold in which nobody is enrolled, or nothing probes.

    Raises:
        StageError: it names the protocol and the side.
    """
    for name, table in (("enroll", enroll), ("probe", probe)):
        if not len(table):
            raise StageError(
                f"protocol {protocol} is empty: expected rows in {name}, found none; check "
                "the splits and bands of the data set"
            )
