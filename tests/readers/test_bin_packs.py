"""Reader ``bin_packs``: InsightFace's verification packs, read and never executed."""

import io
import pickle
import pickletools
import struct

import numpy as np
import pytest

from pipeline import testing
from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers import read_dataset
from pipeline.readers.bin_packs import read_pack
from pipeline.testing.images import image_bytes

IMAGES = [image_bytes(f"p/{n}", ".jpg") for n in range(4)]


def contents(root):
    params = DatasetParams(reader="bin_packs", root=str(root), shards=2)
    listing = read_dataset("mine", params)
    return {
        r["sample_id"]: r for i in range(2) for batch in listing.shard(i).batches() for r in batch
    }


def python_2(images, same):
    """A pack as Python 2 wrote it: texts of bytes, by the letter of pickle's description."""
    out = io.BytesIO(b"\x80\x02]q\x01(")
    out.seek(0, io.SEEK_END)
    for number, image in enumerate(images):
        out.write(b"T" + struct.pack("<i", len(image)) + image + b"q" + bytes([10 + number]))
    out.write(
        b"e]q\x02(" + b"".join(b"\x88" if each else b"\x89" for each in same) + b"e\x86q\x03."
    )
    return out.getvalue()


def arrays(images):
    return [np.frombuffer(image, np.uint8) for image in images]


PACKS = {
    "protocol 3": pickle.dumps((IMAGES, [True, False]), 3),
    "protocol 4": pickle.dumps((IMAGES, [True, False]), 4),
    "protocol 5": pickle.dumps((IMAGES, [True, False]), 5),
    "short": pickle.dumps(([b"abc", b"d", b"", b"e"], [1, 0]), 4),
    "python 2": python_2(IMAGES, [True, False]),
    "a list": pickle.dumps([IMAGES, (True, False)], 4),
    "numpy's arrays": pickle.dumps((arrays(IMAGES), [True, False]), 4),
    "numpy's arrays, 5": pickle.dumps((arrays(IMAGES), [True, False]), 5),
    "numpy's truths": pickle.dumps((IMAGES, np.array([True, False])), 4),
    "numpy's single truths": pickle.dumps((IMAGES, list(np.array([True, False]))), 4),
    "one image twice": pickle.dumps(([IMAGES[0]] * 2 + IMAGES[2:], [True, False]), 4),
}


def content_of(folder, data):
    """The images of a pack of these bytes, and who is the same, as the reader finds them."""
    (folder / "lfw.bin").write_bytes(data)
    pack = read_pack(folder / "lfw.bin", "lfw")
    return [data[span.start : span.start + span.length] for span in pack.images], pack.same


@pytest.mark.parametrize("data", PACKS.values(), ids=PACKS)
def test_a_pack_is_what_pickle_makes_of_it(tmp_path, data):
    images, same = pickle.loads(data, encoding="bytes")
    assert content_of(tmp_path, data) == ([bytes(image) for image in images], [True, False])
    assert [bool(each) for each in same] == [True, False]


def test_each_image_is_a_face_of_nobody_known(tmp_path):
    testing.bin_packs(tmp_path, pairs=10, names=("lfw", "agedb_30"))
    rows = contents(tmp_path)
    assert len(rows) == 40
    row = rows["agedb_30/00013"]
    assert row["content"] == image_bytes("agedb_30/13", ".jpg")
    assert (row["region"], row["band"], row.get("subject_id")) == ("face", "VIS", None)


def test_folds_are_the_packs_order_cut_as_scikit_learn_does(tmp_path, protocols):
    from sklearn.model_selection import KFold

    testing.bin_packs(tmp_path, pairs=23, names=("cfp_fp",))
    made = protocols("bin_packs")["cfp_fp"]
    for number, (_, test) in enumerate(KFold(10).split(np.arange(23)), 1):
        listed = made.fold(number).match.to_pylist()
        assert [int(each["enroll_template_id"][-5:]) // 2 for each in listed] == test.tolist()
        assert [each["same"] for each in listed] == [pair % 4 < 2 for pair in test]
        assert all(
            int(each["probe_template_id"][-5:]) - int(each["enroll_template_id"][-5:]) == 1
            for each in listed
        )


class Evil:
    def __reduce__(self):
        return print, ("executed",)


BROKEN = {
    "a call": (pickle.dumps(([Evil()] * 4, [True, False])), "a call of 'builtins print'"),
    "a dictionary": (pickle.dumps({"bins": IMAGES}), "the step 'EMPTY_DICT'"),
    "cut": (PACKS["protocol 4"][:-40], "found "),
    "no pickle": (b"no pickle at all", "expected a pickle of images"),
    "empty": (b"", "expected a pickle of images"),
    "too few images": (pickle.dumps((IMAGES[:3], [True, False])), "found 3 images and 2 pairs"),
    "no pairs": (pickle.dumps(([], [])), "found 0 images and 0 pairs"),
    "texts": (pickle.dumps((["a", "b"], [True])), "found no images and 1 pairs"),
    "other truths": (pickle.dumps((IMAGES, [2, 0])), "found 4 images and no pairs"),
    "a length beyond the file": (
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"abc",
        "expected a pickle",
    ),
    "a far place of the memory": (b"\x80\x02]r\xff\xff\xff\x7f.", "expected a pickle of"),
}


@pytest.mark.parametrize(("data", "message"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_pack_is_refused_and_not_executed(tmp_path, capsys, data, message):
    (tmp_path / "lfw.bin").write_bytes(data)
    with pytest.raises(ReaderError, match=r"lfw\.bin: expected") as error:
        read_pack(tmp_path / "lfw.bin", "lfw")
    assert message in str(error.value)
    assert capsys.readouterr().out == ""


def steps_and_images(data):
    """Where each step of a pickle of numpy's arrays stands, and each image begins."""
    ndarray = data.index(b"ndarray\x94\x93") + 8  # the step that names a class nobody asks for
    steps = {place for _, _, place in pickletools.genops(data)} - {ndarray}
    return steps | {data.index(image) for image in IMAGES}


def all_but_version_and_frame(data):
    """Where each byte stands but the protocol's number and the frame's length: none needs them."""
    return {0, 2, *range(11, len(data))}


@pytest.mark.parametrize(
    ("name", "places"),
    [("numpy's arrays", steps_and_images), ("short", all_but_version_and_frame)],
)
def test_a_flipped_byte_is_another_pack_or_a_clear_error(tmp_path, name, places):
    sound = content_of(tmp_path, PACKS[name])
    refused = others = 0
    for place in sorted(places(PACKS[name])):
        broken = bytearray(PACKS[name])
        broken[place] ^= 0x15
        try:
            found = content_of(tmp_path, bytes(broken))
        except ReaderError:
            refused += 1
        else:
            others += 1
            assert found != sound, place
    assert refused
    assert others


def test_a_pack_that_was_cut_since_is_unreadable(tmp_path):
    testing.bin_packs(tmp_path, pairs=10, names=("lfw",))
    params = DatasetParams(reader="bin_packs", root=str(tmp_path), shards=1)
    listing = read_dataset("mine", params)
    row = max(listing.rows, key=lambda row: row["sample_id"])
    data = (tmp_path / "lfw.bin").read_bytes()
    (tmp_path / "lfw.bin").write_bytes(data[:-100])
    assert "ends before the image does" in listing.load(row)["unreadable"]


def test_two_packs_of_one_name_and_too_few_pairs_are_told(tmp_path, protocols):
    testing.bin_packs(tmp_path / "a", pairs=4, names=("lfw",))
    with pytest.raises(ReaderError, match="expected 10 pairs or more, found 4"):
        protocols("bin_packs")
    testing.bin_packs(tmp_path / "b", pairs=4, names=("lfw",))
    with pytest.raises(ReaderError, match=r"a/lfw\.bin and b/lfw\.bin have the same name"):
        contents(tmp_path)


def test_a_root_without_packs_says_what_is_there(tmp_path):
    testing.tufts(tmp_path, subjects=1)
    with pytest.raises(ReaderError, match=r"expected <name>\.bin below .* found TD_"):
        contents(tmp_path)
