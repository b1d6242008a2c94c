"""Exports are opened by the programs that people use, called as those people call them."""

import csv
import re
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from stage_data import align_rows, detect_rows, finished, make_image, write_folder

from pipeline.bodies.ultralytics_offline import ultralytics_module
from pipeline.errors import ExportError
from pipeline.exporters.importing import read_manifest
from pipeline.exporters.storage import check_files
from pipeline.ops.codec import encode_jpeg, encode_png
from pipeline.schemas.align import ALIGN
from pipeline.schemas.detect import DETECT


def changed(rows, change):
    return [finished(row | change(number, row)) for number, row in enumerate(rows)]


def test_ultralytics_finds_a_label_for_each_image_whatever_folders_are_called(put, tmp_path):
    names = ("images", "labels", "a")
    rows = changed(detect_rows(), lambda n, row: {"sample_id": f"{names[n % 3]}/images/s{n}.jpg"})
    source = write_folder(tmp_path / "images/set", rows, DETECT)
    out = put("yolo", source=source, to=tmp_path / "images/out")
    images = [*(out / "images").rglob("*.png"), *(out / "images").rglob("*.jpg")]
    labels = ultralytics_module("ultralytics.data.utils").img2label_paths(map(str, images))
    assert len(images) == len(rows)
    assert all(Path(label).is_file() for label in labels)


def test_imagefolder_of_hugging_face_takes_each_row_once_with_its_columns(put, tmp_path):
    import datasets

    rows = changed(align_rows(), lambda n, row: {"subject_id": f"{n % 4:04d}"})
    out = put("folder", source=write_folder(tmp_path / "set", rows, ALIGN))
    loaded = datasets.load_dataset(
        "imagefolder", data_dir=str(out), cache_dir=str(tmp_path / "cache")
    )
    assert {name: split.num_rows for name, split in loaded.items()} == {
        "train": 12,
        "validation": 6,
        "test": 6,
    }
    kept = {row["sample_id"]: row for row in rows}
    for row in loaded["train"]:
        original = kept[row["sample_id"]]
        assert row["subject_id"] == original["subject_id"]
        assert row["image"].size == (24, 24)


@pytest.mark.parametrize("splits", [(None,), ("train", None, "test")])
def test_imagefolder_takes_rows_without_a_split_as_those_that_train(put, tmp_path, splits):
    import datasets

    rows = changed(
        align_rows(),
        lambda n, row: {"subject_id": f"{n % 4:04d}", "split": splits[n % len(splits)]},
    )
    out = put("folder", source=write_folder(tmp_path / "set", rows, ALIGN))
    loaded = datasets.load_dataset(
        "imagefolder", data_dir=str(out), cache_dir=str(tmp_path / "cache")
    )
    train = {row["sample_id"]: row for row in rows if row["split"] != "test"}
    assert {row["sample_id"] for row in loaded["train"]} == train.keys()
    assert sum(split.num_rows for split in loaded.values()) == len(rows)
    for row in loaded["train"]:
        assert row["subject_id"] == train[row["sample_id"]]["subject_id"]
        assert row["image"].size == (24, 24)


@pytest.mark.parametrize("form", ["parquet", "croissant"])
@pytest.mark.parametrize("splits", [(None,), ("train", None, "test")])
def test_datasets_loads_rows_without_a_split_as_those_that_train(put, tmp_path, splits, form):
    import datasets

    rows = changed(align_rows(), lambda n, row: {"split": splits[n % len(splits)]})
    out = put(form, source=write_folder(tmp_path / "set", rows, ALIGN))
    loaded = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    train = {row["sample_id"]: row for row in rows if row["split"] != "test"}
    assert sorted(loaded["train"]["sample_id"]) == sorted(train)
    assert sum(split.num_rows for split in loaded.values()) == len(rows)
    for row in loaded["train"]:
        assert row["split"] == train[row["sample_id"]]["split"]
        assert row["image"].size == (24, 24)


@pytest.mark.filterwarnings("ignore")  # webdataset leaves its files to the collector
def test_the_documented_loop_passes_over_rows_without_a_subject(put, tmp_path):
    import webdataset

    rows = changed(align_rows(), lambda n, row: {"subject_id": None} if n % 8 == 0 else {})
    out = put("webdataset", source=write_folder(tmp_path / "set", rows, ALIGN))
    tars = sorted(map(str, out.glob("train-*.tar")))
    found = webdataset.WebDataset(tars, shardshuffle=False).decode("torchrgb")
    found = found.select(lambda row: "cls" in row).to_tuple("png;jpg", "cls")
    named = sum(row["split"] == "train" and row["subject_id"] is not None for row in rows)
    assert sum(1 for _ in found) == named == 9
    nobody = sum(row["subject_id"] is None for row in rows)
    assert read_manifest(str(out)).used == {"rows": 24, "labelled": 24 - nobody}


def test_a_tables_text_stays_text_in_pandas_as_documented(put, tmp_path):
    import pandas

    rows = changed(align_rows(), lambda n, row: {"subject_id": f"{n % 4:04d}"})
    source = write_folder(tmp_path / "set", rows, ALIGN)
    out = put("folder", source=source)
    known = {row["sample_id"]: row["subject_id"] for row in rows}
    table = pandas.read_csv(out / "metadata.csv", dtype=str)
    assert dict(zip(table["sample_id"], table["subject_id"], strict=True)) == known
    for split in ("train", "validation", "test"):  # which needs no telling
        table = pandas.read_parquet(out / f"images/{split}/metadata.parquet")
        found = zip(table["sample_id"], table["subject_id"], strict=True)
        assert all(known[name] == subject for name, subject in found)
    out = put("market1501", source=source, splits=("train", "test"))
    table = pandas.read_csv(out / "subjects.csv", dtype=str)
    assert sorted(table["subject_id"].dropna()) == ["0000", "0001", "0002"]


@pytest.mark.filterwarnings("ignore")  # ultralytics warns of images as small as these
def test_ultralytics_trains_on_all_boxes_of_a_folder_below_images(put, tmp_path):
    rows = changed(detect_rows(), lambda n, row: {"sample_id": f"images/s{n}.jpg"})
    source = write_folder(tmp_path / "images/set", rows, DETECT)
    out = put("yolo", source=source, to=tmp_path / "images/out")
    data = ultralytics_module("ultralytics.data.utils").check_det_dataset(
        str(out / "data.yaml"), autodownload=False
    )
    from ultralytics.data.dataset import YOLODataset  # after it was told to ask no host

    splits = {"train", "val", "test"} & data.keys()
    found = [YOLODataset(img_path=data[split], data=data, task="pose").labels for split in splits]
    counts = sorted(len(label["bboxes"]) for labels in found for label in labels)
    # it takes equal boxes once
    assert counts == sorted(len({tuple(f["box_xyxy"]) for f in row["faces"]}) for row in rows)


def test_torchvision_finds_a_class_for_each_subject(put):
    from torchvision.datasets import ImageFolder

    found = ImageFolder(str(put("folder") / "images/train"))
    assert (found.classes, len(found)) == (["anna", "bob%2F..%2Fx"], 12)
    assert found[0][0].size == (24, 24)


def test_mlcroissant_has_nothing_to_say(put):
    import mlcroissant

    loaded = mlcroissant.Dataset(str(put("croissant") / "croissant.json"))
    assert not loaded.metadata.ctx.issues.warnings
    assert not loaded.metadata.ctx.issues.errors


def market(folder):
    """Images as torchreid and fast-reid take them: subject and camera, with their checks."""
    found = {}
    for name in ("bounding_box_train", "query", "bounding_box_test"):
        paths = sorted((folder / name).glob("*.jpg"))
        read = [re.search(r"([-\d]+)_c(\d)", path.name).groups() for path in paths]
        found[name] = [(int(subject), int(camera)) for subject, camera in read]
        assert all(0 <= subject <= 1501 for subject, _ in found[name])
        assert all(1 <= camera <= 6 for _, camera in found[name])
    return found


@pytest.mark.parametrize("images", [(3, 3), (1, 3), (1, 1), (2, 1, 1), (1, 1, 1)])
def test_each_query_of_market_has_a_mate_under_another_camera(put, tmp_path, images):
    rows = []
    for number, row in enumerate(align_rows()):
        cameras = [camera for camera, count in enumerate(images) for _ in range(count)]
        if number < len(cameras):
            known = {"subject_id": "dora", "split": "test", "camera_id": f"c{cameras[number]}"}
            rows.append(finished(row | known))
    out = put("market1501", source=write_folder(tmp_path / "set", rows, ALIGN))
    found = market(out)
    assert found["query"]
    assert len(found["query"]) + len(found["bounding_box_test"]) == sum(images)
    queries = len(found["query"])
    used = {"train": 0, "query": queries, "gallery": sum(images) - queries}
    assert read_manifest(str(out)).used == used
    for subject, camera in found["query"]:
        gallery = found["bounding_box_test"]
        assert any(who == subject and under != camera for who, under in gallery)


def test_what_market_can_hold_nobody_to_find_in_is_refused(put, tmp_path):
    rows = changed(align_rows(), lambda n, row: {"camera_id": "one", "split": "test"})
    source = write_folder(tmp_path / "set", rows, ALIGN)
    with pytest.raises(ExportError, match="no query has anything to find"):
        put("market1501", source=source)
    rows = changed(align_rows(), lambda n, row: {"camera_id": f"c{n % 7}", "split": "test"})
    with pytest.raises(ExportError, match="7 cameras, but the layout has room for 6"):
        put("market1501", source=write_folder(tmp_path / "more", rows, ALIGN))


def deens_images(folder, kind, numbers):
    """The test images that DEEN's ``data_manager.py`` finds under these cameras."""
    ids = (folder / "idx/test_id.txt").read_text().splitlines()[0].split(",")
    places = (folder / f"test_{kind}/cam{n}/{int(i):04d}" for i in ids for n in numbers)
    return [path for place in places if place.is_dir() for path in place.iterdir()]


@pytest.mark.parametrize("cameras", ["abc", "123456789"])
def test_deens_loader_finds_each_test_image_under_its_cameras(put, tmp_path, cameras):
    taken = {"NIR": cycle(cameras.replace("3", "")), "VIS": cycle(cameras)}
    rows = []
    for number, row in enumerate(align_rows() * 2):
        camera = next(taken[row["band"]])
        name = f"{number}/{row['sample_id']}"
        rows.append(finished(row | {"sample_id": name, "camera_id": camera, "split": "test"}))
    out = put("llcm", source=write_folder(tmp_path / "set", rows, ALIGN))
    count = {band: sum(row["band"] == band for row in rows) for band in ("VIS", "NIR")}
    assert len(deens_images(out, "vis", range(1, 10))) == count["VIS"]
    assert len(deens_images(out, "nir", (1, 2, 4, 5, 6, 7, 8, 9))) == count["NIR"]
    for path in out.glob("test_*/cam*/*/*"):
        camera = path.parts[-3][-1]
        assert int(path.name.split("_c")[1][:2]) == int(camera)
    if len(cameras) == 9:  # those of LLCM itself keep their numbers
        named = {row["sample_id"]: row["camera_id"] for row in rows}
        for path, sample in csv.reader((out / "rows.csv").read_text().splitlines()[1:]):
            assert path.split("/")[1] == f"cam{named[sample]}"


@pytest.mark.parametrize(("band", "cameras", "room"), [("VIS", 10, 9), ("NIR", 9, 8)])
def test_more_cameras_than_deens_loader_knows_are_refused(put, tmp_path, band, cameras, room):
    rows = changed(
        align_rows(),
        lambda n, row: {"camera_id": f"c{n % cameras}", "split": "test", "band": band},
    )
    with pytest.raises(ExportError, match=f"{cameras} cameras, but the layout has room for {room}"):
        put("llcm", source=write_folder(tmp_path / "set", rows, ALIGN))


def test_an_image_that_ultralytics_would_restore_stays_as_it_is(put, tmp_path):
    data = encode_jpeg(make_image(3), 90) + b"what a phone leaves"
    image = {"image": {"bytes": data, "path": "x.jpg"}}
    source = write_folder(tmp_path / "set", changed(detect_rows(), lambda n, row: image), DETECT)
    out = put("yolo", source=source)
    check_files(out, read_manifest(str(out)).files)
    assert {path.read_bytes() for path in out.glob("images/**/*.jpg")} == {data}


def test_names_with_many_blanks_fit_a_disk_and_the_lists(put, tmp_path):
    words = "a b " * 50
    rows = changed(align_rows(), lambda n, row: {"subject_id": f"{words}{n % 2}", "split": "train"})
    out = put("lists", source=write_folder(tmp_path / "set", rows, ALIGN))
    lines = (out / "train.txt").read_text().splitlines()
    assert len({line.split(" ")[0] for line in lines}) == len(rows)
    assert all((out / "images" / line.split(" ")[0]).is_file() for line in lines)


def test_images_of_llcm_are_what_deens_loader_takes(put, tmp_path):
    grey = encode_png(np.arange(576, dtype=np.uint8).reshape(24, 24))
    rows = changed(
        align_rows(),
        lambda n, row: {"image": {"bytes": grey, "path": "x.png"}} if row["band"] == "NIR" else {},
    )
    source = write_folder(tmp_path / "set", rows, ALIGN)
    out = put("llcm", source=source, splits=("train", "test"))
    images = [*out.rglob("*.png"), *out.rglob("*.jpg")]
    assert len(images) == 18
    for path in images:  # as DEEN's data_loader.py: no mode is asked for
        assert np.array(Image.open(path).resize((144, 384))).shape == (384, 144, 3)
