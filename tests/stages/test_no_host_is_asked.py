"""No stage, no worker and no import asks for a host, in Python or in a library's own code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from pipeline.ops.codec import encode_png
from stages.run import FEW_ROWS

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Path(__file__).with_name("refusing_resolver.c")
STAGES = [
    *("weights", "ingest", "detect", "align", "parse", "parts", "attributes", "reconstruct"),
    *("masks", "poses", "train_degrader", "degrade", "protocols"),
    *("detect_bodies", "label_bodies", "crop_bodies", "export"),
]
_RUN = """
import sys
from pathlib import Path
import importlib, logging
logging.disable()
from pipeline.params.load import load_params
from stages.run import StageRun
for name in sys.argv[1:]:
    module = importlib.import_module(f"stages.{name}")
    if name == "weights":
        module.run()
    else:
        module.run(StageRun(name, "mine", load_params(Path("params.yaml"))))
import onnxruntime
"""
_ASK = "import socket; socket.getaddrinfo('example.org', 443)"


@pytest.fixture(scope="module")
def resolver(tmp_path_factory):
    """A library that notes who asks for a host, to be loaded in front of all others."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: a library's own look-ups can't be noted")
    made = tmp_path_factory.mktemp("resolver") / "resolver.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", made, LIBRARY], check=True)
    return made


def asked(resolver, home, code, *arguments):
    """Run Python code in the current folder; returns what it asked for and its exit status."""
    home.mkdir()
    note = home.with_suffix(".asked")
    telemetry = {"HF_HUB_DISABLE_TELEMETRY", "ORT_DISABLE_TELEMETRY", "HF_HUB_OFFLINE"}
    telemetry |= {"YOLO_OFFLINE", "YOLO_CONFIG_DIR", "YOLO_AUTOINSTALL", "DVC_NO_ANALYTICS"}
    environment = {name: text for name, text in os.environ.items() if name not in telemetry}
    environment |= {
        "LD_PRELOAD": str(resolver),
        "CROSSBAND_ASKED": str(note),
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "CROSSBAND_EXECUTOR": "processes",
        "CROSSBAND_WORKERS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return note.read_text() if note.exists() else "", done


def test_the_resolver_notes_who_asks(resolver, tmp_path):
    told, done = asked(resolver, tmp_path / "home", _ASK)
    assert "asks for example.org" in told
    assert done.returncode != 0


def test_no_stage_and_no_worker_asks_for_a_host(workspace, resolver, tmp_path):
    workspace.need("yunet", "face_mesh_468", "bisenet_r18", "sface", "yolo11n_pose")
    photo = skimage.data.astronaut()
    for number in range(2):
        image = np.ascontiguousarray(np.roll(photo, number, axis=1))
        folder = workspace.path / "images" / f"s{number}"
        folder.mkdir()
        (folder / "face.png").write_bytes(encode_png(image))
    flat = encode_png(np.full((64, 64), 90, np.uint8))
    for number in range(FEW_ROWS):  # more than this process computes by itself: workers start
        (workspace.path / "images/s0" / f"{number}.png").write_bytes(flat)
    export = {"source": "data/mine/align", "format": "webdataset", "to": "out"}
    short = {"crop_px": 32, "generator_channels": 4, "discriminator_channels": 4, "steps": 2}
    workspace.edit(
        train_degrader=short,
        body_datasets={"mine": {}},
        exports={"mine": export},
        masks={"designs": ["surgical_blue"]},
        poses={"yaw_deg": [30.0], "pitch_deg": [0.0], "measured_share": 1.0},
        protocols={"mine": {"build": "cross_band", "rows": "ingest", "seed": 7, "subset": {}}},
    )
    told, done = asked(resolver, tmp_path / "home", _RUN, *STAGES)
    assert done.returncode == 0, done.stderr
    assert told == ""
    left = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert left == []
