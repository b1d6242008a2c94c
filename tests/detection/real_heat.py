"""The real LWIR images that lie outside the project, with the labels that lie in it."""

import hashlib
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from pipeline.ops.palettes import heat_of

_PLACE = Path("shared/data/real_lwir")
FOLDER = Path(
    os.environ.get("CROSSBAND_REAL_LWIR")
    or next((up / _PLACE for up in Path(__file__).parents if (up / _PLACE).is_dir()), ".." / _PLACE)
)
"""Beside the project, or where the variable says."""
LABELS = yaml.safe_load(Path(__file__).with_name("real_lwir.yaml").read_text())["images"]


def labelled_files():
    """Return (label, RGB image as stored) of each labelled file; skip where they are absent."""
    if not FOLDER.is_dir():
        pytest.skip(f"the real LWIR images are not in {FOLDER} (or $CROSSBAND_REAL_LWIR)")
    labelled = [
        (LABELS.get(hashlib.sha256(path.read_bytes()).hexdigest()[:16]), path)
        for path in sorted(FOLDER.glob("*.png"))
    ]
    return [
        (label, cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB))
        for label, path in labelled
        if label
    ]


def labelled_images():
    """Return (label, RGB image of the heat) of each labelled file."""
    return [
        (label, cv2.cvtColor(heat_of(rgb, label["palette"]), cv2.COLOR_GRAY2RGB))
        for label, rgb in labelled_files()
    ]


def point_errors(landmarks_xy, truth_xy):
    """Return each point's distance from the true one, % of the distance between the eyes."""
    truth = np.asarray(truth_xy, float)
    between = np.hypot(*(truth[1] - truth[0]))
    return np.hypot(*(np.asarray(landmarks_xy, float) - truth).T) / between * 100
