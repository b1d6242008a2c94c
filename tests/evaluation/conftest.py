"""What tests of protocols share: a replica's official protocols, and embeddings of its samples."""

import numpy as np
import pytest

from pipeline.params.datasets import DatasetParams
from pipeline.protocols import OFFICIAL
from pipeline.readers import read_dataset


@pytest.fixture
def official(tmp_path):
    """Make the official protocols of the replica in ``tmp_path``; by name."""

    def make(reader):
        params = DatasetParams.model_validate(
            {"reader": reader, "root": str(tmp_path), "shards": 2}
        )
        rows = list(read_dataset("mine", params).rows)
        return {protocol.name: protocol for protocol in OFFICIAL[reader](tmp_path, rows)}

    return make


@pytest.fixture
def embed():
    """Make an embedding of each sample of a protocol: its subject's direction, and noise.

    Where subjects are not known, a genuine pair of samples is a subject.
    """

    def make(protocol, noise=1.0, seed=0, width=8):
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

    return make
