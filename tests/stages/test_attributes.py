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
        assert np.array_equal(row["embedding"], embeddings[name])  # the template is not its own


def test_a_crop_that_is_the_networks_own_is_embedded_as_opencv_does(workspace):
    """By way of the 512 pixels of the context, the cosine would be 0.98."""
    face = np.array([[201, 103], [246, 104], [221, 126], [201, 141], [243, 142]])
    row = np.concatenate([[0, 0, 0, 0], face.ravel(), [1]]).astype(np.float32)
    theirs = cv2.FaceRecognizerSF.create(str(workspace.weight_file("sface")), "")
    crop = theirs.alignCrop(np.ascontiguousarray(skimage.data.astronaut()[..., ::-1]), row)
    cv2.imwrite("images/crop.png", crop)
    workspace.need("face_mesh_468", "sface")
    workspace.edit(datasets={"mine": {"aligned": "arcface112"}}, align={"template": "arcface112"})
    workspace.run("ingest", "detect", "align", "attributes")
    embedding = workspace.rows("attributes")["crop.png"]["embedding"][None]
    cosine = theirs.match(theirs.feature(crop), embedding, cv2.FaceRecognizerSF_FR_COSINE)
    assert cosine > 0.999
