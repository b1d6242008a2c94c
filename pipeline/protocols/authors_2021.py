"""CP-IJB-C and CQ-IJB-C as their authors measured them, a named build beside ours.

What differs: a template is the plain mean of its images, not media first; the threshold is the
impostor score of a rank, so that the achieved rate may pass the target. Which images stay, and that
emptied templates go with their pairs, is alike; the score −‖a − b‖² of unit vectors orders as the
cosine does.

Reference:
    lingjiantian/IJBC-attribute, the authors' evaluation, 2021.
"""

from dataclasses import replace

import pyarrow as pa

from pipeline.store.protocols import TEMPLATE_TABLE, Kind, Protocol, Threshold

RULE = "authors_2021"
"""Name of the rule in params."""


def by_authors(protocol: Protocol) -> Protocol:
    """Let each image be a media of its own, and thresholds be ranked.

    Args:
        protocol: of listed pairs.

    Raises:
        ValueError: it is of another kind.
    """
    if protocol.kind != Kind.VERIFICATION:
        raise ValueError(f"expected a protocol of kind verification, found {protocol.kind}")
    return replace(
        protocol,
        description=f"{protocol.description} By the authors' rule of 2021: plain means, ranked "
        "thresholds.",
        enroll=_image_by_image(protocol.enroll),
        probe=_image_by_image(protocol.probe),
        threshold=Threshold.RANKED,
    )


def _image_by_image(table: pa.Table) -> pa.Table:
    place = TEMPLATE_TABLE.get_field_index("media_id")
    return table.set_column(place, TEMPLATE_TABLE.field(place), table["sample_id"])
