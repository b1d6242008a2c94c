"""The security page names, for each threat, a test that is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
ROWS = [line for line in PAGE.splitlines() if re.match(r"\| (?!threat|---)", line)]


def test_each_threat_has_a_test():
    assert len(ROWS) > 25
    assert [row for row in ROWS if not re.search(r"`tests/[\w/]+\.py::test_\w+` \|$", row)] == []


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(tests/[\w/]+\.py::test_\w+)`", PAGE))))
def test_the_test_is_there(name):
    file, test = name.split("::")
    assert f"def {test}(" in (ROOT / file).read_text()
