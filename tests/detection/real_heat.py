"""The real LWIR images that lie outside the project, with the labels that lie in it."""

import os
from pathlib import Path

import cv2
import pytest

from benchmarks import bench_thermal
from pipeline.ops.palettes import heat_of

_PLACE = Path("shared/data/real_lwir")
FOLDER = Path(
    os.environ.get("CROSSBAND_REAL_LWIR")
    or next((up / _PLACE for up in Path(__file__).parents if (up / _PLACE).is_dir()), ".." / _PLACE)
)
"""Beside the project, or where the variable says."""
point_errors = bench_thermal.point_errors


def labelled_files():
    """Return (label, RGB image as stored) of each labelled file; skip where they are absent."""
    if not FOLDER.is_dir():
        pytest.skip(f"the real LWIR images are not in {FOLDER} (or $CROSSBAND_REAL_LWIR)")
    return list(bench_thermal.labelled_files(FOLDER))


def labelled_images():
    """Return (label, RGB image of the heat) of each labelled file."""
    return [
        (label, cv2.cvtColor(heat_of(rgb, label["palette"]), cv2.COLOR_GRAY2RGB))
        for label, rgb in labelled_files()
    ]
