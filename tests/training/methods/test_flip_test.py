"""A flip test of bodies and of their faces: what a mirror image is, to each method."""

import numpy as np
import pytest
import torch
from face_rows import png, write_rows
from people_rows import HW, NETWORK, SHORT, body_row
from short_params import PARAMS
from test_deen_method import params as deen_params

from models.deen.network import Deen, Design
from pipeline.ops.codec import decode
from pipeline.schemas.crop_bodies import CROP_BODIES
from pipeline.training.embed_people import open_tested
from pipeline.training.embedders import embed_samples
from pipeline.training.methods import load_method
from pipeline.types import Band


def semantic_vit():
    params = PARAMS.pretrain_bodies["vis"].model_copy(update=SHORT | {"network": NETWORK})
    return load_method("semantic_vit").seeded(params, HW)


def deen():
    torch.manual_seed(3)
    return load_method("deen")(deen_params(), Deen(Design(18)))


def adaface():
    params = PARAMS.pretrain_bodies["face_vis"].model_copy(update=SHORT)
    return load_method("adaface").seeded(params, (112, 112))


def turned(row, name):
    """The same person seen in a mirror, and where the regions lie there."""
    made = row | {"sample_id": name}
    for column in ("image", "face", "body_region_labels"):
        made[column] = png(np.ascontiguousarray(decode(row[column]["bytes"])[:, ::-1]))
    return made


@pytest.mark.parametrize("make", [semantic_vit, deen, adaface])
def test_a_flip_test_cannot_tell_a_body_from_its_mirror_image(make, tmp_path):
    rows = []
    for subject in ("a", "b"):
        row = body_row("frame", subject, Band.VIS, "test")
        labels = np.zeros(HW, np.uint8)
        labels[:16, :8], labels[16:32, 8:], labels[32:, :8] = 1, 2, 3  # nothing lies in the middle
        row["body_region_labels"] = png(labels)
        row["face"] = png(
            np.random.default_rng(len(rows)).integers(0, 255, (112, 112, 3), np.uint8)
        )
        rows += [row | {"sample_id": f"{subject}-0"}, turned(row, f"{subject}-1")]
    method = make()
    tested = open_tested(
        method, write_rows(tmp_path, CROP_BODIES, rows), {row["sample_id"] for row in rows}
    )
    both = tested.named(method.fuse(embed_samples(method, tested.samples, flip=True)))
    alone = tested.named(method.fuse(embed_samples(method, tested.samples)))
    for subject in ("a", "b"):
        one, other = (both[f"{subject}-{n}"] for n in (0, 1))
        np.testing.assert_allclose(one, other, atol=2e-4 * np.abs(one).max())
        one, other = (alone[f"{subject}-{n}"] for n in (0, 1))
        assert np.abs(one - other).max() > 1e-2 * np.abs(one).max()
