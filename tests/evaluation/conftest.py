"""What tests of protocols share: a replica's official protocols, and embeddings of its samples."""

import pytest
from reid_replicas import embedded, official_protocols


@pytest.fixture
def official(tmp_path):
    """Make the official protocols of the replica in ``tmp_path``; by name."""
    return lambda reader: official_protocols(tmp_path, reader)


@pytest.fixture
def embed():
    """Make an embedding of each sample of a protocol, as ``reid_replicas.embedded`` does."""
    return embedded
