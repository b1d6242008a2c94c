"""Subject-specific templates: all media of a subject in a band become one.

Reference:
    A. Nanduri, S. Huang, R. Chellappa, Multi-domain biometric recognition using body embeddings,
    2025, section IV-A; A. Nanduri, R. Chellappa, Template-based multi-domain face recognition,
    IJCB 2024.
"""

from collections.abc import Iterable

import pyarrow as pa

from pipeline.store.columns import field
from pipeline.types import Row

TEMPLATES = pa.schema(
    [
        field("template_id", pa.string(), null=False),
        field("subject_id", pa.string(), null=False),
        field("band", pa.string(), null=False),
        field("media_id", pa.string()),
        field("sample_id", pa.string(), null=False),
    ]
)
"""One line per sample of a template, sorted by template and sample."""


def template_id(subject_id: str | None, band: str) -> str | None:
    """Name the template that a sample of a subject belongs to; None where nobody knows whose."""
    return None if subject_id is None else f"{subject_id}.{band}"


def subject_templates(rows: Iterable[Row]) -> pa.Table:
    """Make the table of templates.

    Args:
        rows: samples with ``sample_id``, ``subject_id``, ``band`` and ``media_id``; those without
            a subject belong to no template.

    Returns:
        A table of ``TEMPLATES``.
    """
    lines = [
        {name: row.get(name) for name in TEMPLATES.names}
        | {"template_id": template_id(row["subject_id"], row["band"])}
        for row in rows
        if row["subject_id"] is not None
    ]
    lines.sort(key=lambda line: (line["template_id"], line["sample_id"]))
    return pa.Table.from_pylist(lines, TEMPLATES)
