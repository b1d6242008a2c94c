"""``docs/decisions/cases.md``: each case names a test that is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs/decisions/cases.md").read_text()


def test_each_case_names_a_test_that_exists():
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^ *def (test_\w+)\(", path.read_text(), re.MULTILINE)
    }
    lines = [line for line in DOCUMENT.splitlines() if line.startswith("| ")]
    cases = [line for line in lines if not line.startswith("| input")]
    assert len(cases) > 50
    for line in cases:
        named = re.findall(r"`(test_\w+)`", line)
        assert named, f"no test is named: {line}"
        assert set(named) <= there, f"no such test: {set(named) - there}"
