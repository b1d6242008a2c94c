"""The training loops of docs/exports.md run as they stand there."""

import os
import re
from pathlib import Path

import pytest
from forked import run_python

ROOT = Path(__file__).resolve().parents[2]
LOOPS = re.findall(r"```python\n(.*?)```", (ROOT / "docs/exports.md").read_text(), re.DOTALL)


@pytest.mark.parametrize(
    ("form", "wanted"), [("webdataset", {}), ("parquet", {}), ("recordio", {"splits": ("train",)})]
)
def test_a_training_loop_runs_as_it_stands(put, tmp_path, form, wanted):
    (loop,) = [loop for loop in LOOPS if f"exports/{form}" in loop]
    put(form, to=tmp_path / "exports" / form, verify=False, **wanted)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HOME": str(tmp_path / "hf")}
    script = tmp_path / "loop.py"
    script.write_text(f"{loop}\nassert torch.isfinite(loss), loss")
    done = run_python([str(script)], cwd=tmp_path, environment=environment)
    assert done.returncode == 0, done.stderr
