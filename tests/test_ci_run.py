"""What ``.ci/run`` says of tests that are skipped."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("there", [False, True])
def test_it_says_where_browser_tests_are_skipped_and_goes_on(tmp_path, there):
    (tmp_path / "python").symlink_to(sys.executable)
    if there:
        (tmp_path / "chromium").write_text("#!/bin/sh\n")
        (tmp_path / "chromium").chmod(0o755)
    command = re.search(r"^PYTHONPATH=tests/report .*\n.*$", (ROOT / ".ci/run").read_text(), re.M)[
        0
    ]
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", f"{command}\necho on"],
        cwd=ROOT,
        env=os.environ | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    *said, last = done.stdout.splitlines()
    assert last == "on"
    assert ["test_site_browser.py" in line for line in said] == [True] * (not there)
    assert done.stderr == ""
