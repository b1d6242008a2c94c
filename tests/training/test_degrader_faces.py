"""Which faces count as sharp and which as low quality."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data

from pipeline.errors import StageError
from pipeline.ops.codec import encode_png
from pipeline.ops.sharpness import sharpness
from pipeline.params.load import load_params
from pipeline.training.degrader_faces import sharp_and_low

PARAMS = load_params(Path(__file__).resolve().parents[2] / "params.yaml")
PHOTOMETRIC = PARAMS.degrade.photometric
FACE = skimage.data.astronaut()[:256, 100:356].repeat(2, 0).repeat(2, 1)


def rows(count):
    made = []
    for index in range(count):
        image = np.roll(FACE, index, axis=1)
        blurred = image if index % 2 else image[::8, ::8].repeat(8, 0).repeat(8, 1)
        context = {"bytes": encode_png(np.ascontiguousarray(blurred))}
        made.append({"sample_id": f"s{index}", "camera_id": f"c{index % 2}", "context": context})
    return made


def split(count, **changes):
    return sharp_and_low(rows(count), PARAMS.train_degrader.model_copy(update=changes), PHOTOMETRIC)


def test_half_of_the_faces_is_degraded_by_the_chain():
    sharp, low = split(9)
    assert (len(sharp), len(low)) == (5, 4)
    assert sharp.shape[1:] == (172, 172, 3)
    again = split(9)
    np.testing.assert_array_equal(low, again[1])


def test_the_least_sharp_share_counts_as_low_quality():
    sharp, low = split(10, low_quality="measured", measured_share=0.4)
    assert (len(sharp), len(low)) == (4, 4)
    assert max(map(sharpness, low)) < min(map(sharpness, sharp))


def test_the_named_cameras_are_the_low_quality():
    sharp, low = split(5, low_quality="cameras", cameras=("c1",))
    assert (len(sharp), len(low)) == (3, 2)


@pytest.mark.parametrize("low_quality", ["photometric", "measured"])
def test_one_face_has_no_other_side(low_quality):
    sharp, low = split(1, low_quality=low_quality)
    assert low.shape == (0, 172, 172, 3)
    assert sharp.shape[1:] == (172, 172, 3)


def test_a_split_with_nothing_on_one_side_is_refused():
    with pytest.raises(StageError, match="found 4 sharp and 0 low-quality faces"):
        split(4, low_quality="cameras", cameras=("nobody",))
