"""Rows of ``attributes``, ``poses`` and ``degrade``: real faces and what was made of them."""

from itertools import cycle

import numpy as np
from face_rows import face_row, png, write_rows

from pipeline.schemas.attributes import ATTRIBUTES
from pipeline.schemas.degrade import DEGRADE
from pipeline.schemas.poses import POSES

HW = (169, 137)
YAWS = (0.0, 1.0, 30.0)
SCHEMAS = {"attributes": ATTRIBUTES, "poses": POSES, "degrade": DEGRADE}


def with_crop(row, mark=0):
    """Add DMFR's crop: the subject's texture, with a mark in a corner where it was made."""
    look = np.random.default_rng(sum(map(ord, row["subject_id"])) * 7919)
    noise = np.random.default_rng(sum(map(ord, row["sample_id"])))
    texture = np.kron(look.integers(0, 200, (11, 9)), np.ones((16, 16)))[: HW[0], : HW[1]]
    crop = (texture + noise.integers(0, 20, HW)).astype(np.uint8)
    crop[60:100, 40:80] += np.uint8(mark)
    return row | {"dmfr": png(np.repeat(crop[..., None], 3, 2))}


def made_of(row, name, generator, **columns):
    """A row of what a generator made of a real one."""
    made = face_row(f"{row['sample_id']}#{name}", row["subject_id"], "VIS", row["split"])
    made |= {"parent_id": row["sample_id"], "generator": generator, "simulated": True} | columns
    return with_crop(made, mark=35)


def rows_of(subjects, split="train", each=2, yaws=YAWS):
    """Rows by stage: so many real faces of each subject, each turned and degraded."""
    real = [
        with_crop(face_row(f"{s}.{n}.VIS", s, "VIS", split)) | {"generator": own}
        for s in subjects
        for n, own in zip(range(each), cycle([None, "openpeople"]), strict=False)
    ]
    turned = [
        made_of(row, f"pose{yaw:g}", "head_mesh", yaw_added_deg=yaw, pitch_added_deg=0.0)
        for row in real
        for yaw in yaws
    ]
    worse = [made_of(row, name, name) for row in real for name in ("cyclegan", "photometric")]
    return {"attributes": real, "poses": turned, "degrade": worse}


def folders_of(path, rows):
    """Write rows by stage; returns the folders by stage."""
    return {stage: write_rows(path / stage, SCHEMAS[stage], mine) for stage, mine in rows.items()}
