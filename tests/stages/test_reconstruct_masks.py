"""From images to masked faces, by the stages."""

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from pipeline.face3d.map_codec import decode_position_map
from pipeline.face3d.position_map import mesh_of_position_map
from pipeline.ops.codec import decode
from pipeline.synthesis.masks.apply import lay_over

CHAIN = ("ingest", "detect", "align", "parse", "parts", "reconstruct")


@pytest.fixture
def astronauts(workspace):
    """Two images, colour and grey, through all stages up to ``reconstruct``."""

    def prepare():
        bgr = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2BGR)
        cv2.imwrite("images/colour.png", bgr)
        deep = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY).astype(np.uint16) * 257
        cv2.imwrite("images/deep.png", deep)
        workspace.need("yunet", "face_mesh_468", "bisenet_r18")
        workspace.edit(parse={"precision": "float32"})
        workspace.run(*CHAIN)

    workspace.once("astronauts", prepare)
    return workspace


def test_faces_are_reconstructed_and_masked(astronauts):
    rows = astronauts.rows("reconstruct")
    assert len(rows) == 2
    for row in rows.values():
        mesh = mesh_of_position_map(decode_position_map(row["position_map"]))
        np.testing.assert_allclose(mesh, row["mesh_xyz"], atol=0.1)
        assert row["residual_percent"] < 15
        assert row["visible_fraction"].min() > 0.5
    assert len(row["position_map"]) < 12288
    astronauts.edit(masks={"designs": ["surgical_blue", "cloth_navy"], "per_face": 2})
    astronauts.run("masks")
    masked = astronauts.rows("masks")
    assert sorted(masked) == sorted(f"{name}#mask{n:03d}" for name in rows for n in (0, 1))
    for name, row in masked.items():
        bare = rows[name.partition("#")[0]]
        before, after = (decode(each["image"]["bytes"]) for each in (bare, row))
        alpha = decode(row["mask_alpha"]["bytes"])
        assert (after[alpha == 0] == before[alpha == 0]).all()
        assert (after != before).any()
        context = decode(bare["context"]["bytes"])
        assert lay_over(context, row["mask_layer"]["bytes"]).shape == context.shape
        assert row["generator"] == f"mask:{row['mask_design']}"
        assert row["parent_id"] == bare["sample_id"]
        assert row["simulated"]
        if row["mask_fit"] == "proper":
            assert row["part_backend"][3] == "none"
            assert row["mouth"] is None
            assert row["mask_coverage"][2] > 0.9
        assert row["part_backend"][:2] == bare["part_backend"][:2]
        assert row["mask_coverage"][0] < 0.1
    for name in rows:  # no design twice while there are others
        worn = {masked[f"{name}#mask{n:03d}"]["mask_design"] for n in (0, 1)}
        assert worn == {"surgical_blue", "cloth_navy"}
    grey = next(name for name in rows if "deep" in name)
    for n in (0, 1):  # and blue is grey in a grey image
        image = decode(masked[f"{grey}#mask{n:03d}"]["image"]["bytes"])
        assert image.ndim == 2 or (image.max(axis=2) == image.min(axis=2)).all()
    metrics = astronauts.metrics("masks")
    assert metrics["pixels_changed_outside"] == 0
    assert metrics["out"] == 4

    follows_its_params(astronauts)


def follows_its_params(astronauts):
    astronauts.edit(masks={"per_face": 1})
    astronauts.run("masks")
    first = astronauts.rows("masks")
    astronauts.edit(masks={"designs": ["kn95_black"], "bands": ["NIR"]})
    run = astronauts.run("masks")
    assert run.summary.computed == 2
    assert set(astronauts.rejected("masks").values()) == {"band_left_out"}
    astronauts.edit(masks={"bands": ["VIS"], "designs": ["surgical_blue"]})
    astronauts.run("masks")
    second = astronauts.rows("masks")
    assert all(row["mask_design"] == "surgical_blue" for row in second.values())
    assert {name: row["seed"] for name, row in first.items()} == {
        name: row["seed"] for name, row in second.items()
    }


def test_faces_without_usable_geometry_are_rejected_with_the_reason(astronauts):
    astronauts.edit(reconstruct={"max_residual_percent": 0.01})
    astronauts.run("reconstruct")
    assert set(astronauts.rejected("reconstruct").values()) == {"mesh_disagrees"}
    details = [row["detail"] for row in astronauts.folder("reconstruct").rejected.rows()]
    assert all("% of the inter-ocular distance apart" in detail for detail in details)
    astronauts.edit(reconstruct={"backend": "truth"})
    astronauts.run("reconstruct")
    assert set(astronauts.rejected("reconstruct").values()) == {"no_geometry"}
