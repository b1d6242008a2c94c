"""Masked probes apart by how the mask is worn: nose and mouth hidden, or one of them bare."""

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.evaluation.recognition import OfFold, ProtocolResult, measure_protocol
from pipeline.store import ShardFolder
from pipeline.store.protocols import Kind, Protocol
from pipeline.store.scan import scan

WORN = {
    "worn_properly": "trained, masks over nose and mouth",
    "worn_otherwise": "trained, masks below nose or chin",
}
"""Groups of probes, and what a table calls them."""


def fits_by_sample(masks: ShardFolder) -> dict[str, str]:
    """Return how the mask is worn that counts for each image: that of the first made of it."""
    rows = scan(masks, ["sample_id", "parent_id", "mask_fit"])
    made = sorted((row["sample_id"], row["parent_id"], row["mask_fit"]) for row in rows)
    return {parent: fit for _, parent, fit in reversed(made)}


def by_wear(
    protocol: Protocol, fits: dict[str, str], of_fold: OfFold
) -> Iterator[tuple[str, ProtocolResult]]:
    """Yield what is reached on each group of probes, against the whole gallery.

    A group that no probe of some fold belongs to is left out, as are protocols that list pairs.

    Args:
        protocol: the whole of it.
        fits: by sample, of ``fits_by_sample``.
        of_fold: the embeddings of each fold.
    """
    if protocol.kind != Kind.RECOGNITION or protocol.match is not None:
        return
    for name in WORN:
        proper = name == "worn_properly"
        own = [sample for sample, fit in fits.items() if (fit == "proper") == proper]
        kept = pc.is_in(protocol.probe["sample_id"], value_set=pa.array(own, pa.string()))
        part = replace(protocol, probe=protocol.probe.filter(kept))
        if all(len(part.fold(number).probe) for number in protocol.folds()):
            yield name, measure_protocol(part, of_fold)
