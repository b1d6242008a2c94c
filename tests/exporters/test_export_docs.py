"""The training loops of docs/exports.md run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOOPS = re.findall(r"```python\n(.*?)```", (ROOT / "docs/exports.md").read_text(), re.DOTALL)


@pytest.mark.parametrize(
    ("form", "wanted"), [("webdataset", {}), ("parquet", {}), ("recordio", {"splits": ("train",)})]
)
def test_a_training_loop_runs_as_it_stands(put, tmp_path, form, wanted):
    (loop,) = [loop for loop in LOOPS if f"exports/{form}" in loop]
    put(form, to=tmp_path / "exports" / form, verify=False, **wanted)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HOME": str(tmp_path / "hf")}
    code = f"{loop}\nassert torch.isfinite(loss), loss"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
