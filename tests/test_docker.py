"""The image of ``Dockerfile``: what it copies is there, and it builds where docker runs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "Dockerfile").read_text()


def _docker_runs():
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


def test_what_is_copied_by_name_is_there_and_is_not_ignored():
    ignored = (ROOT / ".dockerignore").read_text().split()
    copied = re.findall(r"^COPY (\S+) ", TEXT, re.MULTILINE)
    assert all((ROOT / path).exists() and path not in ignored for path in copied)


def test_torch_and_torchvision_are_those_that_were_tested():
    pattern = re.search(r"grep -E '(.+)' constraints.txt", TEXT)[1]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    found = [line.split("==")[0] for line in lines if re.match(pattern, line)]
    assert found == ["torch", "torchvision"]


def test_packages_come_from_where_the_builder_says():
    """pip's own index, or the one given, which it reads from its environment; torch's beside."""
    lines = [line for line in TEXT.splitlines() if not line.startswith("#")]
    assert [line for line in lines if "://" in line] == [
        "ARG TORCH=https://download.pytorch.org/whl/cpu"
    ]
    installs = [place for place, line in enumerate(lines) if "pip install" in line]
    assert lines.index("ARG PIP_INDEX_URL") < installs[0]
    assert "--index-url" not in TEXT.replace("--extra-index-url", "")  # it would win


@pytest.mark.long
@pytest.mark.skipif(not _docker_runs(), reason="no docker engine")
def test_the_image_builds_and_makes_a_project(tmp_path):
    subprocess.run(["docker", "build", "--tag", "crossband:test", str(ROOT)], check=True)
    run = ["docker", "run", "--rm", "--volume", f"{tmp_path}:/project", "crossband:test"]
    subprocess.run([*run, "crossband", "init", "mine"], check=True)
    assert (tmp_path / "mine/params.yaml").is_file()
