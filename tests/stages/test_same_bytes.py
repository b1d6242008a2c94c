"""A row's bytes depend on no executor: in workers or not, many at once or one."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
from skimage.data import astronaut

CHAIN = ("ingest", "detect", "align", "parse", "parts", "attributes", "reconstruct")
MADE = ("masks", "poses", "degrade")
BODIES = ("detect_bodies", "label_bodies", "crop_bodies")
ROWS = 5


def test_every_stage_makes_the_same_bytes_in_every_way(workspace):
    """All stages that map rows, but ``sample``, whose rows are a source's own affair."""
    image = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2BGR)[:320, 60:380]
    for number in range(ROWS):
        light = cv2.convertScaleAbs(image, alpha=1 - 0.05 * number)
        grey = number % 3 == 2
        shown = cv2.cvtColor(light, cv2.COLOR_BGR2GRAY) if grey else light
        Path("images", f"s{number}").mkdir()
        cv2.imwrite(f"images/s{number}/a.png", np.roll(shown, number, axis=1))
    workspace.need("yunet", "face_mesh_468", "bisenet_r18", "sface", "yolo11n_pose")
    workspace.edit(
        datasets={"mine": {"shards": 2}},
        parse={"precision": "float32"},
        detect_bodies={"precision": "float32"},
        poses={"yaw_deg": [30.0], "pitch_deg": [0.0], "measured_share": 1.0},
        degrade={"per_face": {"cyclegan": 0, "photometric": 1}},
    )
    script = Path(__file__).with_name("each_way.py")
    run = subprocess.run(
        [sys.executable, str(script), *CHAIN, *MADE, *BODIES], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    said = [line for line in run.stdout.splitlines() if line.startswith("each way: ")]
    assert said == []
