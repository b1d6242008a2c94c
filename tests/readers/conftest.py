"""What tests of readers share: a replica read by its reader."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from replicas import Replica

from pipeline.params.datasets import DatasetParams
from pipeline.protocols import OFFICIAL
from pipeline.readers import read_dataset
from pipeline.store.protocols import Protocol


@pytest.fixture
def listed(tmp_path) -> Callable[..., dict[str, dict[str, Any]]]:
    """List ``tmp_path`` with a reader; returns rows by sample id."""

    def read(reader: str, root: Path = tmp_path, **values: Any) -> dict[str, dict[str, Any]]:
        values = {"reader": reader, "root": str(root), "shards": 2, **values}
        rows = read_dataset("mine", DatasetParams.model_validate(values)).rows
        return {row["sample_id"]: row for row in rows}

    return read


@pytest.fixture
def protocols(tmp_path, listed) -> Callable[[str], dict[str, Protocol]]:
    """Make the official protocols of ``tmp_path``; they may not contradict themselves."""

    def make(reader: str) -> dict[str, Protocol]:
        made = {p.name: p for p in OFFICIAL[reader](tmp_path, list(listed(reader).values()))}
        assert [fault for p in made.values() for fault in p.faults()] == []
        return made

    return make


@pytest.fixture
def replica(tmp_path) -> Replica:
    """A small data set in the layout of reader ``ijb_mdf``; see ``Replica``."""
    root = tmp_path / "mdf"
    root.mkdir()
    return Replica(root)
