"""What could not be written leaves nothing half-written beside it, and what was there before."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from pipeline.store import networks, seal
from pipeline.store.networks import save_network
from pipeline.store.seal import write_sealed


def fail(*_, **__):
    raise OSError(28, "No space left on device")


def test_a_network(tmp_path, monkeypatch):
    save_network({"a": torch.zeros(2)}, tmp_path / "network.pt")
    before = (tmp_path / "network.pt").read_bytes()
    monkeypatch.setattr(networks, "_digest", fail)
    with pytest.raises(OSError, match="No space"):
        save_network({"a": torch.ones(2)}, tmp_path / "network.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["network.pt"]
    assert (tmp_path / "network.pt").read_bytes() == before


def test_a_table(tmp_path, monkeypatch):
    write_sealed(pa.table({"a": np.arange(3)}), tmp_path / "a.parquet")
    monkeypatch.setattr(seal, "seal", fail)
    with pytest.raises(OSError, match="No space"):
        write_sealed(pa.table({"a": np.arange(9)}), tmp_path / "a.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 3
