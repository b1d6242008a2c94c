import pytest
from rich.console import Console

from pipeline.errors import WeightsError
from pipeline.weights import fetch, status_table, verified_path

CONTENT = b"weights " * 400

pytestmark = pytest.mark.usefixtures("quick_pip")


def test_the_right_file_is_returned(tmp_path, entry):
    (tmp_path / "net.onnx").write_bytes(CONTENT)
    assert verified_path("net", {"net": entry()}, tmp_path) == tmp_path / "net.onnx"


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT + b"!", CONTENT[::-1]])
def test_another_file_is_never_returned(tmp_path, entry, content):
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(WeightsError, match=r"(?s)net\.onnx is not the file.*dvc repro weights"):
        verified_path("net", {"net": entry()}, tmp_path)


def test_a_missing_file_says_what_to_do(tmp_path, entry):
    with pytest.raises(WeightsError, match=r"net\.onnx is missing: run `dvc repro weights`"):
        verified_path("net", {"net": entry()}, tmp_path)


def test_an_unreadable_file_says_what_to_do(tmp_path, entry):
    # A link to itself: nobody can read it, not even root.
    (tmp_path / "net.onnx").symlink_to("net.onnx")
    with pytest.raises(WeightsError, match=r"net\.onnx cannot be read"):
        verified_path("net", {"net": entry()}, tmp_path)


def test_an_unknown_name_lists_the_known(tmp_path, entry):
    with pytest.raises(WeightsError, match=r"'other'.*net"):
        verified_path("other", {"net": entry()}, tmp_path)


def test_the_table_tells_present_missing_and_wrong_apart(tmp_path, entry, package):
    registry = {
        "here": entry(package(), file="here.onnx"),
        "gone": entry(file="gone.onnx", commercial=False, licence="CC-BY-NC-4.0"),
        "bad": entry(file="bad.onnx"),
        "loop": entry(file="loop.onnx"),
    }
    fetch(["here"], registry, tmp_path / "weights")
    (tmp_path / "weights" / "bad.onnx").write_bytes(CONTENT[::-1])
    (tmp_path / "weights" / "loop.onnx").symlink_to("loop.onnx")
    console = Console(width=200)
    with console.capture() as capture:
        console.print(status_table(registry, tmp_path / "weights"))
    rows = [
        [cell.strip() for cell in line.strip("│┃").split("│")]
        for line in capture.get().splitlines()
        if line.startswith("│")
    ]
    assert rows == [
        ["here", "a network", "MIT", "0.0", "yes", "tiny==1.0"],
        ["gone", "a network", "CC-BY-NC-4.0 (non-commercial)", "0.0", "no", ""],
        ["bad", "a network", "MIT", "0.0", "wrong sha256", ""],
        ["loop", "a network", "MIT", "0.0", "unreadable", ""],
    ]
