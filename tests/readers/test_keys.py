"""One spelling of a key everywhere: ids, paths, bands, however tables and disks write them."""

import unicodedata

import numpy as np
import pytest

from pipeline import testing
from pipeline.errors import ReaderError
from pipeline.ops.codec import encode_png
from pipeline.params.datasets import DatasetParams, IjbMdfParams
from pipeline.protocols import OFFICIAL
from pipeline.protocols.columns import cross_band, shot_of
from pipeline.readers import read_dataset
from pipeline.readers.layout import read_entries, read_lines, read_table
from pipeline.readers.listing import key_of, sample_id_of
from pipeline.types import Split

IMAGE = encode_png(np.zeros((4, 4), np.uint8))
NFC, NFD = unicodedata.normalize("NFC", "Čapek"), unicodedata.normalize("NFD", "Čapek")


def put(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(IMAGE)


def read(root, **values):
    return read_dataset("mine", DatasetParams(reader="folder", root=str(root), shards=1, **values))


def test_a_key_has_one_spelling():
    assert key_of(f" {NFD}\t") == NFC
    assert key_of("0001 ") == "0001"  # zeros stay
    assert sample_id_of(f"{NFD}/1.png") == sample_id_of(f"{NFC}/1.png")


def test_folders_of_one_person_in_several_spellings_are_one_subject(tmp_path):
    put(tmp_path, f"{NFC}/a.png", f"{NFD}/b.png", "0001/a.png", "0001 /b.png")
    rows = {row["path"]: row["subject_id"] for row in read(tmp_path).rows}
    assert rows[f"{NFC}/a.png"] == rows[f"{NFD}/b.png"] == NFC
    assert rows["0001/a.png"] == rows["0001 /b.png"] == "0001"


@pytest.mark.parametrize(("disk", "listed"), [(NFD, NFC), (NFC, NFD), (NFD, NFD)])
def test_a_list_finds_an_image_whose_name_the_disk_spells_otherwise(tmp_path, disk, listed):
    put(tmp_path, f"{disk}.png")
    (tmp_path / "list.csv").write_text(f"path\n{listed}.png\nmissing.png\n", encoding="utf-8")
    (shard,) = [[row for (row,) in read(tmp_path, list="list.csv").shard(0).batches()]]
    found = {row["sample_id"]: row.get("content") for row in shard}
    assert found == {sample_id_of(f"{NFC}.png"): IMAGE, "missing.png": None}


def test_one_image_in_two_spellings_is_refused(tmp_path):
    put(tmp_path, f"a/{NFC}.png", f"a/{NFD}.png")
    with pytest.raises(ReaderError, match="1 sample ids occur twice"):
        read(tmp_path)


def test_media_of_tables_are_found_whatever_their_spelling(replica):
    replica.frames(f"LWIR-30m/{NFD}", [3, 4])
    replica.box(" a ", f"./LWIR-30m/{NFC}", 3)
    replica.box("a", f"LWIR-30m\\{NFD}", 4)
    replica.write(first=("a ", "b"))
    params = DatasetParams(
        reader="ijb_mdf", root=str(replica.root), shards=1, ijb_mdf=IjbMdfParams()
    )
    (row,) = read_dataset("mine", params).rows
    assert row["segment"].frames == (3, 4)
    assert (row["people"].subjects, row["people"].splits) == (("a", "a"), ("train", "train"))


SHOTS = [
    ("anna/vis/1.jpg", "anna/nir/1.png"),
    ("anna/VIS/1.png", "anna/NIR/1.png"),
    ("elvis/vis/1.png", "elvis/nir/1.png"),
    ("anna_1_Vis.png", "anna_1_Nir.png"),
    ("annaVIS1.png", "annaNIR1.png"),
    ("P1/x.VIS", "P1/x.NIR"),
    ("rgb/anna/1.png", "thermal/anna/1.png"),
    ("anna_visible_1.png", "anna_ir_1.png"),
]


@pytest.mark.parametrize(("visible", "infra_red"), SHOTS)
def test_a_pair_is_one_shot_in_whatever_case_its_bands_are(visible, infra_red):
    rows = [
        {"sample_id": name, "subject_id": "anna", "band": band, "split": "test"}
        for name, band in ((visible, "VIS"), (infra_red, "NIR"))
    ]
    assert shot_of(rows[0]) == shot_of(rows[1])
    assert list(cross_band(rows, 7)) == []  # one shot would be its own probe
    assert shot_of(rows[0] | {"sample_id": visible.replace("1", "2").replace("x", "y")}) != shot_of(
        rows[1]
    )


def test_pairs_in_lower_case_folders_do_not_enrol_their_probes(tmp_path):
    names = [f"{band}/anna/{n}.png" for band in ("vis", "nir") for n in range(4)]
    put(tmp_path, *names)
    (protocol,) = cross_band(read(tmp_path, split=Split.TEST).rows, 7)
    enrolled = {name.split("/")[-1] for name in protocol.enroll["sample_id"].to_pylist()}
    probing = {name.split("/")[-1] for name in protocol.probe["sample_id"].to_pylist()}
    assert len(enrolled) == len(probing) == 2
    assert not enrolled & probing


def test_a_list_of_a_header_alone_or_of_nothing_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("SUBJECT_ID,FILENAME\n")
    with pytest.raises(ReaderError, match=r"a\.csv: .*found the header alone"):
        list(read_table(tmp_path / "a.csv", ["SUBJECT_ID"]))
    (tmp_path / "b.txt").write_text("\n\n")
    with pytest.raises(ReaderError, match=r"b\.txt: expected lines with a name, found none"):
        read_entries(tmp_path / "b.txt", str, "a name")


@pytest.mark.parametrize(
    ("reader", "name", "text"),
    [
        ("cfp", "Protocol/Split/FF/01/same.txt", "\n"),
        ("ytf", "splits.txt", ""),
        ("ytf", "splits.txt", "split number, video 1, video 2, is same\n"),
        ("megaface", "megaface_noises.txt", ""),
        ("lamp_hq", "Protocols/train/train_vis1.txt", ""),
        ("ijb_insightface", "meta/ijbc_name_5pts_score.txt", "\r\n"),
        ("arl_vtf", "splits/dev/val0.txt", ""),
        ("tfw", "val/c-indoor.csv", "image,box\n"),
    ],
)
def test_a_list_that_was_not_copied_to_the_end_is_refused_by_every_reader(
    tmp_path, protocols, reader, name, text
):
    getattr(testing, reader)(tmp_path)
    assert (tmp_path / name).is_file()
    (tmp_path / name).write_text(text)
    with pytest.raises(ReaderError, match=f"{name.rpartition('/')[2]}: expected .*, found none"):
        protocols(reader) if reader in OFFICIAL else read_dataset(
            "mine", DatasetParams(reader=reader, root=str(tmp_path), shards=1)
        )


def test_lines_of_lists_are_in_one_spelling(tmp_path):
    (tmp_path / "list.txt").write_text(f"\ufeff {NFD}\\1.png \r\n\r\n", encoding="utf-8")
    assert read_lines(tmp_path / "list.txt") == [(1, f"{NFC}/1.png")]
