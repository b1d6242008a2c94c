"""Videos: the same images give the same bytes, whatever lay in memory before."""

import hashlib
import os
import subprocess
import sys

ENCODE = """
import sys
from pathlib import Path

import cv2
import numpy as np

from pipeline.demo.scenes.media import write_video

generator = np.random.default_rng(0)
noise = (generator.integers(0, 255, (540, 960, 3), np.uint8) for _ in range(4))
write_video(Path(sys.argv[1]), [cv2.GaussianBlur(image, (0, 0), 5) for image in noise], 25.0)
"""


def test_a_video_does_not_depend_on_what_lay_in_memory(tmp_path):
    digests = set()
    for filling in ("1", "99"):  # the C library fills memory that it gives out with it
        path = tmp_path / f"{filling}.mp4"
        environment = os.environ | {"MALLOC_PERTURB_": filling}
        subprocess.run([sys.executable, "-c", ENCODE, path], check=True, env=environment)
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(digests) == 1
