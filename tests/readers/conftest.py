"""A small data set in the layout of reader ``ijb_mdf``."""

import pytest
from replicas import Replica


@pytest.fixture
def replica(tmp_path):
    """See ``Replica``."""
    root = tmp_path / "mdf"
    root.mkdir()
    return Replica(root)
