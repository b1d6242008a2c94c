"""Official protocols of replicas, and embeddings of their samples that a seed makes."""

import numpy as np

from pipeline import testing
from pipeline.params.datasets import DatasetParams
from pipeline.protocols import OFFICIAL
from pipeline.readers import read_dataset

REID = {
    "llcm": (testing.llcm, {"test": 9, "each": 3}, {"noise": 1.2}),
    "sysu_mm01": (testing.sysu_mm01, {"each": 10, "draws": True}, {"noise": 2.0, "width": 3}),
    "regdb": (testing.regdb, {"subjects": 16, "each": 4, "trials": 10}, {"noise": 1.2}),
}
"""Data sets of re-identification: what writes the replica, and how it is embedded."""


def official_protocols(root, reader):
    """Make the official protocols of the replica in a folder; by name."""
    params = DatasetParams.model_validate({"reader": reader, "root": str(root), "shards": 2})
    rows = list(read_dataset("mine", params).rows)
    return {protocol.name: protocol for protocol in OFFICIAL[reader](root, rows)}


def embedded(protocol, noise=1.0, seed=0, width=8):
    """Make an embedding of each sample of a protocol: its subject's direction, and noise.

    Where subjects are not known, a genuine pair of samples is a subject.
    """
    rng = np.random.default_rng(seed)
    subject_of = {}
    for table in (protocol.enroll, protocol.probe):
        for row in table.to_pylist():
            subject_of[row["sample_id"]] = row["subject_id"]
    for pair in [] if protocol.match is None else protocol.match.to_pylist():
        sides = pair["enroll_template_id"], pair["probe_template_id"]
        if pair["same"] and all(subject_of.get(side, "") is None for side in sides):
            subject_of |= dict.fromkeys(sides, sides[0])
    names = sorted({s for s in subject_of.values() if s})
    centres = {name: rng.normal(size=width) for name in names}
    return {
        sample: (centres.get(subject, 0.0) + noise * rng.normal(size=width)).astype(np.float32)
        for sample, subject in sorted(subject_of.items())
    }


def reid_cases(reader, root):
    """Write a replica of ``REID``; yields its protocols with their embeddings."""
    write, options, look = REID[reader]
    write(root, **options)
    for protocol in official_protocols(root, reader).values():
        yield protocol, embedded(protocol, **look)
