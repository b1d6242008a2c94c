"""Every format is read back by its own library, holds what it says, and is the same bytes anew."""

import contextlib
import csv
import io
import json
import pickle
import re
import tarfile

import numpy as np
import pytest
from stage_data import SPLITS, align_rows, contents, detect_rows, finished, make_image, write_folder

from pipeline.bodies.ultralytics_offline import ultralytics_module
from pipeline.errors import ExportError
from pipeline.exporters import EXPORTERS
from pipeline.exporters.importing import read_manifest
from pipeline.exporters.names import extension_of, safe_path
from pipeline.exporters.storage import HashedFile, Sink
from pipeline.ops.codec import decode, encode_png
from pipeline.schemas.align import ALIGN
from pipeline.schemas.detect import DETECT
from pipeline.store.executors import Processes

OF_FACES = sorted(EXPORTERS.keys() - {"coco", "yolo"})
WANTED = {
    "lfw_bin": {"pairs": 20, "mix": ("band", "split")},
    "market1501": {"splits": ("train", "test")},
    "llcm": {"splits": ("train", "test")},
}
ROWS = {row["sample_id"]: row for row in align_rows()}


def wanted(form):
    return WANTED.get(form, {})


@pytest.mark.parametrize("form", OF_FACES)
def test_an_export_is_verified_and_says_what_it_is(put, form):
    out = put(form, **wanted(form))
    manifest = read_manifest(str(out))
    assert manifest.verified_with
    expected = [
        r for r in ROWS.values() if r["split"] in wanted(form).get("splits", SPLITS.values())
    ]
    assert manifest.rows == len(expected)
    assert manifest.simulated["rows"] == sum(row["simulated"] for row in expected)
    assert manifest.licences["MIT"] == sum(row["licence"] == "MIT" for row in expected)
    assert manifest.licences["unknown"] == sum(row["licence"] is None for row in expected)
    found = contents(out)
    del found["manifest.json"]
    assert {entry.path: entry.bytes for entry in manifest.files} == {
        path: len(data) for path, data in found.items()
    }
    assert not [path for path in out.parent.iterdir() if path.name.startswith(f".{out.name}.p")]


@pytest.mark.parametrize("form", sorted(EXPORTERS))
def test_the_same_rows_give_the_same_bytes(put, tmp_path, align, detect, form):
    rows = {"source": align if form in OF_FACES else detect, "verify": False, **wanted(form)}
    first = contents(put(form, **rows))
    again = contents(put(form, to=tmp_path / "again", **rows))
    assert first == again


def test_workers_give_the_same_bytes(put, tmp_path):
    alone = contents(put("webdataset", verify=False))
    many = contents(put("webdataset", to=tmp_path / "many", executor=Processes(2), verify=False))
    assert alone == many


@pytest.mark.parametrize("form", ["webdataset", "lists", "recordio", "parquet"])
def test_the_image_may_be_another_column(put, form):
    out = put(form, image="context")
    assert read_manifest(str(out)).image == "context"
    if form == "lists":
        images = [path.read_bytes() for path in (out / "images").rglob("*.jpg")]
        assert sorted(images) == sorted(row["context"]["bytes"] for row in ROWS.values())


@pytest.mark.parametrize("form", ["webdataset", "folder", "parquet", "lmdb"])
def test_columns_limit_what_goes_along_but_never_licence_and_origin(put, form):
    out = put(form, columns=("subject_id", "pose_deg"))
    names = [column["name"] for column in read_manifest(str(out)).columns]
    assert names == [
        "sample_id",
        "subject_id",
        "image",
        "generator",
        "simulated",
        "licence",
        "pose_deg",
    ]


def test_webdataset_keeps_a_row_together_and_counts_labels_by_split(put):
    out = put("webdataset")
    first = sorted(out.glob("test-00000-of-*.tar"))[0]
    with tarfile.open(first) as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar}
        assert {(member.mtime, member.uid, member.gid) for member in tar} == {(0, 0, 0)}
    (sample_id, row), *_ = [(i, r) for i, r in ROWS.items() if f"{safe_path(i)}.json" in members]
    key = safe_path(sample_id)
    assert members[f"{key}.{extension_of(row['image']['bytes'])}"] == row["image"]["bytes"]
    assert members[f"{key}.context.jpg"] == row["context"]["bytes"]
    assert members[f"{key}.cls"] == b"0"
    assert json.loads(members[f"{key}.json"])["seed"] == row["seed"]
    assert (out / "subjects.csv").read_text().splitlines()[1:] == [
        "test,0,dora",
        "train,0,anna",
        "train,1,bob/../x",
        'validation,0,"Čapek, K."',
    ]


def test_a_folder_has_one_class_a_subject_and_no_name_climbs(put):
    out = put("folder")
    classes = [p.name for p in (out / "images/train").iterdir() if p.is_dir()]
    assert sorted(classes) == ["anna", "bob%2F..%2Fx"]
    with (out / "metadata.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows:
        original = ROWS[row["sample_id"]]
        assert (out / row["file_name"]).read_bytes() == original["image"]["bytes"]
        assert json.loads(row["pose_deg"]) == pytest.approx(original["pose_deg"].tolist())


def test_datasets_loads_a_parquet_export_with_its_card(put, tmp_path):
    import datasets

    out = put("parquet")
    loaded = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    assert {name: split.num_rows for name, split in loaded.items()} == {
        "test": 6,
        "train": 12,
        "validation": 6,
    }
    sample = loaded["train"][0]
    original = ROWS[sample["sample_id"]]
    assert np.array_equal(np.asarray(sample["image"]), decode(original["image"]["bytes"]))
    assert np.array_equal(np.float32(sample["warp_2x3"]), original["warp_2x3"])
    assert sample["context"].size == (32, 32)
    card = (out / "README.md").read_text()
    assert "license: other" in card
    assert "**12 of 24 rows (50.0%) are simulated**" in card


def test_croissant_reads_arrays_and_images_by_its_metadata(put):
    import mlcroissant

    out = put("croissant")
    records = list(mlcroissant.Dataset(str(out / "croissant.json")).records("rows"))
    assert len(records) == 24
    original = ROWS[records[0]["rows/sample_id"].decode()]
    assert np.array_equal(np.float32(records[0]["rows/landmarks_xy"]), original["landmarks_xy"])
    assert records[0]["rows/image"].size == (24, 24)


def test_lfw_bin_unpickles_to_pairs_of_which_half_are_genuine(put):
    out = put("lfw_bin", pairs=40, seed=3, mix=("band", "split"))
    with (out / "pairs.bin").open("rb") as file:
        bins, same = pickle.load(file, encoding="bytes")
    rows = list(csv.DictReader((out / "pairs.csv").read_text().splitlines()))
    assert (len(bins), len(same), sum(same)) == (80, 40, 20)
    assert all(type(flag) is bool for flag in same)
    for index, row in enumerate(rows):
        first, second = ROWS[row["first"]], ROWS[row["second"]]
        assert bins[2 * index] == first["image"]["bytes"]
        assert bins[2 * index + 1] == second["image"]["bytes"]
        assert same[index] == (first["subject_id"] == second["subject_id"])
    assert len({(row["first"], row["second"]) for row in rows}) == 40


def test_more_pairs_than_exist_are_refused(put):
    with pytest.raises(ExportError, match="there are 60 genuine and 216 impostor pairs"):
        put("lfw_bin", pairs=122, mix=("band", "split"))


def test_pairs_of_several_bands_or_splits_are_drawn_only_when_asked(put):
    with pytest.raises(ExportError, match=r"several bands \(NIR, VIS\).* or ask .*--mix band"):
        put("lfw_bin", pairs=4)
    with pytest.raises(ExportError, match=r"splits \(test, train, validation\).*--split valid"):
        put("lfw_bin", pairs=4, where="band = 'VIS'")
    with pytest.raises(ExportError, match="--mix camera: expected any of band, split"):
        put("lfw_bin", pairs=4, mix=("camera",))
    out = put("lfw_bin", pairs=4, where="band = 'VIS'", splits=("train",))
    rows = list(csv.DictReader((out / "pairs.csv").read_text().splitlines()))
    of_pairs = [ROWS[row[side]] for row in rows for side in ("first", "second")]
    assert {(row["band"], row["split"]) for row in of_pairs} == {("VIS", "train")}


def test_market_names_parse_as_torchreid_parses_them(put):
    out = put("market1501", splits=("train", "test"))
    pattern = re.compile(r"([-\d]+)_c(\d)")
    found = {}
    for folder in ("bounding_box_train", "query", "bounding_box_test"):
        names = [path.name for path in (out / folder).glob("*.jpg")]
        found[folder] = [tuple(map(int, pattern.search(name).groups())) for name in names]
        assert all((out / folder / name).read_bytes()[:2] == b"\xff\xd8" for name in names)
    assert {pid for pid, _ in found["bounding_box_train"]} == {1, 2}
    assert sorted(found["query"]) == [(3, 1), (3, 2)]
    assert len(found["bounding_box_test"]) == 4
    assert (out / "cameras.csv").read_text() == "number,camera_id,band\n1,,NIR\n2,,VIS\n"


def test_a_validation_split_has_no_place_in_market_and_llcm(put):
    for form in ("market1501", "llcm"):
        with pytest.raises(ExportError, match="--split train --split test"):
            put(form)


def test_rows_without_train_and_test_are_not_told_to_choose_them(put, tmp_path):
    without = [finished(row | {"split": None}) for row in align_rows()]
    source = write_folder(tmp_path / "without", without, ALIGN)
    message = r"LLCM has only train and test, .* split none: give each image a `split` in a list"
    with pytest.raises(ExportError, match=message):
        put("llcm", source=source)
    validation = [finished(row | {"split": "validation"}) for row in align_rows()]
    source = write_folder(tmp_path / "validation", validation, ALIGN)
    for form in ("market1501", "llcm"):
        with pytest.raises(ExportError, match=r"have split validation: give each image a `split`"):
            put(form, source=source)


def test_llcm_lists_lead_to_the_images(put):
    out = put("llcm", splits=("train", "test"))
    for band in ("vis", "nir"):
        lines = (out / f"idx/train_{band}.txt").read_text().splitlines()
        assert len(lines) == 6
        assert {line.split(" ")[1] for line in lines} == {"0", "1"}
        assert all((out / line.split(" ")[0]).exists() for line in lines)
    assert (out / "idx/test_id.txt").read_text() == "3\n"
    assert len(list(out.glob("test_vis/cam2/0003/*"))) == 3


def test_lists_are_those_of_lightcnn_and_dvg(put):
    out = put("lists")
    assert len((out / "gallery.txt").read_text().splitlines()) == 3
    for line in (out / "train_domains.txt").read_text().splitlines():
        path, label, domain = line.split(" ")
        assert (out / "images" / path).exists()
        assert label in ("0", "1")
        assert domain == ("1" if "VIS" in path else "0")
    lines = (out / "train_domains.txt").read_text().splitlines()
    plain = [line.rpartition(" ")[0] for line in lines]
    assert (out / "train.txt").read_text().splitlines() == plain


def test_coco_loads_with_boxes_cut_at_the_border(put, detect):
    from pycocotools.coco import COCO

    out = put("coco", source=detect)
    boxes, subjects = {}, {}
    for file in (out / "annotations").iterdir():
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO(str(file))
        for image in coco.imgs.values():
            boxes[image["sample_id"]] = coco.imgToAnns[image["id"]]
            subjects[image["sample_id"]] = image["subject_id"]
    assert {name: len(found) for name, found in boxes.items()} == {
        row["sample_id"]: len(row["faces"]) for row in detect_rows()
    }
    assert subjects == {row["sample_id"]: row["subject_id"] for row in detect_rows()}
    (cut,) = [found[0] for name, found in boxes.items() if "s4." in name]
    assert cut["bbox"] == [0.0, 0.0, 8.5, 8.5]
    assert cut["keypoints"][:6] == [0, 0, 0, 16, 8, 2]
    assert cut["num_keypoints"] == 4


def test_yolo_passes_ultralytics_own_check(put, detect):
    check_det_dataset = ultralytics_module("ultralytics.data.utils").check_det_dataset
    out = put("yolo", source=detect)
    data = check_det_dataset(str(out / "data.yaml"), autodownload=False)
    assert (data["names"], data["kpt_shape"], data["flip_idx"]) == (
        {0: "face"},
        [5, 3],
        [1, 0, 2, 4, 3],
    )
    label = next(out.glob("labels/*/b/s1*.txt")).read_text().split()
    # box 2.25 3 20.5 22 in 24 x 24: from 2.75 3.5 to 21 22.5 of the image's corner
    expected = [0, 11.875 / 24, 13 / 24, 18.25 / 24, 19 / 24, 6.5 / 24, 8.5 / 24, 2]
    assert [float(number) for number in label[:8]] == pytest.approx(expected, abs=1e-5)


def test_a_box_that_moved_on_the_way_to_yolo_does_not_pass(put, detect, monkeypatch):
    true_put = Sink.put

    def moved(self, path, data):
        true_put(self, path, data.replace(b"0 0.494792 ", b"0 0.494793 "))

    monkeypatch.setattr(Sink, "put", moved)
    with pytest.raises(ExportError, match="does not read back: the boxes of"):
        put("yolo", source=detect)


@pytest.mark.parametrize("form", ["coco", "yolo"])
def test_a_stage_without_boxes_is_refused_by_name(put, form):
    with pytest.raises(ExportError, match="expected boxes in a column of faces"):
        put(form)


@pytest.mark.parametrize("form", ["coco", "yolo"])
def test_boxes_go_with_no_other_image_than_theirs(put, form, tmp_path):
    labels = {"bytes": encode_png(make_image(1)[..., 0]), "path": "labels.png"}
    rows = [finished(row | {"truth_labels": labels}) for row in detect_rows()]
    source = write_folder(tmp_path / "labelled", rows, DETECT)
    with pytest.raises(ExportError, match=r"boxes in pixels of the column image.*'truth_labels'"):
        put(form, source=source, image="truth_labels")


def test_an_unknown_format_column_or_image_is_refused(put):
    with pytest.raises(ExportError, match="expected one of folder, webdataset"):
        put("zip")
    with pytest.raises(ExportError, match="has no column 'pictre'"):
        put("folder", image="pictre")
    with pytest.raises(ExportError, match="'band' holds string, expected images"):
        put("folder", image="band")


def test_rows_without_the_image_are_refused_with_their_number(put, parts):
    with pytest.raises(ExportError, match="12 of 24 rows have no image 'left_eye'"):
        put("folder", source=parts, image="left_eye")
    out = put("folder", source=parts, image="left_eye", where="left_eye is not null")
    assert read_manifest(str(out)).rows == 12


@pytest.mark.parametrize("form", ["folder", "webdataset", "lists", "llcm"])
def test_what_was_changed_on_the_way_does_not_pass(put, form, monkeypatch):
    flipped = []

    def spoil(data):
        if b"PNG" in data[:8] and not flipped:
            flipped.append(1)
            return data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]
        return data

    true_put, true_write = Sink.put, HashedFile.write
    monkeypatch.setattr(Sink, "put", lambda self, path, data: true_put(self, path, spoil(data)))
    monkeypatch.setattr(HashedFile, "write", lambda self, data: true_write(self, spoil(data)))
    with pytest.raises(ExportError, match="does not read back"):
        put(form, **wanted(form))
    assert flipped
