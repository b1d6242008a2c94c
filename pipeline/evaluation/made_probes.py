"""Probes that a stage made of others: what it was not asked to make is no failure to enrol."""

import logging

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import StageError
from pipeline.store.protocols import Protocol
from pipeline.store.shards import ShardFolder

log = logging.getLogger(__name__)


def asked_of(
    protocol: Protocol, real: ShardFolder, made: ShardFolder, generator: str | None = None
) -> Protocol:
    """Leave out probes that have a face of which nothing was made, for nobody asked for it.

    A stage makes something of some faces alone: of some splits and bands, of so many of a subject.
    What it rejected, and probes without a face, stay: they are failures to enrol.

    Args:
        protocol: with all its folds.
        real: rows of the stage that ``made`` was made of, or of one behind it.
        made: rows of the stage whose images probe.
        generator: whose rows count; None: any.

    Raises:
        StageError: nothing was made of any probe.
    """
    rows = made.table(["parent_id", "generator"])
    if generator is not None:
        rows = rows.filter(pc.equal(rows["generator"], generator))
    what = generator or made.path.name
    if not len(rows) and generator is not None:
        raise StageError(
            f"{made.path} has no rows that {what} made: expected some as probes; ask for them in "
            "`degrade.per_face` (cyclegan needs `train_degrader.steps` above 0), and run the "
            "stage again"
        )
    rejected = made.rejected.table(["sample_id"])["sample_id"].to_pylist()
    tried = {*rows["parent_id"].to_pylist(), *rejected}
    tried |= {name.rpartition("#")[0] for name in rejected}  # one of several that were asked for
    left = set(real.table(["sample_id"])["sample_id"].to_pylist()) - tried
    samples = protocol.probe["sample_id"].to_pylist()
    kept = [sample not in left for sample in samples]
    if tried.isdisjoint(samples):
        raise StageError(
            f"protocol {protocol.name}: {what} made no images from its {len(samples)} probes: "
            f"expected some in {made.path}; add the probes' split and band to the stage's "
            "`splits` and `bands`, and run it again"
        )
    if all(kept):
        return protocol
    log.warning(
        "protocol %s: %d of %d probes with a face are left out: %s was not asked to make images "
        "from them (`splits`, `bands`, `images_per_subject` of its stage)",
        *(protocol.name, kept.count(False), len(kept), what),
    )
    return protocol.trimmed(protocol.enroll, protocol.probe.filter(pa.array(kept)))
