"""docs/exports.md: its training loops run as they stand there, its table is that of the code."""

import os
import re
from pathlib import Path

import pytest
from forked import run_python

from pipeline.exporters import EXPORTERS, HOLDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/exports.md").read_text()
LOOPS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


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


def test_the_table_says_of_each_format_what_the_command_says():
    (table,) = re.findall(r"\| format \| holds \|.*?\n\|[-|]+\|\n(.*?)\n\n", PAGE, re.DOTALL)
    cells = [row.replace("`", "").split(" | ") for row in table.splitlines()]
    assert {name.removeprefix("| "): what for name, what, *_ in cells} == HOLDS
    assert list(HOLDS) == list(EXPORTERS)
