import numpy as np
import pytest

from pipeline.errors import StageError
from pipeline.ops.codec import encode_png
from pipeline.schemas.parts import PARTS as SCHEMA
from pipeline.store import ShardFolder
from pipeline.store.columns import image_columns
from pipeline.store.shards import ShardWriter
from pipeline.training.faces import load_components, load_faces, of_split
from pipeline.types import FACE_PARTS, Band, FaceClass, Split

HW = (8, 8)


def make_image(value, hw=HW):
    data = encode_png(np.full(hw, value, np.uint8))
    return {"bytes": data, "path": "x.png"}


def row(sample_id, subject, band="VIS", split="train", mouth=True, side=8):
    labels = np.full(HW, FaceClass.HAIR, np.uint8)
    labels[4:] = FaceClass.SKIN
    labels[6, 6] = FaceClass.UPPER_LIP
    made = {
        "sample_id": sample_id,
        "parent_id": sample_id,
        "dataset": "d",
        "subject_id": subject,
        "band": band,
        "region": "face",
        "split": split,
        "simulated": False,
        "content_sha256": "",
        "fingerprint": "",
        "template": "t",
        "face_index": 0,
        "face_count": 1,
        "outside_fraction": 0.0,
        "score": 1.0,
        "mesh_presence": 1.0,
        "context": make_image(0),
        "labels": {"bytes": encode_png(labels), "path": "l.png"},
        "parse_backend": "parser",
        "part_backend": ["parser"] * 4,
    }
    made |= image_columns(make_image(7, (side, side))["bytes"], (side, side), "i.png")
    shapes = {"warp_2x3": (2, 3), "context_warp_2x3": (2, 3), "box_xyxy": (4,), "pose_deg": (3,)}
    shapes |= {"landmarks_xy": (5, 2), "detected_xy": (5, 2), "mesh_xyz": (468, 3)}
    shapes |= {"mesh_distance_percent": (4,)}
    shapes |= {"part_boxes_xyxy": (4, 4), "part_windows_xyxy": (4, 4)}
    made |= {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    for index, part in enumerate(FACE_PARTS):
        shown = mouth or part != "mouth"
        made[part] = make_image(index, (4, 4)) if shown else None
        made[f"{part}_mask"] = make_image(255) if shown else None
    return made


@pytest.fixture
def folder(tmp_path):
    def write(*rows):
        made = ShardFolder(tmp_path, 1)
        with ShardWriter(made.shard(0).path, SCHEMA) as shard:
            shard.write(sorted(rows, key=lambda each: each["sample_id"]))
        return made

    return write


TAKEN = of_split(Split.TRAIN, Band.VIS, Band.NIR)


def test_split_band_and_a_known_subject_decide(folder):
    made = folder(
        row("a", "s"),
        row("b", "s", band="NIR"),
        row("c", "s", band="LWIR"),
        row("d", "t", split="test"),
        row("e", None),
    )
    faces = load_faces(made, TAKEN)
    assert faces.sample_ids == ("a", "b")
    assert faces.bands == ("VIS", "NIR")
    assert faces.images.shape == (2, 8, 8, 3)
    assert (faces.images == 7).all()


def test_components_come_in_order_and_a_missing_one_is_empty(folder):
    made = folder(row("a", "s"), row("b", "s", mouth=False))
    faces = load_faces(made, TAKEN)
    components = load_components(made, faces, TAKEN)
    assert components.parts.shape == (2, 4, 4, 4)
    assert components.parts[0, :, 0, 0].tolist() == [0, 1, 2, 3]
    assert components.masks.shape == (2, 5, 8, 8)
    assert components.masks[0, 0].tolist() == [[False] * 8] * 4 + [[True] * 8] * 4
    assert components.masks[:, 1:].all(axis=(2, 3)).tolist() == [[True] * 4, [True] * 3 + [False]]
    assert not components.masks[1, 4].any()


def test_nothing_to_train_on_is_told(folder):
    with pytest.raises(StageError, match="no face of a known subject"):
        load_faces(folder(row("a", "s", split="test")), TAKEN)


def test_crops_of_two_sizes_are_refused(folder):
    with pytest.raises(StageError, match="several sizes"):
        load_faces(folder(row("a", "s"), row("b", "s", side=6)), TAKEN)


def test_components_of_other_faces_are_refused(folder):
    made = folder(row("a", "s"))
    faces = load_faces(made, TAKEN)
    with pytest.raises(StageError, match="other faces"):
        load_components(made, faces, of_split(Split.TEST, Band.VIS))
