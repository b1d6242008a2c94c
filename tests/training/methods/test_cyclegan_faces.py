"""Which faces count as sharp and which as low quality."""

from itertools import count as ids

import numpy as np
import pytest
import skimage.data
from face_rows import face_row, open_rows, png, write_rows
from short_params import PARAMS

from pipeline.errors import StageError
from pipeline.ops.sharpness import sharpness
from pipeline.schemas.align import ALIGN
from pipeline.training.methods.cyclegan_faces import (
    GEOMETRY,
    Quality,
    QualityFaces,
    open_faces,
    some_frames,
)
from pipeline.types import Split

FACE = skimage.data.astronaut()[:256, 100:356].repeat(2, 0).repeat(2, 1)


def rows(count):
    made = []
    for index in range(count):
        image = np.roll(FACE, index, axis=1)
        blurred = image if index % 2 else image[::8, ::8].repeat(8, 0).repeat(8, 1)
        context = {"camera_id": f"c{index % 2}", "context": png(blurred)}
        made.append(face_row(f"s{index}", f"s{index}") | context)
    return made


@pytest.fixture
def split(tmp_path):
    folders = ids()

    def split(count, **changes):
        params = PARAMS.train_degrader.model_copy(update=changes)
        folder = tmp_path / str(next(folders))
        samples = open_rows(folder, ALIGN, rows(count), images=("context",), extras=GEOMETRY)
        faces = QualityFaces.split(samples, params, PARAMS.degrade.photometric)
        return [faces.frames(each, np.arange(faces.count(each))) for each in Quality]

    return split


def test_half_of_the_faces_is_degraded_by_the_chain(split):
    sharp, low = split(9)
    assert (len(sharp), len(low)) == (5, 4)
    assert sharp.shape[1:] == (172, 172, 3)
    again = split(9)
    np.testing.assert_array_equal(low, again[1])


def test_the_least_sharp_share_counts_as_low_quality(split):
    sharp, low = split(10, low_quality="measured", extremes_share=0.4)
    assert (len(sharp), len(low)) == (4, 4)
    assert max(map(sharpness, low)) < min(map(sharpness, sharp))


def test_the_named_cameras_are_the_low_quality(split):
    sharp, low = split(5, low_quality="cameras", cameras=("c1",))
    assert (len(sharp), len(low)) == (3, 2)


@pytest.mark.parametrize("low_quality", ["photometric", "measured"])
def test_one_face_has_no_other_side(split, low_quality):
    sharp, low = split(1, low_quality=low_quality)
    assert low.shape == (0, 172, 172, 3)
    assert sharp.shape[1:] == (172, 172, 3)


def test_a_split_with_nothing_on_one_side_is_refused(split):
    with pytest.raises(StageError, match="found 4 sharp and 0 low-quality faces"):
        split(4, low_quality="cameras", cameras=("nobody",))


def test_faces_of_unknown_subjects_are_taken_and_others_than_chosen_are_not(tmp_path):
    found = rows(6)
    for row in found[:4]:
        row["subject_id"] = None
    found[4] |= {"split": "validation"}
    found[5] |= {"band": "NIR"}
    folder = write_rows(tmp_path, ALIGN, found)
    samples = open_faces(folder, PARAMS.train_degrader, Split.TRAIN)
    assert samples.sample_ids.tolist() == ["s0", "s1", "s2", "s3"]
    assert len(some_frames(samples, 64, 3)) <= 3
    assert open_faces(folder, PARAMS.train_degrader, Split.TEST) is None
