"""Two real images of TFW through its reader: each labelled face is measured by the labels.

Lists and folders are made here, images and labels are those of ``real_heat``.
"""

from itertools import chain
from pathlib import Path

import cv2
from real_heat import labelled_files

from pipeline.detection.rows import detect_rows
from pipeline.params.datasets import DatasetParams
from pipeline.params.load import load_params
from pipeline.readers import read_dataset
from pipeline.testing.images import put_text

ROOT = Path(__file__).resolve().parents[2]
PLACES = {"103_1_1_4_450_1": "val/c-indoor", "3312": "train/u-outdoor"}


def write_tfw(root):
    """Write the two images as TFW has them, with the faces whose points are labelled."""
    for label, rgb in labelled_files():
        if place := PLACES.get(label["name"]):
            name = f"{label['name']}.png"
            (root / f"{place}_gray").mkdir(parents=True)
            cv2.imwrite(str(root / f"{place}_gray" / name), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
            lines = [
                ",".join(map(str, [name, *face["box_xyxy"], *chain(*face["landmarks_xy"])]))
                for face in label["faces"]
                if face["landmarks_xy"]
            ]
            put_text(root / f"{place}.csv", ["image,box,points", *lines])


def test_real_faces_of_tfw_are_measured_by_their_boxes_and_points(tmp_path, weight_file):
    write_tfw(tmp_path)
    listing = read_dataset("tfw", DatasetParams(reader="tfw", root=str(tmp_path), shards=1))
    rows = [row | {"image": {"bytes": row["content"]}} for (row,) in listing.shard(0).batches()]
    assert {row["sample_id"]: row.get("subject_id") for row in rows} == {
        "train/u-outdoor/3312/01": None,
        "val/c-indoor/103_1_1_4_450_1/01": "103",
    }
    params = load_params(ROOT / "params.yaml").detect
    describe = detect_rows(params, {"yunet": weight_file("yunet")}, weight_file("face_mesh_468"))
    found = {
        row["sample_id"]: outcome[0] for row, outcome in zip(rows, describe(rows), strict=True)
    }
    print({name: (row["known_face_iou"], row["nme_percent"]) for name, row in found.items()})
    assert all(row["known_face_iou"] > 0.5 for row in found.values())
    assert found["val/c-indoor/103_1_1_4_450_1/01"]["nme_percent"] < 8
    assert found["train/u-outdoor/3312/01"]["nme_percent"] < 16  # 13 px between the eyes
