"""Which stages compute what anew after an edit: exactly those that use the edited code."""

import hashlib
import importlib
import shutil
from functools import cache
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.detection import DETECTORS
from pipeline.exporters import EXPORTERS
from pipeline.face3d.backends import BACKENDS
from pipeline.params.load import check_params, read_yaml
from pipeline.readers import READERS
from pipeline.store import fingerprint
from pipeline.store.fingerprint import code_closure, code_sha256
from pipeline.training.backbones import MODULES
from pipeline.training.methods import METHODS
from stages.run import StageRun
from stages.wiring import kinds_of

ROOT = Path(__file__).resolve().parents[2]
STAGES = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]
KEYLESS = {
    *("weights", "report", "protocols"),
    *("evaluate_nir_vis", "evaluate_dmfr", "evaluate_bodies"),
}
"""Stages that always make all they put out: it is small."""


FACES, PEOPLE = ("train_nir_vis", "train_dmfr"), ("pretrain_bodies", "train_bodies")
"""Stages that train methods which params choose."""
DECODERS = "analyse_modality"


def entries():
    """Each stage with each of its entries, and the modules whose code that one depends on.

    A data set for each reader, one export for each format; ``detect`` and ``reconstruct`` once for
    each back end, as ``stage@backend``.
    """
    values = read_yaml(ROOT / "params.yaml")
    datasets = {name: {"reader": name, "root": "images", "shards": 1} for name in READERS} | values[
        "datasets"
    ]
    exports = {
        name: {"source": "data/sample/align", "format": name, "to": f"out/{name}"}
        for name in EXPORTERS
    }
    params = check_params(values | {"datasets": datasets, "exports": exports}, ROOT)
    found = {}
    for stage in STAGES.keys() - KEYLESS:
        for item in items(params, STAGES[stage]["foreach"]):
            found[f"{stage}@{item}"] = modules(stage, params, item)
    for stage, choices in (("detect", DETECTORS), ("reconstruct", BACKENDS)):
        for name in choices:
            section = getattr(params, stage).model_copy(
                update={"backend": name, "landmarks": "detector"}
            )
            chosen = params.model_copy(update={stage: section})
            found[f"{stage}@{name}"] = modules(stage, chosen, "sample")
    for family in (*FACES, "train_bodies"):
        for kind in kinds_of(family):  # whichever of them params.yaml has
            backbone = (MODULES["lightcnn9"],) if family in FACES else ()
            found[f"{family}@any {kind}"] = (
                "pipeline.training.engine.loop",
                METHODS[kind],
                *backbone,
            )
    return found


def items(params, foreach):
    section = getattr(params, foreach.strip("${}"))
    names = section if isinstance(section, dict) else type(section).model_fields
    return [name for name in names if isinstance(section, dict) or getattr(section, name)]


def modules(stage, params, item):
    module = importlib.import_module(f"stages.{stage}")
    code_of = getattr(module, "code_of", None)
    return code_of(params, item) if code_of else (f"stages.{stage}",)


ENTRIES = entries()


def all_of(*stages):
    return {entry for entry in ENTRIES if entry.split("@")[0] in stages}


def keys():
    known = {modules: code_sha256(*modules) for modules in set(ENTRIES.values())}
    return {entry: known[modules] for entry, modules in ENTRIES.items()}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A copy of the sources, and the keys as they are."""
    folder = tmp_path_factory.mktemp("sources")
    for top in fingerprint.PROJECT_PACKAGES:
        shutil.copytree(ROOT / top, folder / top, ignore=shutil.ignore_patterns("__pycache__"))
    return folder, keys()


@pytest.fixture
def stale_after(sources, monkeypatch):
    """Edits a file in a copy of the sources and returns what got another key."""
    folder, before = sources
    monkeypatch.setattr(fingerprint, "_root", lambda package: folder / package)
    # No edit adds a file or takes one away, and to look for them takes longer than all else.
    monkeypatch.setattr(fingerprint, "file_of", cache(fingerprint.file_of))
    former = {}

    def edit(path, old="", new="\nEDITED = 1\n"):
        file = folder / path
        text = former[file] = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1) if old else text + new)
        after = keys()
        return {entry for entry in after if after[entry] != before[entry]}

    yield edit
    for file, text in former.items():
        file.write_text(text)


@pytest.mark.parametrize(
    ("path", "stale"),
    [
        ("pipeline/readers/lfw.py", {"ingest@lfw"}),
        ("pipeline/readers/casia_nir_vis2.py", {"ingest@casia_nir_vis2"}),
        ("pipeline/readers/video.py", {"ingest@ijb_mdf", "ingest@scenes"}),
        ("pipeline/readers/segments.py", {"ingest@ijb_mdf", "ingest@scenes"}),
        ("pipeline/exporters/coco.py", {"export@coco"}),
        ("pipeline/exporters/parquet.py", {"export@parquet", "export@croissant"}),
        ("pipeline/demo/people/glasses.py", {"sample@procedural"}),
        ("pipeline/demo/scenes/garments.py", {"sample@scenes"}),
        ("pipeline/detection/fan.py", {"detect@fan"}),
        ("pipeline/detection/retinaface.py", {"detect@retinaface"}),
        ("pipeline/face3d/backends/truth.py", {"reconstruct@truth"}),
        ("pipeline/face3d/backends/prnet.py", {"reconstruct@prnet"}),
        ("models/prnet/network.py", {"reconstruct@prnet"}),
        ("pipeline/training/methods/hsst.py", {"train_nir_vis@hsst", "train_nir_vis@any hsst"}),
        ("models/hsst/network.py", {"train_nir_vis@hsst", "train_nir_vis@any hsst"}),
        ("models/pram/losses.py", {"train_nir_vis@pram_cat", "train_nir_vis@any pram"}),
        (
            "pipeline/training/methods/rm_rgm.py",
            {"train_nir_vis@any rm", "train_nir_vis@any rgm"},
        ),
        ("models/backbones/attention.py", set()),
        ("models/backbones/mobilefacenet.py", {"pretrain_bodies@face_vis", "train_bodies@face"}),
        (
            "pipeline/training/methods/bodies.py",
            {
                *("pretrain_bodies@vis", "train_bodies@full", "train_bodies@lora"),
                "train_bodies@any semantic_vit",
            },
        ),
    ],
)
def test_an_edit_makes_stale_what_chose_it_and_nothing_else(stale_after, path, stale):
    assert stale_after(path) == stale


def test_a_data_file_counts_as_the_code_that_reads_it(sources, stale_after):
    stale = stale_after("pipeline/readers/splits/buaa_visnir_v1.csv", new="x,train\n")
    assert stale == {"ingest@buaa_visnir"}
    path = sources[0] / "pipeline/face3d/canonical_face.npz"
    whole, before = path.read_bytes(), keys()
    path.write_bytes(whole + b"x")
    after = keys()
    path.write_bytes(whole)
    changed = {name.split("@")[0] for name in after if after[name] != before[name]}
    assert {"detect", "reconstruct", "masks", "poses", "sample"} <= changed


@pytest.mark.parametrize("stage", ["align", "parse", "masks", "crop_bodies", "export"])
def test_an_edit_of_a_stage_makes_its_own_rows_stale(stale_after, stage):
    mine = set() if stage == "export" else all_of(stage)  # the stage itself writes no file of it
    assert stale_after(f"stages/{stage}.py") == mine


def test_an_edit_of_a_network_makes_stale_all_that_run_it(stale_after):
    photographs = {"sample@openpeople", "sample@scenes"}  # their skin and hair are found by it
    assert stale_after("models/bisenet/network.py") == all_of("parse") | photographs


@pytest.mark.parametrize(
    ("path", "stages"),
    [
        (
            "pipeline/training/engine/loop.py",
            ("train_degrader", "pretrain_nir_vis", *FACES, *PEOPLE, DECODERS),
        ),
        (
            "pipeline/training/data/images.py",
            ("train_degrader", "pretrain_nir_vis", *FACES, *PEOPLE, DECODERS),
        ),
        (
            "pipeline/training/data/samplers.py",
            ("pretrain_nir_vis", "train_nir_vis", *PEOPLE, DECODERS),
        ),
        ("pipeline/training/data/augmentation.py", ("pretrain_nir_vis",)),
        (
            "pipeline/training/engine/trained.py",
            ("pretrain_nir_vis", *FACES, *PEOPLE, DECODERS),
        ),
        ("pipeline/training/modality_drawings.py", (DECODERS,)),
        ("models/backbones/lightcnn.py", ("pretrain_nir_vis", *FACES, DECODERS)),
        ("models/cyclegan/pool.py", ("train_degrader",)),
        ("pipeline/training/embed_faces.py", ()),
    ],
)
def test_an_edit_of_what_trainings_share_makes_them_stale(stale_after, path, stages):
    assert stale_after(path) == all_of(*stages)


@pytest.mark.parametrize(
    "path",
    [
        "pipeline/report/parse.py",
        "pipeline/report/contact_sheet.py",
        "pipeline/params/parse.py",
        "pipeline/schemas/parse.py",
        "pipeline/store/mapping.py",
        "pipeline/weights/registry.py",
        "stages/run.py",
        "stages/wiring.py",
    ],
)
def test_code_that_makes_no_row_makes_nothing_stale(stale_after, path):
    assert stale_after(path) == set()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("pipeline/readers/__init__.py", "pipeline.readers.lfw"),
        ("pipeline/exporters/__init__.py", "pipeline.exporters.coco"),
        ("pipeline/detection/__init__.py", "pipeline.detection.fan"),
        ("pipeline/face3d/backends/__init__.py", "pipeline.face3d.backends.mesh"),
        ("pipeline/demo/sources/__init__.py", "pipeline.demo.sources.scenes"),
        ("pipeline/training/methods/__init__.py", "pipeline.training.methods.hsst"),
        ("pipeline/training/backbones/__init__.py", "pipeline.training.backbones.attention"),
    ],
)
def test_a_new_entry_in_a_registry_makes_nothing_stale(stale_after, path, name):
    assert stale_after(path, f'"{name}"', f'"{name}", "another": "{name}"') == set()


def test_an_edit_of_how_backbones_are_seeded_trains_all_that_stand_on_one(stale_after):
    seed = "with seeded(seed"
    stale = stale_after("pipeline/training/backbones/__init__.py", seed, f"{seed} + 1")
    faces = {"pretrain_bodies@face_vis", "train_bodies@face", "train_bodies@any adaface"}
    assert stale == all_of("pretrain_nir_vis", *FACES, DECODERS) | faces


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("semantic_vit", ("SIZES[params.vit]", "torch.manual_seed(seed)", "params.lora")),
        ("deen", ("params.branches", "torch.manual_seed(seed)")),
        ("adaface", ("make_backbone(",)),
    ],
)
def test_a_method_on_people_has_what_builds_its_network_in_its_key(kind, parts):
    text = "".join(path.read_text() for path in code_closure(METHODS[kind]).values())
    assert [part for part in parts if part not in text] == []


@pytest.mark.parametrize(
    ("stage", "item", "loader"),
    [
        ("pretrain_nir_vis", "lightcnn9", "models.backbones.checkpoints"),
        ("pretrain_bodies", "vis", "models.bodies.checkpoints"),
        ("pretrain_bodies", "face_vis", "models.backbones.checkpoints"),
    ],
)
def test_what_loads_a_checkpoint_counts_where_one_is_loaded(stage, item, loader):
    params = check_params(read_yaml(ROOT / "params.yaml"), ROOT)
    assert loader not in modules(stage, params, item)
    section = getattr(params, stage)
    mine = section[item].model_copy(update={"checkpoint": object()})
    assert loader in modules(stage, params.model_copy(update={stage: {item: mine}}), item)


@pytest.mark.parametrize("module", sorted(set(METHODS.values())))
def test_an_edit_of_one_method_trains_that_method_anew(stale_after, module):
    stale = stale_after(f"{module.replace('.', '/')}.py")
    assert stale == {entry for entry, modules in ENTRIES.items() if module in modules}
    assert any("@any" in entry for entry in stale)


def test_a_comment_makes_nothing_stale(stale_after):
    assert stale_after("pipeline/ops/geometry.py", new="\n# words\n") == set()


def test_a_data_file_counts_for_the_one_reader_that_names_it(stale_after):
    path = "pipeline/readers/splits/buaa_visnir_v1.csv"
    assert stale_after(path, new="999,test\n") == {"ingest@buaa_visnir"}


def test_a_network_of_ones_own_that_is_renamed_recomputes_nothing(tmp_path):
    digest = hashlib.sha256(b"network").hexdigest()
    keys = set()
    for name in ("a/person.pt", "b/person-2.pt"):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_bytes(b"network")
        run = StageRun("detect_bodies", "mine", None)
        assert run.file(path, digest) == path
        keys.add(run.key({}).digest)
    assert len(keys) == 1
    assert StageRun("detect_bodies", "mine", None).key({}).digest not in keys
