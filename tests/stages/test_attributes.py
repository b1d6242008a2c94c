"""Stage ``attributes`` on a real photograph."""

import cv2
import numpy as np
import pytest
import skimage.data

from pipeline.ops.codec import encode_png


def test_faces_get_pose_sharpness_light_and_quality(workspace):
    sharp = skimage.data.astronaut()
    images = {"sharp": sharp, "soft": cv2.GaussianBlur(sharp, (0, 0), 2.0)}
    for name, image in images.items():
        path = workspace.path / f"images/anna/{name}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_png(image))
    workspace.need("yunet", "face_mesh_468", "sface")
    workspace.run("ingest", "detect", "align", "attributes")
    rows = workspace.rows("attributes")
    soft, sharp = rows["anna/soft.png"], rows["anna/sharp.png"]
    assert sharp["sharpness"] > 2 * soft["sharpness"]
    assert [sharp[f"{a}_deg"] for a in ("yaw", "pitch", "roll")] == sharp["pose_deg"].tolist()
    assert sharp["quality"] == pytest.approx(float(np.linalg.norm(sharp["embedding"])), rel=1e-5)
    cosine = sharp["embedding"] @ soft["embedding"] / (sharp["quality"] * soft["quality"])
    assert cosine > 0.8
    assert "context" not in sharp
    metrics = workspace.metrics("attributes")
    assert (metrics["in"], metrics["out"]) == (2, 2)
    counts = metrics["separation"]["photographs"]["vis_vis"]  # one subject separates from nobody
    assert counts == {"probes": 2, "gallery": 2, "subjects": 1}
    embeddings = {name: row["embedding"] for name, row in rows.items()}
    workspace.edit(align={"template": "lightcnn144"})
    workspace.run("align", "attributes")
    for name, row in workspace.rows("attributes").items():
        assert np.array_equal(row["embedding"], embeddings[name])  # whatever the template
