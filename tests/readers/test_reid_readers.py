"""Readers of LLCM, SYSU-MM01 and RegDB on their replicas, and their ten trials."""

import random
from collections import Counter

import pytest

from pipeline import testing
from pipeline.errors import ReaderError
from pipeline.protocols.check import check_dataset
from pipeline.store.protocols import Exclude
from pipeline.testing.images import put_image


def samples(table):
    return table["sample_id"].to_pylist()


def test_llcm_lists_train_and_folders_test(tmp_path, listed):
    testing.llcm(tmp_path, train=2, test=2, each=3)
    rows = listed("llcm")
    found = Counter((row["split"], row["band"]) for row in rows.values())
    assert found == {
        ("train", "VIS"): 6,
        ("train", "NIR"): 6,
        ("test", "VIS"): 12,
        ("test", "NIR"): 12,
    }
    row = rows["train/nir/2/0011/0011_c02_s1_f1_nir"]
    assert [row[c] for c in ("subject_id", "camera_id", "region")] == ["0011", "2", "body"]


def test_llcm_images_of_other_test_subjects_stay_out(tmp_path, listed):
    testing.llcm(tmp_path, test=3)
    (tmp_path / "idx/test_id.txt").write_text("1,3\n")
    assert {r["subject_id"] for r in listed("llcm").values() if r["split"] == "test"} == {
        "0001",
        "0003",
    }


def test_llcm_has_both_protocols_in_both_directions(tmp_path, protocols):
    testing.llcm(tmp_path, test=2, each=3)
    made = protocols("llcm")
    assert set(made) == {
        f"{kind}_{direction}"
        for kind in ("all_to_sampled", "sampled_to_all")
        for direction in ("vis_to_ir", "ir_to_vis")
    }
    assert {p.exclude for p in made.values()} == {Exclude.SAME_SUBJECT_AND_CAMERA}
    a, b = made["all_to_sampled_vis_to_ir"], made["sampled_to_all_ir_to_vis"]
    assert a.folds() == list(range(1, 11))
    for trial in a.folds():
        assert (len(a.fold(trial).probe), len(a.fold(trial).enroll)) == (12, 4)
        assert samples(a.fold(trial).enroll) == samples(b.fold(trial).probe)  # the same draw
    assert {i.split("/")[1] for i in samples(a.probe)} == {"vis"}
    assert {i.split("/")[1] for i in samples(a.enroll)} == {"nir"}


def test_llcm_draw_is_that_of_the_public_code(tmp_path, protocols):
    """A slow re-derivation of DEEN's process_gallery_llcm on the folders."""
    testing.llcm(tmp_path, test=3, each=5)
    gallery = protocols("llcm")["all_to_sampled_vis_to_ir"].enroll.to_pylist()
    for trial in range(10):
        random.seed(trial)
        expected = []
        for subject in ("0001", "0002", "0003"):
            for camera in ("cam1", "cam2"):
                folder = tmp_path / "test_nir" / camera / subject
                expected.append(random.choice(sorted(p.name for p in folder.iterdir())))
        drawn = [r["sample_id"].split("/")[-1] + ".jpg" for r in gallery if r["fold"] == trial + 1]
        assert drawn == expected


def test_llcm_listed_image_that_is_missing_is_kept_and_told(tmp_path, listed, caplog):
    testing.llcm(tmp_path)
    (tmp_path / "vis/0010/0010_c01_s0_f0_vis.jpg").unlink()
    with caplog.at_level("WARNING"):
        assert len(listed("llcm")) == 36
    assert "1 images that the official lists name" in caplog.text


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("idx/test_id.txt", "1,two", "expected subject numbers with commas"),
        ("idx/test_id.txt", "", "expected subject numbers with commas"),
        ("idx/train_vis.txt", "vis/0010/x.jpg 0", r"train_vis\.txt, line 1: expected <vis or nir>"),
        ("idx/train_vis.txt", "vis/0010/0010_c01_a_vis.jpg", r"line 1: expected <vis or nir>"),
    ],
)
def test_llcm_faulty_lists_are_told(tmp_path, listed, file, text, message):
    testing.llcm(tmp_path)
    (tmp_path / file).write_text(text)
    with pytest.raises(ReaderError, match=message):
        listed("llcm")


def test_llcm_subject_that_trains_and_is_tested_is_refused(tmp_path, listed):
    testing.llcm(tmp_path, test=10)  # test subject 10 is the first training subject
    with pytest.raises(ReaderError, match=r"1 subjects are in more than one split.*0010"):
        listed("llcm")


def test_llcm_lists_may_have_backslashes_and_crlf_and_tabulators(tmp_path, listed):
    testing.llcm(tmp_path)
    for band, blank in (("vis", b" "), ("nir", b"\t")):
        file = tmp_path / f"idx/train_{band}.txt"
        text = file.read_bytes().replace(b"/", b"\\").replace(b"\n", b"\r\n")
        file.write_bytes(text.replace(b" ", blank))
    assert len(listed("llcm")) == 36


def test_sysu_splits_and_bands(tmp_path, listed):
    testing.sysu_mm01(tmp_path, each=2)
    rows = listed("sysu_mm01")
    assert Counter((row["split"], row["band"]) for row in rows.values()) == {
        ("train", "VIS"): 16,
        ("train", "NIR"): 8,
        ("validation", "VIS"): 8,
        ("validation", "NIR"): 4,
        ("test", "VIS"): 16,
        ("test", "NIR"): 8,
    }


def test_sysu_queries_of_camera_3_do_not_meet_camera_2(tmp_path, protocols):
    testing.sysu_mm01(tmp_path)
    made = protocols("sysu_mm01")
    assert set(made) == {"all_single_agw", "indoor_single_agw"}
    everywhere, indoor = made["all_single_agw"].fold(1), made["indoor_single_agw"].fold(1)
    assert (len(everywhere.enroll), len(indoor.enroll), len(everywhere.probe)) == (8, 4, 12)
    assert everywhere.exclude == Exclude.SAME_CAMERA
    place = {
        r["sample_id"][:4]: r["camera_id"]
        for r in [*everywhere.enroll.to_pylist(), *everywhere.probe.to_pylist()]
    }
    assert place == {"cam1": "1", "cam2": "2", "cam3": "2", "cam4": "4", "cam5": "5", "cam6": "6"}
    assert len(everywhere.train) == 3 * 6 * 3  # validation subjects train too


def test_sysu_people_in_no_list_and_frames_of_videos_are_no_fault(tmp_path):
    testing.sysu_mm01(tmp_path)
    put_image(tmp_path / "cam3/0333/0001.jpg", grey=True)
    put_image(tmp_path / "cam1_video_train/0001/0001.jpg")
    verdict = check_dataset("sysu_mm01", tmp_path)
    assert not verdict.findings
    counts = {count.what: (count.found, count.published) for count in verdict.counts}
    assert counts["known, not used: frames of the videos of cameras 1 and 2"] == (1, None)
    assert counts["subjects"] == (6, None)  # of a real copy more than the 491 of the lists
    assert counts["NIR"] == (31, 15792)


def test_sysu_draw_is_that_of_the_public_code(tmp_path, protocols):
    testing.sysu_mm01(tmp_path, each=5)
    gallery = protocols("sysu_mm01")["all_single_agw"].enroll.to_pylist()
    for trial in range(10):
        random.seed(trial)
        expected = []
        for subject in ("0004", "0005"):
            for camera in ("cam1", "cam2", "cam4", "cam5"):
                names = sorted(p.stem for p in (tmp_path / camera / subject).iterdir())
                expected.append(f"{camera}/{subject}/{random.choice(names)}")
        assert [r["sample_id"] for r in gallery if r["fold"] == trial + 1] == expected


def test_sysu_takes_the_authors_draws_where_they_are(tmp_path, protocols):
    testing.sysu_mm01(tmp_path, each=12, draws=True)
    made = protocols("sysu_mm01")
    single, multi = made["all_single"], made["indoor_multi"]
    assert {i.split("/")[2] for i in samples(single.fold(3).enroll)} == {"0003"}
    assert len(multi.fold(1).enroll) == 2 * 2 * 10


def test_sysu_draws_of_another_copy_are_refused(tmp_path, protocols):
    testing.sysu_mm01(tmp_path, draws=True)
    (tmp_path / "cam4/0005/0002.jpg").unlink()
    with pytest.raises(ReaderError, match="expected the draws of the gallery that is on disk"):
        protocols("sysu_mm01")


def test_regdb_trials_have_halves_of_their_own(tmp_path, listed, protocols):
    testing.regdb(tmp_path, subjects=4, each=2, trials=10)
    rows = listed("regdb")
    assert Counter(row["band"] for row in rows.values()) == {"VIS": 8, "LWIR": 8}
    assert not any("split" in row for row in rows.values())
    made = protocols("regdb")
    protocol = made["thermal_to_visible"]
    assert protocol.folds() == list(range(1, 11))
    fold = protocol.fold(2)
    assert (len(fold.enroll), len(fold.probe), len(fold.train)) == (4, 4, 8)
    assert {i.split("/")[0] for i in samples(fold.probe)} == {"thermal"}
    assert set(fold.train["subject_id"].to_pylist()) == {"2", "4"}


def test_regdb_incomplete_trial_is_told(tmp_path, protocols):
    testing.regdb(tmp_path)
    (tmp_path / "idx/test_thermal_2.txt").unlink()
    with pytest.raises(
        ReaderError, match=r"expected idx/test_thermal_2\.txt beside the other lists"
    ):
        protocols("regdb")


@pytest.mark.parametrize(
    ("reader", "what"),
    [
        ("llcm", r"idx/test_id\.txt"),
        ("sysu_mm01", r"exp/train_id\.txt"),
        ("regdb", "Visible,Thermal"),
    ],
)
def test_a_wrong_root_says_what_was_looked_for_and_what_is_there(tmp_path, listed, reader, what):
    testing.tufts(tmp_path, subjects=1)
    with pytest.raises(ReaderError, match=rf"expected .*{what}.*found TD_"):
        listed(reader)
