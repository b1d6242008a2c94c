"""Stage ``protocols``: official lists and columns become tables, and stale ones go."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline import testing
from pipeline.errors import ParamsError, ReaderError, StageError
from pipeline.store.protocols import protocol_names, read_protocol
from pipeline.testing.images import put_images
from pipeline.types import Band

ROOT = Path(__file__).resolve().parents[2]
ITEM = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]["protocols"]["do"]


@pytest.fixture
def casia(workspace):
    testing.casia_nir_vis2(workspace.path / "images", subjects=4, each=2, folds=2)
    workspace.edit(
        datasets={"mine": {"reader": "casia_nir_vis2"}},
        protocols={
            "mine": {"build": "official", "rows": "ingest", "seed": 7, "subset": {}},
        },
    )
    workspace.run("ingest")
    return workspace


def test_official_lists_name_what_ingest_took_in(casia):
    casia.run("protocols")
    folder = casia.path / "data/mine/protocols"
    assert protocol_names(folder) == ["view1", "view2"]
    protocol = read_protocol(folder / "view2")
    named = set()
    for table in (protocol.enroll, protocol.probe, protocol.train):
        named.update(table["sample_id"].to_pylist())
    assert named <= set(casia.rows("ingest"))
    metrics = casia.metrics("protocols")
    assert metrics["view2"]["probe_samples"] == 8
    assert (casia.path / "reports/contact/mine/protocols.png").stat().st_size > 0


def test_lists_that_name_what_ingest_has_not_seen_are_refused(casia):
    testing.casia_nir_vis2(casia.path / "images", subjects=6, each=2, folds=2)
    with pytest.raises(StageError, match=r"were seen by no stage.*run the stages `ingest`"):
        casia.run("protocols")
    casia.run("ingest", "protocols")


def test_an_edited_list_alone_makes_protocols_stale(casia):
    """The rows stay as they are; what `protocols` depends on in dvc.yaml does not."""
    before = casia.metrics("ingest")
    casia.run("ingest")
    assert casia.metrics("ingest") == before
    image = next((casia.path / "images").rglob("*.bmp"))
    image.write_bytes(image.read_bytes())
    (casia.path / "images/protocols/.notes.txt").write_text("hidden")
    (casia.path / "images/gone.txt").symlink_to("nowhere")
    casia.run("ingest")
    assert casia.metrics("ingest") == before
    file = casia.path / "images/protocols/nir_probe_1.txt"
    file.write_text("\n".join(file.read_text().splitlines()[:3]))
    casia.run("ingest")
    after = casia.metrics("ingest")
    assert {name for name in after if after[name] != before[name]} == {"lists_sha256"}
    assert "reports/metrics/${key}/ingest.json" in ITEM["deps"]


def test_an_image_that_ingest_rejected_was_seen(casia):
    next((casia.path / "images").rglob("*.bmp")).write_bytes(b"")
    casia.run("ingest", "protocols")
    assert len(casia.rejected("ingest")) == 1


def test_protocols_of_former_params_go(casia, caplog):
    casia.run("protocols")
    for file in (casia.path / "images/protocols").glob("*_dev.txt"):
        file.unlink()
    casia.run("protocols")
    assert protocol_names(casia.path / "data/mine/protocols") == ["view2"]
    casia.edit(protocols={"mine": {"build": "band_templates"}})
    with caplog.at_level("WARNING"):
        casia.run("protocols")
    # this set's splits are its folds
    assert "no row of data set 'mine' has a split: give one by a list" in caplog.text
    assert protocol_names(casia.path / "data/mine/protocols") == []


def test_people_of_whom_all_was_taken_in_one_shot_are_said_to_lack_another(workspace, caplog):
    for band in ("VIS", "NIR"):
        put_images(workspace.path / "images", [f"anna/{band}/1.png"])
    workspace.edit(
        datasets={"mine": {"split": "test"}},
        protocols={"mine": {"build": "cross_band", "rows": "ingest", "seed": 7, "subset": {}}},
    )
    with caplog.at_level("WARNING"):
        workspace.run("ingest", "protocols")
    assert "in VIS and in another shot (session_id, media_id or file) of any band" in caplog.text


def test_a_list_of_pairs_of_ones_own_is_a_protocol_and_its_edit_is_seen(workspace):
    root = workspace.path / "images"
    put_images(root, [f"test/{who}/{band}/1.png" for who in ("anna", "bob") for band in Band])
    pairs = "enroll,probe\ntest/anna/VIS/1.png,test/bob/NIR/1.png\n"
    (root / "pairs.csv").write_text(pairs)
    cut = {"build": "cross_band", "rows": "ingest", "seed": 7, "subset": {}}
    workspace.edit(protocols={"mine": cut | {"pairs": {"lab": "pairs.csv"}}})
    workspace.run("ingest", "protocols")
    assert protocol_names(workspace.path / "data/mine/protocols") == ["lab"]  # all of one shot
    assert workspace.metrics("protocols")["lab"]["impostor"] == 1
    before = workspace.metrics("ingest")
    (root / "pairs.csv").write_text(pairs + "test/anna/VIS/1.png,test/anna/NIR/1.png\n")
    workspace.run("ingest", "protocols")
    after = workspace.metrics("ingest")
    assert {name for name in after if after[name] != before[name]} == {"lists_sha256"}
    assert workspace.metrics("protocols")["lab"]["genuine"] == 1


def test_a_gallery_of_ones_own_is_a_protocol_and_its_edit_is_seen(workspace):
    root = workspace.path / "images"
    shots = [f"test/{who}/{n}.png" for who in ("anna", "bob") for n in (1, 2)]
    put_images(root, [*shots, "train/zoe/1.png"])
    enrolled = "path,side\ntest/anna/1.png,gallery\ntest/bob/1.png,gallery\n"
    (root / "lab.csv").write_text(enrolled + "test/anna/2.png,probe\n")
    cut = {"build": "cross_band", "rows": "ingest", "seed": 7, "subset": {}}
    workspace.edit(protocols={"mine": cut | {"galleries": {"lab": "lab.csv"}}})
    workspace.run("ingest", "protocols")
    counts = workspace.metrics("protocols")["lab"]
    assert [counts[f"{side}_templates"] for side in ("enroll", "probe")] == [2, 1]
    assert counts["train_subjects"] == 1
    before = workspace.metrics("ingest")
    (root / "lab.csv").write_text(enrolled + "train/zoe/1.png,probe\n")
    workspace.run("ingest")
    after = workspace.metrics("ingest")
    assert {name for name in after if after[name] != before[name]} == {"lists_sha256"}
    with pytest.raises(ReaderError, match=r"protocol lab: .*both trained on and tested.*zoe"):
        workspace.run("protocols")


@pytest.mark.parametrize("pseudonyms", [False, True])
def test_a_list_that_a_protocol_reads_is_no_rejected_file(workspace, monkeypatch, pseudonyms):
    """A table that no protocol names is one, wherever it lies."""
    if pseudonyms:
        key = workspace.path.parent / "crossband.key"
        key.write_bytes(b"k" * 32)
        key.chmod(0o600)
        monkeypatch.setenv("CROSSBAND_PSEUDONYM_KEY", str(key))
    root = workspace.path / "images"
    put_images(root, ["test/anna/1.png", "test/anna/2.png"])
    for name in ("pairs.csv", "lab.csv", "notes.csv", "test/pairs.csv"):
        (root / name).write_text("enroll,probe\n")
    cut = {"build": "cross_band", "rows": "ingest", "seed": 7, "subset": {}}
    lists = {"pairs": {"lab": "pairs.csv"}, "galleries": {"desk": "lab.csv"}}
    mine = {"mine": {"pseudonyms": pseudonyms}}
    workspace.edit(datasets=mine, protocols={"mine": cut | lists})
    workspace.run("ingest")
    counts = {name: workspace.metrics("ingest")[name] for name in ("in", "out", "rejected")}
    assert counts == {"in": 4, "out": 2, "rejected": {"other_format": 2}}
    if not pseudonyms:
        assert workspace.rejected("ingest").keys() == {"notes.csv", "test/pairs.csv"}
    without = {"pairs": {"lab": None}, "galleries": {"desk": None}}
    workspace.edit(protocols={"mine": without})
    workspace.run("ingest")
    assert workspace.metrics("ingest")["rejected"] == {"other_format": 4}


def test_lists_of_ones_own_do_not_share_a_name(workspace):
    root = workspace.path / "images"
    put_images(root, ["test/anna/1.png", "test/anna/2.png"])
    (root / "pairs.csv").write_text("enroll,probe\ntest/anna/1.png,test/anna/2.png\n")
    (root / "lab.csv").write_text("path,side\ntest/anna/1.png,gallery\ntest/anna/2.png,probe\n")
    cut = {"build": "cross_band", "rows": "ingest", "seed": 7, "subset": {}}
    lists = {"pairs": {"lab": "pairs.csv"}, "galleries": {"lab": "lab.csv"}}
    workspace.edit(protocols={"mine": cut | lists})
    workspace.run("ingest")
    with pytest.raises(StageError, match=r"protocols\.mine\.galleries\.lab: it would replace"):
        workspace.run("protocols")


def test_a_protocol_by_a_column(casia):
    between = {
        "of": "view1",
        "column": "width_px",
        "absolute": True,
        "gallery_range": [0, 100],
        "probe_range": [9, 100],
    }
    casia.edit(protocols={"mine": {"subset": {"small": between}}})
    casia.run("protocols")
    small = casia.metrics("protocols")["small"]
    assert (small["enroll_samples"], small["probe_samples"]) == (2, 0)  # all are 8 pixels wide


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"of": "view3"},
            r"subset\.small\.of: expected one of \['view1', 'view2'\], found 'view3'",
        ),
        ({"column": "colour"}, "expected a column of numbers .*found 'colour'"),
        ({"column": "band"}, "expected a column of numbers .*found 'band'"),
    ],
)
def test_faulty_derivations_are_told(casia, change, message):
    between = {
        "of": "view1",
        "column": "width_px",
        "absolute": False,
        "gallery_range": [0, 100],
        "probe_range": [0, 100],
    }
    casia.edit(protocols={"mine": {"subset": {"small": between | change}}})
    with pytest.raises(StageError, match=message):
        casia.run("protocols")


def test_a_derived_protocol_replaces_none(casia):
    ranges = {"gallery_range": [0, 100], "probe_range": [9, 100]}
    between = {"of": "view2", "column": "width_px", "absolute": True, **ranges}
    casia.edit(protocols={"mine": {"subset": {"view1": between}}})
    with pytest.raises(
        StageError, match=r"subset\.view1: it would replace the protocol of this name"
    ):
        casia.run("protocols")


def test_ranges_have_to_rise(casia):
    between = {
        "of": "view1",
        "column": "x",
        "absolute": False,
        "gallery_range": [1, 0],
        "probe_range": [0, 1],
    }
    casia.edit(protocols={"mine": {"subset": {"small": between}}})
    with pytest.raises(ParamsError, match="gallery_range: the first has to be below the second"):
        casia.run("protocols")


def test_a_reader_without_official_protocol_is_told(workspace):
    testing.tufts(workspace.path / "images", subjects=1)
    workspace.edit(
        protocols={
            "mine": {"build": "official", "rows": "ingest", "seed": 7, "subset": {}},
        }
    )
    workspace.run("ingest")
    with pytest.raises(ReaderError, match="reader 'folder' has no official protocol"):
        workspace.run("protocols")


def test_a_data_set_without_section_is_told(workspace):
    with pytest.raises(ParamsError, match=r"protocols@mine: 'mine' is none of \[\]"):
        workspace.run("protocols")
