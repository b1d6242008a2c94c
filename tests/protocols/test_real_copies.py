"""``crossband check`` on replicas that hold what real copies hold: no false alarm, faults named."""

from importlib import import_module
from pathlib import Path
from shutil import copytree, rmtree

import pytest

from pipeline import testing
from pipeline.errors import ReaderError
from pipeline.protocols import OFFICIAL, check
from pipeline.protocols.check import check_dataset
from pipeline.readers import CHECKED, READERS
from pipeline.testing.images import put_image, put_images, put_text


def casia(root):
    """Raw images, and their crops."""
    testing.casia_nir_vis2(root)
    put_images(root, (f"s2/{band}_128x128/00002/001.bmp" for band in ("NIR", "VIS")))


def oulu(root):
    """Frames in two lights, and the crops that come with them."""
    people = ("P001", "P006", "P033")
    testing.oulu_casia_nirvis(root, subjects=people, frames=2, expressions=("Anger",))
    put_images(root, (f"NI_Acropped/Dark/{each}/Anger/000.jpeg" for each in people))


def tufts(root):
    """Two people, and Idiap's lists; a folder that is called as a split and is none."""
    testing.tufts(root)
    testing.tufts_lists(root)
    copytree(root / "VIS-THERMAL-split1", root / "VIS-THERMAL-splits")


def ytf(root):
    """Full frames, and the aligned ones."""
    testing.ytf(root)
    testing.ytf(root, aligned=True)


COPIES = {
    "casia_nir_vis2": casia,
    "buaa_visnir": lambda root: testing.buaa_visnir(root, subjects=8, numbers=range(1, 41)),
    "oulu_casia_nirvis": oulu,
    "tufts": tufts,
    "lamp_hq": testing.lamp_hq,
    "ijba": testing.ijba,
    "ijbc": testing.ijbc,
    "ijbb": testing.ijbb,
    "ijb_insightface": testing.ijb_insightface,
    "bin_packs": testing.bin_packs,
    "lfw": testing.lfw,
    "cfp": testing.cfp,
    "ytf": ytf,
    "megaface": testing.megaface,
    "llcm": testing.llcm,
    "sysu_mm01": lambda root: testing.sysu_mm01(root, each=10, draws=True),
    "regdb": testing.regdb,
    "recordio": testing.recordio,
    "tfw": lambda root: testing.tfw(root, iron=True),
    "sf_tl54": testing.sf_tl54,
    "speaking_faces": testing.speaking_faces,
    "mcxface": testing.mcxface,
    "arl_vtf": testing.arl_vtf,
}
UNUSED = {
    "casia_nir_vis2": {"cropped copies of the images": 2},
    "buaa_visnir": {"images of a subject beyond its nine pairs": 8 * 22},
    "oulu_casia_nirvis": {"cropped copies of the frames": 3},
    "tufts": {"sketches (TD_CS)": 2},
    "ijbc": {"images without a face": 2},
    "ytf": {"aligned copies of the frames": 18},
    "llcm": {"images that are also in test_vis or test_nir": 24},
    "tfw": {"images in false colours, visible images": 18},
    "sf_tl54": {"images in false colours, masks, mirrored copies": 6},
    "speaking_faces": {"visible images as taken": 24},
    "mcxface": {"images of depth": 8},
    "arl_vtf": {"images of other folders": 48},
}


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Write a copy and take its own numbers for the published ones."""

    def make(reader):
        COPIES[reader](tmp_path)
        module = import_module(READERS[reader])
        clean = check_dataset(reader, tmp_path)
        found = {count.what: count.found for count in clean.counts}
        monkeypatch.setattr(module, "PUBLISHED", {name: found[name] for name in module.PUBLISHED})
        figures = {}
        for name, numbers in check.PROTOCOL_FIGURES.get(reader, {}).items():
            folds = [
                f" fold {n}" for n in range(1, 11) if any(f"{name} fold {n} " in w for w in found)
            ]
            figures[name] = {
                what: tuple(found[f"{name}{fold} {what}"] for fold in folds or [""])
                for what in numbers
            }
        monkeypatch.setitem(check.PROTOCOL_FIGURES, reader, figures)
        return tmp_path

    return make


def told(reader, root, **options):
    """All that a check says is wrong, as one text."""
    try:
        verdict = check_dataset(reader, root, **options)
    except ReaderError as error:
        return str(error)
    lines = [f"{each.what}: {', '.join(each.items)}" for each in verdict.findings]
    lines += [f"{c.what} is {c.found}, not {c.published}" for c in verdict.counts if c.differs]
    return "\n".join(lines)


def test_every_reader_has_a_copy():
    assert set(COPIES) == set(CHECKED)


@pytest.mark.parametrize("reader", COPIES)
def test_a_copy_as_people_have_it_raises_no_alarm(published, caplog, reader):
    root = published(reader)
    with caplog.at_level("WARNING"):
        verdict = check_dataset(reader, root, decode=True)
    assert told(reader, root, decode=True) == ""
    assert verdict.in_order
    unused = {
        count.what.removeprefix("known, not used: "): count.found
        for count in verdict.counts
        if count.what.startswith("known, not used")
    }
    assert unused == UNUSED.get(reader, {})
    assert "names of this release" not in caplog.text


def append(path, line):
    path.write_text(path.read_text() + line + "\n")


def remove(path):
    path.unlink()


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def cut(path):
    """Leave the first half of a file, as a broken transfer does; replicas share no inode."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def spoil(path):
    """Take the beginning of the first JPEG away."""
    path.write_bytes(path.read_bytes().replace(b"\xff\xd8\xff", b"\0\0\0", 1))


GAPS = [
    # reader, a list that is lost
    ("casia_nir_vis2", "protocols/nir_probe_2.txt"),
    ("lamp_hq", "Protocols/test/probe_nir2.txt"),
    ("ijba", "IJB-A_11_sets/split2/verify_comparisons_2.csv"),
    ("ijba", "IJB-A_1N_sets/split2/search_probe_2.csv"),
    ("cfp", "Protocol/Split/FP/02/diff.txt"),
]

FAULTS = [
    *(
        (reader, lambda r, lost=path: remove(r / lost), f"{Path(path).name} beside the other lists")
        for reader, path in GAPS
    ),
    # reader, what is done to the copy, what the check has to name
    ("casia_nir_vis2", lambda r: remove(r / "s2/NIR/00002/002.bmp"), "disk: s2/NIR/00002/002"),
    ("casia_nir_vis2", lambda r: put_image(r / "s1/NIR/all.png"), "to the data set: s1/NIR"),
    (
        "casia_nir_vis2",
        lambda r: append(r / "protocols/nir_probe_1.txt", "s4\\NIR\\00725\\001.jpg"),
        "not on disk: s4/NIR/00725/001",
    ),
    (
        "casia_nir_vis2",
        lambda r: append(r / "protocols/nir_probe_2.txt", "s1\\NIR\\00001\\001.jpg"),
        "fold 2: 1 subjects are both trained on",
    ),
    (
        "casia_nir_vis2",
        lambda r: append(r / "protocols/vis_train_1.txt", "s1\\VIS\\00001\\001.jpg"),
        "vis_train_1.txt, line 5: 's1/VIS/00001/001.jpg' is already in line 1",
    ),
    (
        "casia_nir_vis2",
        lambda r: rmtree(r / "protocols"),
        "protocols lack their official lists: view1, view2",
    ),
    ("buaa_visnir", lambda r: remove(r / "3/4.bmp"), "NIR is 71, not 72"),
    ("buaa_visnir", lambda r: put_image(r / "151/19.bmp"), "to the data set: 151/19.bmp"),
    ("buaa_visnir", lambda r: put_image(r / "3/4.bmp"), "bands may be mixed up: 003/NIR/04"),
    ("oulu_casia_nirvis", lambda r: put_image(r / "NI/Dim/P001/0.jpeg"), "set: NI/Dim/P001/0"),
    ("oulu_casia_nirvis", lambda r: cut(r / "VL/Dark/P001/Anger/000.jpeg"), "VL/Dark/P001/Anger"),
    (
        "tufts",
        lambda r: remove(r / "TD_IR_E_Set1/2/TD_IR_E_2.jpg"),
        "lines of vis_thermal name images that are not on disk: TD_IR_E_Set1/2/TD_IR_E_2",
    ),
    ("tufts", lambda r: put_image(r / "TD_UV_Set1/1/TD_UV_1.jpg"), "set: TD_UV_Set1/1/TD_UV_1"),
    ("lamp_hq", lambda r: remove(r / "NIR/0002/1.jpg"), "not on disk: NIR/0002/1"),
    (
        "lamp_hq",
        lambda r: append(r / "Protocols/test/probe_nir2.txt", "NIR/0001/0.jpg 9"),
        "ten_folds: fold 2: 1 subjects are both trained on",
    ),
    (
        "lamp_hq",
        lambda r: rmtree(r / "Protocols"),
        "protocols lack their official lists: lamp_hq",
    ),
    ("ijba", lambda r: remove(r / "images/frame/93_00060.png"), "not on disk: frame/93_00060.png"),
    (
        "ijba",
        lambda r: append(r / "IJB-A_11_sets/split2/verify_comparisons_2.csv", "102,999"),
        "verify_comparisons_2.csv: 1 pairs name a template that no list of probe has",
    ),
    ("ijba", lambda r: put_image(r / "images/img/77.jpg"), "to the data set: images/img/77"),
    ("ijbc", lambda r: remove(r / "images/frames/3_02.png"), "not on disk: frames/3_02.png"),
    (
        "ijbc",
        lambda r: append(r / "protocols/ijbc_11_G1_G2_matches.csv", "1,777"),
        "1 pairs name a template that no list of probe has, among them 777",
    ),
    (
        "ijbc",
        lambda r: replace(r / "protocols/ijbc_1N_gallery_G1.csv", "\n2,2,img/102", "\n2,3,img/102"),
        "template 2 has two subjects, 2 and 3",
    ),
    (
        "ijbb",
        lambda r: append(r / "protocol/ijbb_11_S1_S2_matches.csv", "888,501"),
        "1 pairs name a template that no list of enroll has, among them 888",
    ),
    ("ijbb", lambda r: remove(r / "images/img/103.jpg"), "not on disk: img/103.jpg"),
    ("ijb_insightface", lambda r: remove(r / "loose_crop/9.jpg"), "name are not on disk: 9.jpg"),
    ("ijb_insightface", lambda r: put_image(r / "loose_crop/99.jpg"), "set: loose_crop/99.jpg"),
    (
        "ijb_insightface",
        lambda r: append(r / "meta/ijbc_template_pair_label.txt", "1 999 0"),
        "1 templates have no face in the list of faces, among them 999",
    ),
    (
        "ijb_insightface",
        lambda r: append(r / "meta/ijbc_name_5pts_score.txt", "99.jpg" + " 1" * 11),
        "ijbc_name_5pts_score.txt name crops that are not in ijbc_face_tid_mid.txt: 99.jpg",
    ),
    (
        "ijb_insightface",
        lambda r: replace(r / "meta/ijbc_template_pair_label.txt", "1 501 1", "1 501 0"),
        "1 pairs contradict the subjects of their templates, among them 1 and 501, listed as",
    ),
    ("bin_packs", lambda r: cut(r / "calfw.bin"), "calfw.bin: expected a pickle of images"),
    ("bin_packs", lambda r: spoil(r / "lfw.bin"), "images are unreadable: lfw/00000: not_an_image"),
    ("lfw", lambda r: remove(r / "lfw/Person_00/Person_00_0001.jpg"), "them Person_00/0001"),
    ("lfw", lambda r: put_image(r / "lfw/Person_00/face.jpg"), "set: lfw/Person_00/face.jpg"),
    ("lfw", lambda r: append(r / "pairs.txt", "Person_00\t1\t2"), "4 pairs as its header says"),
    (
        "cfp",
        lambda r: remove(r / "Data/Images/004/profile/04.jpg"),
        "lines of Pair_list_P.txt name images that are not on disk: 004/profile/04",
    ),
    ("cfp", lambda r: append(r / "Protocol/Split/FP/02/diff.txt", "1,99"), "lack number 1 or 99"),
    ("regdb", lambda r: rmtree(r / "idx"), "protocols lack their official lists: visible_to"),
    (
        "ytf",
        lambda r: append(r / "splits.txt", "2, 3, Ann_Lee/0, Dee_Fox/0, 0"),
        "1 images or videos of the pairs are not on disk, among them Dee_Fox/0",
    ),
    (
        "ytf",
        lambda r: remove(r / "frame_images_DB/Ann_Lee/0/0.101.jpg"),
        "lines of Ann_Lee.labeled_faces.txt name frames that are not on disk: Ann_Lee/0/101",
    ),
    (
        "megaface",
        lambda r: append(r / "facescrub_noises.txt", "Nobody_1.png"),
        "lines of facescrub_noises.txt name images that are not on disk: Nobody_1.png",
    ),
    (
        "megaface",
        lambda r: append(r / "megaface_noises.txt", "7\t999/9@N00/9_0.jpg"),
        "lines of megaface_noises.txt name images that are not on disk: 999/9@N00/9_0.jpg",
    ),
    ("megaface", lambda r: remove(r / "megaface_images/002/2@N00/2_0.jpg"), "is 4, not 5"),
    (
        "llcm",
        lambda r: remove(r / "test_vis/cam1/0001/0001_c01_s1_f1_vis.jpg"),
        "belong to the data set: vis/0001/0001_c01_s1_f1_vis.jpg",
    ),
    (
        "llcm",
        lambda r: put_image(r / "vis/0010/0010_c01_s8_f8_vis.jpg"),
        "belong to the data set: vis/0010/0010_c01_s8_f8_vis.jpg",
    ),
    (
        "llcm",
        lambda r: (r / "idx/test_id.txt").write_text("1,2,351"),
        "lines of test_id.txt name subjects that are not on disk: 351",
    ),
    (
        "llcm",
        lambda r: append(r / "idx/train_nir.txt", "nir/0011/0011_c01_s9_f9_nir.jpg 1"),
        "not on disk: nir/0011/0011_c01_s9_f9_nir.jpg",
    ),
    (
        "sysu_mm01",
        lambda r: (r / "exp/test_id.txt").write_text("4,5,333"),
        "lines of test_id.txt name subjects that are not on disk: 333",
    ),
    (
        "sysu_mm01",
        lambda r: (r / "exp/test_id.txt").write_text("2,4,5"),
        "test_id.txt: 1 subjects are in another list too, among them 0002",
    ),
    ("sysu_mm01", lambda r: remove(r / "cam1/0004/0002.jpg"), "the gallery that is on disk"),
    ("regdb", lambda r: remove(r / "Thermal/2/male_front_t_00001_2.bmp"), "thermal/2/male_front_t"),
    (
        "regdb",
        lambda r: append(r / "idx/train_visible_1.txt", "Visible/2/male_front_v_00000_2.bmp 9"),
        "visible_to_thermal: fold 1: 1 subjects are both trained on and tested, among them 2",
    ),
    ("recordio", lambda r: (r / "property").write_text("9,112,112\n"), "found '9,112,112'"),
    (
        "recordio",
        lambda r: put_text(
            r / "train.idx",
            [line for line in (r / "train.idx").read_text().splitlines() if line[:2] != "3\t"],
        ),
        "keys of train.rec have no line in train.idx: key 3",
    ),
    (
        "tfw",
        lambda r: remove(r / "train/s-indoor_gray/0.png"),
        "not on disk: train/s-indoor_gray/0.png",
    ),
    (
        "tfw",
        lambda r: put_image(r / "val/u-outdoor_gray/stranger.png"),
        "belong to the data set: val/u-outdoor_gray/stranger.png",
    ),
    (
        "tfw",
        lambda r: append(r / "test/c-indoor.csv", "1_1_1_4_450_1.png" + ",9" * 14),
        "1 subjects are in more than one split, so a test would meet people",
    ),
    (
        "sf_tl54",
        lambda r: remove(r / "dataset/rgb/val/101_1_1_4_450_3.png"),
        "VIS is 5, not 6",
    ),
    (
        "sf_tl54",
        lambda r: replace(r / "dataset/gray/val/json/101_1_1_4_450_1.json", "shapes", "shape"),
        "101_1_1_4_450_1.json: expected labelme's shapes",
    ),
    (
        "speaking_faces",
        lambda r: put_image(r / "sub_1_io/trial_1/thr_image/IMG_1.png"),
        "belong to the data set: sub_1_io/trial_1/thr_image/IMG_1.png",
    ),
    (
        "mcxface",
        lambda r: remove(r / "MCXFace/faces/thermal/03_2.jpg"),
        "not on disk: faces/thermal/03_2",
    ),
    (
        "arl_vtf",
        lambda r: cut(r / "cropped_images/test/0002/pose_0/FLIR_USB_0000.png"),
        "images are unreadable: 0002/pose_0/FLIR_USB_0000",
    ),
]


@pytest.mark.parametrize(("reader", "plant", "named"), FAULTS, ids=[f[2] for f in FAULTS])
def test_a_planted_fault_is_named(published, reader, plant, named):
    root = published(reader)
    plant(root)
    assert named in told(reader, root, decode=True)


def test_every_reader_has_a_fault():
    assert {reader for reader, _, _ in FAULTS} == set(COPIES)
    assert set(OFFICIAL) <= set(COPIES)
