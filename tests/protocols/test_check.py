"""Checking a copy: what is published, what is there, and what precisely differs."""

from importlib import import_module

import pytest

from pipeline import testing
from pipeline.errors import ReaderError
from pipeline.protocols import OFFICIAL
from pipeline.protocols.check import check_dataset
from pipeline.protocols.figures import PROTOCOL_FIGURES
from pipeline.readers import CHECKED, READERS, tfw
from pipeline.testing.images import put_image, put_images


def counts(verdict):
    return {count.what: (count.found, count.published) for count in verdict.counts}


def findings(verdict):
    return {finding.what: finding.items for finding in verdict.findings}


def test_a_whole_copy_is_in_order(buaa):
    verdict = check_dataset("buaa_visnir", buaa, decode=True)
    assert verdict.in_order
    assert counts(verdict)["images"] == (2700, 2700)
    assert counts(verdict)["50_100_v1 probe"] == (900, 900)
    assert counts(verdict)["test NIR"] == (900, None)  # found, but nobody published it


def test_missing_images_are_counted(buaa):
    (buaa / "7/2.bmp").unlink()
    verdict = check_dataset("buaa_visnir", buaa)
    assert not verdict.in_order
    assert counts(verdict)["NIR"] == (1349, 1350)
    assert not verdict.findings


def test_listed_images_that_are_missing_are_named(tmp_path):
    testing.casia_nir_vis2(tmp_path)
    (tmp_path / "s2/NIR/00002/002.bmp").unlink()
    verdict = check_dataset("casia_nir_vis2", tmp_path)
    assert findings(verdict) == {
        "images that the official lists name are not on disk": ("s2/NIR/00002/002",)
    }
    assert counts(verdict)["images"] == (15, 17580)
    assert counts(verdict)["view1 probe"] == (4, 6123)


def test_figures_of_a_fold_are_its_own_where_another_is_missing(tmp_path):
    testing.casia_nir_vis2(tmp_path)
    for file in (tmp_path / "protocols").glob("*_1.txt"):
        file.unlink()
    found = counts(check_dataset("casia_nir_vis2", tmp_path))
    assert found["view2 folds"] == (1, 10)
    assert found["view2 fold 2 probe"] == (4, 6232)  # fold 1 has 6208
    assert "view2 fold 1 probe" not in found


def test_extra_images_are_named(buaa):
    put_images(buaa, (f"{subject}/19.bmp" for subject in range(1, 151)))
    put_image(buaa / "thumbs/all.png")
    verdict = check_dataset("buaa_visnir", buaa)
    extra = findings(verdict)["images on disk do not belong to the data set"]
    assert extra == ("thumbs/all.png",)
    beyond = "known, not used: images of a subject beyond its nine pairs"
    assert counts(verdict)[beyond] == (150, None)


def test_unreadable_images_are_found_by_decoding(buaa):
    (buaa / "7/2.bmp").unlink()
    (buaa / "7/2.bmp").write_bytes(b"no image")
    assert check_dataset("buaa_visnir", buaa).in_order  # only names were looked at
    (item,) = findings(check_dataset("buaa_visnir", buaa, decode=True))["images are unreadable"]
    assert item.startswith("007/NIR/02: not_an_image")


def test_bands_mixed_up_are_suspected_by_colour(buaa):
    (buaa / "7/2.bmp").unlink()
    put_image(buaa / "7/2.bmp")  # in colour
    found = findings(check_dataset("buaa_visnir", buaa, decode=True))
    assert found == {
        "images that should be infra-red have colour, so bands may be mixed up": ("007/NIR/02",)
    }


def test_subjects_in_two_splits_are_a_finding_not_an_end(tmp_path):
    testing.llcm(tmp_path, test=10)
    verdict = check_dataset("llcm", tmp_path)
    told = "; ".join(findings(verdict))
    assert "1 subjects are in more than one split" in told
    assert (
        "protocol all_to_sampled_vis_to_ir: fold 1: 1 subjects are both trained on and tested"
        in told
    )
    assert counts(verdict)["train VIS"] == (6, 16946)


def test_lists_that_contradict_the_disk_are_a_finding(tmp_path):
    testing.lfw(tmp_path)
    (tmp_path / "lfw/Person_00/Person_00_0001.jpg").unlink()
    told = "; ".join(findings(check_dataset("lfw", tmp_path)))
    assert "1 images or videos of the pairs are not on disk, among them Person_00/0001" in told


def test_figures_of_each_fold_are_compared_one_by_one(tmp_path):
    testing.casia_nir_vis2(tmp_path, folds=2)
    found = counts(check_dataset("casia_nir_vis2", tmp_path))
    assert found["view2 fold 2 probe"] == (4, 6232)
    assert found["view2 folds"] == (2, 10)


def test_progress_counts_every_image(tmp_path):
    testing.tufts(tmp_path, subjects=1)
    steps = []

    def start(total):
        steps.append(total)
        return lambda rows: steps.append(-rows)

    check_dataset("tufts", tmp_path, decode=True, start=start)
    assert steps[0] == 28
    assert sum(steps) == 0


def test_a_root_that_is_no_copy_ends_the_check(tmp_path):
    with pytest.raises(ReaderError, match="found an empty folder"):
        check_dataset("lfw", tmp_path)


def test_recordio_is_decoded_record_by_record(tmp_path):
    testing.recordio(tmp_path, subjects=3, each=2)
    verdict = check_dataset("recordio", tmp_path, decode=True)
    assert verdict.in_order
    assert counts(verdict) == {
        name: (number, None) for name, number in {"images": 6, "subjects": 3, "VIS": 6}.items()
    }
    records = tmp_path / "train.rec"
    data = records.read_bytes()
    records.unlink()
    records.write_bytes(data.replace(b"\xff\xd8\xff", b"\0\0\0", 1))
    verdict = check_dataset("recordio", tmp_path, decode=True)
    (item,) = findings(verdict)["images are unreadable"]
    assert item.startswith("0000000/00000001: not_an_image")


def test_every_official_reader_can_be_checked():
    published = {
        name for name, module in READERS.items() if hasattr(import_module(module), "PUBLISHED")
    }
    assert set(CHECKED) == published == set(READERS) - {"folder", "shards", "ijb_mdf"}
    assert set(OFFICIAL) <= set(CHECKED)
    assert set(PROTOCOL_FIGURES) <= set(OFFICIAL)


def test_a_reader_without_published_counts_is_told_of_them(tmp_path):
    with pytest.raises(ReaderError, match=r"readers\.folder has no PUBLISHED: expected the counts"):
        check_dataset("folder", tmp_path)


@pytest.mark.parametrize("reader", sorted(PROTOCOL_FIGURES))
def test_figures_are_of_protocols_that_exist(tmp_path, request, reader):
    make = getattr(testing, reader)
    if reader == "oulu_casia_nirvis":
        make(tmp_path, subjects=("P006",), expressions=("Anger",))
    elif reader == "buaa_visnir":
        request.getfixturevalue("buaa")
    else:
        make(tmp_path)
    verdict = check_dataset(reader, tmp_path)
    told = set(counts(verdict))
    for protocol in PROTOCOL_FIGURES[reader]:
        assert any(what.startswith(f"{protocol} ") for what in told)


def test_stems_are_gone_through_once_however_many_images_are_not_used():
    used = frozenset(f"train/c-indoor_gray/{number}" for number in range(50))
    tfw._folders.cache_clear()
    found = {tfw.known_unused(f"train/c-indoor_iron/{n}.png", used) for n in range(50)}
    assert found == {"images in false colours, visible images"}
    assert tfw.known_unused("train/c-indoor_gray/99.png", used) is None
    assert tfw._folders.cache_info().misses == 1
