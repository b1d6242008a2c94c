"""Data sets that bring boxes and points: the stage ``detect`` is measured on each of them."""

import numpy as np
import pytest
import skimage.data

from pipeline.ops.codec import encode_png
from pipeline.testing.images import put_text

FACE = (180, 66, 270, 180)
POINTS = (203, 101, 246, 103, 223, 126, 203, 141, 245, 141)
"""Of scikit-image's astronaut, read off the picture."""


@pytest.fixture
def tfw(workspace):
    """A TFW of one image with a face that is there and one that is not."""
    folder = workspace.path / "TFW/test/u-outdoor_gray"
    folder.mkdir(parents=True)
    grey = np.ascontiguousarray(skimage.data.astronaut()[..., 1])
    (folder / "1.png").write_bytes(encode_png(grey))
    empty = (10, 420, 60, 480, 25, 440, 45, 440, 35, 455, 27, 465, 43, 465)
    lines = [",".join(map(str, ("1.png", *numbers))) for numbers in ((*FACE, *POINTS), empty)]
    put_text(folder.parent / "u-outdoor.csv", ["image,box,points", *lines])
    workspace.edit(datasets={"mine": {"reader": "tfw", "root": "TFW"}})
    workspace.need("yunet", "face_mesh_468")
    return workspace


def test_each_annotated_face_is_found_or_missed_and_its_points_are_measured(tfw):
    tfw.run("ingest", "detect")
    rows = tfw.rows("detect")
    assert sorted(rows) == ["test/u-outdoor/1/01", "test/u-outdoor/1/02"]
    assert {row["band"] for row in rows.values()} == {"LWIR"}
    metrics = tfw.metrics("detect")
    assert metrics["failure_to_enrol_of_known"]["mean"] == 0.5
    errors = metrics["nme_percent"]["by_band"]["LWIR"]
    assert errors["n"] == 1
    assert errors["median"] < 15
