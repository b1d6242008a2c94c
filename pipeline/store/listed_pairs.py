"""A protocol's list of pairs beside the subjects of its templates."""

import pyarrow as pa
import pyarrow.compute as pc


def between(match: pa.Table, enroll: pa.Table, probe: pa.Table) -> pa.Table:
    """Return the pairs both of whose templates are there; see ``contradicted``."""
    sides = (("enroll", enroll), ("probe", probe))
    there = [
        pc.is_in(match[f"{name}_template_id"], value_set=pc.unique(table["template_id"]))
        for name, table in sides
    ]
    return match.filter(pc.and_(*there))


def contradicted(match: pa.Table, enroll: pa.Table, probe: pa.Table) -> list[str]:
    """Find pairs that are listed as same or different, where their known subjects are not.

    Args:
        match: table of ``MATCH``.
        enroll: table of ``TEMPLATE_TABLE``.
        probe: likewise.

    Returns:
        One sentence, or none.
    """
    sides = []
    for name, table in (("enroll", enroll), ("probe", probe)):
        templates = table["template_id"].combine_chunks()
        places = pc.index_in(match[f"{name}_template_id"], value_set=templates)
        sides.append(table["subject_id"].combine_chunks().take(places.combine_chunks()))
    wrong = match.filter(pc.not_equal(pc.equal(*sides), match["same"]))  # null where one is unknown
    if not len(wrong):
        return []
    listed = "the same person" if wrong["same"][0].as_py() else "two people"
    return [
        f"{len(wrong)} pairs are listed otherwise than their templates' subjects say, among them "
        f"{wrong['enroll_template_id'][0]} and {wrong['probe_template_id'][0]} as {listed}"
    ]
