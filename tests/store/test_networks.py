"""Files of tensors: read whole, or left in the file for all processes to share."""

import os
import re
from pathlib import Path

import pytest
import torch

from pipeline.store.networks import load_network, save_network
from pipeline.store.whole import write_whole


def own_kb() -> int:
    """Memory of this process that is no file's."""
    text = Path("/proc/self/smaps_rollup").read_text()
    return int(re.search(r"^Anonymous: +(\d+) kB", text, re.MULTILINE)[1])


def test_mapped_tensors_take_no_memory_of_their_own(tmp_path):
    path = tmp_path / "cells.pt"
    save_network({"cells": torch.arange(16 << 20, dtype=torch.float32)}, path)
    before = own_kb()
    cells = load_network(path, mapped=True)["cells"]
    assert cells.max().item() == (16 << 20) - 1  # each is read
    assert own_kb() - before < 32 << 10  # of 64 MB
    assert torch.equal(cells, load_network(path)["cells"])


def test_what_is_written_into_mapped_tensors_stays_out_of_the_file(tmp_path):
    path = tmp_path / "cells.pt"
    save_network({"cells": torch.zeros(4)}, path)
    load_network(path, mapped=True)["cells"].fill_(1.0)
    assert load_network(path)["cells"].tolist() == [0.0] * 4


@pytest.mark.parametrize("write", [save_network, lambda words, path: write_whole(path, str(words))])
def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch, write):
    path, synced = tmp_path / "cells.pt", []

    def sync(file):
        found = os.fstat(file)
        synced.append((found.st_ino, found.st_size, path.exists()))

    monkeypatch.setattr(os, "fsync", sync)
    write({"cells": 1}, path)
    assert synced == [(path.stat().st_ino, path.stat().st_size, False)]
