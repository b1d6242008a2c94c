"""All stages, run once: each row in every way, before a library that notes who asks for a host.

A row's bytes depend on no executor: in workers or not, many at once or one. And no stage, no worker
and no import asks for a host, in Python or in a library's own code.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from pipeline.ops.codec import encode_png

RESOLVER = Path(__file__).with_name("refusing_resolver.c")
CHAIN = ("weights", "ingest", "detect", "align", "parse", "parts", "attributes", "reconstruct")
MADE = ("masks", "poses", "train_degrader", "degrade", "protocols")
BODIES = ("detect_bodies", "label_bodies", "crop_bodies", "export")
"""All stages but trainings, their tests, and ``sample``, whose rows are a source's own affair."""
ROWS = 4
"""One more than ``each_way.py`` lets workers make anew."""


@dataclass(frozen=True)
class Ran:
    """What a process left.

    Attributes:
        done: its status and what it printed.
        asked: a line for each host that was asked for.
        home: the home that it had, empty before.
    """

    done: subprocess.CompletedProcess
    asked: str
    home: Path


@pytest.fixture(scope="module")
def resolver(tmp_path_factory):
    """A library that notes who asks for a host, to be loaded before others; None without cc."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    made = tmp_path_factory.mktemp("resolver") / "resolver.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", made, RESOLVER], check=True)
    return made


@pytest.fixture
def noted(resolver):
    """For tests of what was asked for."""
    if resolver is None:
        pytest.skip("no C compiler: a library's own look-ups can't be noted")


def run(resolver, home, *words):
    """Run Python in the current folder, with nothing set that keeps libraries from phoning home."""
    home.mkdir()
    note = home.with_suffix(".asked")
    telemetry = {"HF_HUB_DISABLE_TELEMETRY", "ORT_DISABLE_TELEMETRY", "HF_HUB_OFFLINE"}
    telemetry |= {"YOLO_OFFLINE", "YOLO_CONFIG_DIR", "YOLO_AUTOINSTALL", "DVC_NO_ANALYTICS"}
    environment = {name: text for name, text in os.environ.items() if name not in telemetry}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    if resolver is not None:
        environment |= {"LD_PRELOAD": str(resolver), "CROSSBAND_ASKED": str(note)}
    command = [sys.executable, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return Ran(done, note.read_text() if note.exists() else "", home)


@pytest.fixture(scope="module")
def every_stage(own_workspace, resolver, tmp_path_factory):
    """What all stages left."""
    image = astronaut()[:320, 60:380]
    for number in range(ROWS):
        light = cv2.convertScaleAbs(image, alpha=1 - 0.05 * number)
        shown = light[..., 1] if number % 3 == 2 else light
        Path("images", f"s{number}").mkdir()
        shown = encode_png(np.ascontiguousarray(np.roll(shown, number, axis=1)))
        Path(f"images/s{number}/a.png").write_bytes(shown)
    own_workspace.need("yunet", "face_mesh_468", "bisenet_r18", "sface", "yolo11n_pose")
    small = {"crop_px": 32, "generator_channels": 4, "discriminator_channels": 4, "steps": 2}
    small |= {"threads": 1}  # what it sets, the stages after it have: all run in one process
    own_workspace.edit(
        datasets={"mine": {"shards": 2}},
        body_datasets={"mine": {}},
        parse={"precision": "float32"},
        detect_bodies={"precision": "float32"},
        poses={"yaw_deg": [30.0], "pitch_deg": [0.0], "measured_share": 1.0},
        train_degrader=small,
        degrade={"per_face": {"cyclegan": 1, "photometric": 1}},
        protocols={"mine": {"build": "cross_band", "rows": "ingest", "seed": 7, "subset": {}}},
        exports={"mine": {"source": "data/mine/align", "format": "webdataset", "to": "out"}},
    )
    script = Path(__file__).with_name("each_way.py")
    home = tmp_path_factory.mktemp("every") / "home"
    return run(resolver, home, str(script), *CHAIN, *MADE, *BODIES)


def test_every_stage_makes_the_same_bytes_in_every_way(every_stage):
    assert every_stage.done.returncode == 0, every_stage.done.stderr
    lines = every_stage.done.stdout.splitlines()
    assert [line for line in lines if line.startswith("each way: ")] == []


@pytest.mark.usefixtures("noted")
def test_no_stage_and_no_worker_asks_for_a_host(every_stage):
    assert every_stage.done.returncode == 0, every_stage.done.stderr
    assert every_stage.asked == ""
    assert [path for path in every_stage.home.rglob("*") if path.is_file()] == []


@pytest.mark.usefixtures("noted")
def test_the_resolver_notes_who_asks(resolver, tmp_path):
    ask = "import socket; socket.getaddrinfo('example.org', 443)"
    ran = run(resolver, tmp_path / "home", "-c", ask)
    assert "asks for example.org" in ran.asked
    assert ran.done.returncode != 0
