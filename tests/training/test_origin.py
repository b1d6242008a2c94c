"""What an exported network says of where it comes from, and of the licences that follow."""

import json
from pathlib import Path

import onnx
import pytest
import torch
from face_rows import face_row, write_rows
from safetensors import safe_open
from torch import nn
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.schemas.attributes import ATTRIBUTES
from pipeline.schemas.parts import PARTS
from pipeline.training.engine.trained import Trained, network_path, save_trained
from pipeline.training.origin import Behind, Images, Origin, described, origin_of
from pipeline.training.portable import Portable, write_portable
from pipeline.weights import load_registry

PRETRAINED = {"steps": 4, "seed": 7, "band": "VIS", "distil_weight": 1.0, "checkpoint": None}
METHOD = {"kind": "hsst", "steps": 150, "seed": 3, "pretrained": "start", "second_rows": "masks"}
HERE = {"revision": "abc", "crossband": "1.2.3"}


def network_of(params, subjects, name="train_nir_vis@x"):
    return Trained(name, "lightcnn9", (144, 144), "arcface144", params, "k" * 8, subjects, {})


def image(name, subject, band, licence, made):
    row = face_row(name, subject, band)
    return row | {"licence": licence, "simulated": made}


@pytest.fixture
def project(tmp_path, monkeypatch, request):
    """Three people of one data set, one of another; ``c`` trains nobody."""
    monkeypatch.chdir(tmp_path)
    rows = [
        image("a.1", "a", "VIS", "CC-BY-4.0", False),
        image("a.2", "a", "NIR", "CC-BY-4.0", True),
        image("b.1", "b", "VIS", "MIT", False),
        image("b.2", "b", "NIR", None, False),
        image("c.1", "c", "VIS", "CC-BY-NC-4.0", False),
    ]
    write_rows(Path("data/mine/parts"), PARTS, rows)
    write_rows(Path("data/web/attributes"), ATTRIBUTES, [image("z", "z", "VIS", "CC0-1.0", True)])
    return load_registry(request.config.rootpath / "weights.yaml")


def keep(params, name):
    path = network_path("pretrain_nir_vis", name)
    save_trained(network_of(params, []), path)


def test_a_pretraining_tells_its_bands_images_and_its_teacher(project):
    trained = network_of(PRETRAINED, ["mine/a", "mine/b", "web/z"])
    found = origin_of("pretrain_nir_vis", trained, project, **HERE)
    assert found == Origin(
        {
            "mine": Images(2, 0, {"VIS": 2}, 0, {"CC-BY-4.0": 1, "MIT": 1}),
            "web": Images(1, 0, {"VIS": 1}, 1, {"CC0-1.0": 1}),
        },
        [Behind("sface", "teacher", "Apache-2.0", True)],
        [],
        "abc",
        "1.2.3",
    )
    assert found.licences == ["Apache-2.0", "CC-BY-4.0", "CC0-1.0", "MIT"]
    assert found.made == "some"


def test_a_method_takes_over_what_its_start_was_made_from(project):
    keep(PRETRAINED | {"checkpoint": {"sha256": "12" * 32}}, "start")
    found = origin_of("train_nir_vis", network_of(METHOD, ["mine/a", "mine/b"]), project, **HERE)
    images = {"NIR": 2, "VIS": 2}
    assert found.images == {
        "mine": Images(2, 0, images, 1, {"CC-BY-4.0": 2, "MIT": 1, "unknown": 1})
    }
    assert [(each.role, each.licence) for each in found.networks] == [
        ("start", "unknown"),
        ("teacher", "Apache-2.0"),
    ]
    assert "12" * 32 in found.networks[0].name
    assert found.licences == ["Apache-2.0", "CC-BY-4.0", "MIT", "unknown"]
    assert found.synthesis == ["masks"]


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({"ratio": [1, 1], "generators": ["head_mesh", "cyclegan"]}, ["cyclegan", "head_mesh"]),
        ({"ratio": [1, 0], "generators": ["head_mesh"]}, []),
    ],
)
def test_synthetic_faces_of_dmfr_are_told_where_some_were_in_a_batch(project, params, wanted):
    keep(PRETRAINED, "start")
    trained = network_of(METHOD | {"second_rows": "parts"} | params, ["mine/a"])
    assert origin_of("train_dmfr", trained, project, **HERE).synthesis == wanted


def test_what_is_gone_leaves_the_licences_unknown(project):
    found = origin_of("train_nir_vis", network_of(METHOD, ["web/z", "web/y"]), project, **HERE)
    assert found.images == {"web": Images(2, 1, {"VIS": 1}, 1, {"CC0-1.0": 1})}
    (lost,) = found.networks
    assert (lost.role, lost.licence) == ("start", "unknown")
    assert found.licences == ["CC0-1.0", "unknown"]
    assert found.made == "unknown"
    lost = network_of(METHOD | {"steps": 0}, ["web/z"])  # who trained it is known, and no more
    assert origin_of("train_nir_vis", lost, project, **HERE).images["web"].images == {"VIS": 1}
    other = network_of(PRETRAINED | {"band": "NIR"}, ["web/z"])
    assert origin_of("pretrain_nir_vis", other, project, **HERE).licences[-1] == "unknown"
    nowhere = origin_of("train_nir_vis", network_of(METHOD, ["gone/a"]), project, **HERE)
    assert nowhere.images == {"gone": Images(1, 1, {}, 0, {})}
    assert nowhere.made == "unknown"


def test_weights_that_were_never_trained_are_of_no_data(project):
    loaded = PRETRAINED | {"steps": 0, "checkpoint": {"sha256": "12" * 32}}
    found = origin_of("pretrain_nir_vis", network_of(loaded, []), project, **HERE)
    assert found.images == {}
    assert found.licences == ["unknown"]


class Small(nn.Linear):
    def forward(self, images):
        return super().forward(images.flatten(1) / 255)


def leaving(params):
    torch.manual_seed(0)
    network = Small(12, 4)
    whole = Trained("x", "none", (2, 2), "arcface144", params, "k" * 8, ["mine/a"], {})
    return Portable(whole, network, network, {"images": ((3, 2, 2), "")})


ORIGIN = Origin(
    {"mine": Images(2, 1, {"NIR": 1, "VIS": 2}, 1, {"CC-BY-4.0": 2, "unknown": 1})},
    [Behind("bisenet", "start", "LicenseRef-x", False)],
    ["masks"],
    "abc",
    "1.2.3",
)


def test_all_three_files_say_it(tmp_path):
    graph = write_portable(leaving(METHOD), tmp_path, measured={}, origin=ORIGIN)[1]
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        told = file.metadata()
    assert told == described(leaving(METHOD).trained, ORIGIN)
    props = {prop.key: prop.value for prop in onnx.load(graph).metadata_props}
    assert props == {f"crossband.{name}": value for name, value in told.items()}
    assert (told["method"], told["seed"], told["steps"]) == ("hsst", "3", "150")
    assert json.loads(told["licences"]) == ["CC-BY-4.0", "LicenseRef-x", "unknown"]
    assert json.loads(told["trained_on"])["mine"]["images"] == {"NIR": 1, "VIS": 2}
    assert (told["images_made_by_a_program"], told["revision"]) == ("some", "abc")
    card = (tmp_path / "README.md").read_text()
    for line in (
        "| method | `hsst`, steps 150, seed 3 |",
        "| trained on | mine (2 subjects); images: 1 NIR, 2 VIS; a program made 1; by licence: "
        "2 CC-BY-4.0, 1 unknown; of 1 no image is in the project any more |",
        "| and on images made of these | by `masks` |",
        "| made from | bisenet, its start (licence: LicenseRef-x, no commercial use) |",
        "| licences of all these | CC-BY-4.0, LicenseRef-x, unknown |",
        "| exported by | crossband 1.2.3, revision `abc` |",
    ):
        assert f"\n{line}\n" in card


def test_no_subject_is_named(tmp_path):
    write_portable(leaving(METHOD), tmp_path, measured={}, origin=ORIGIN)
    assert all(b"mine/a" not in file.read_bytes() for file in tmp_path.iterdir())


def test_the_same_network_gives_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        write_portable(leaving(METHOD), tmp_path / folder, measured={}, origin=ORIGIN)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


def test_the_command_looks_it_up(trained_sample):
    done = CliRunner().invoke(app, ["export-model", "train_nir_vis@hsst", "--to", "out"])
    assert done.exit_code == 0, done.output
    card = Path("out/README.md").read_text()
    assert "| trained on | sample (3 subjects); images: 6 NIR, 6 VIS; no program made any" in card
    assert "| made from | sface, its teacher (licence: Apache-2.0) |" in card
    assert "| licences of all these | Apache-2.0, unknown |" in card
