"""What rows of the ablations leave: whole files, whatever kills who writes them."""

from pathlib import Path

import pytest

from ablations import laid_over, rows


@pytest.fixture
def killed(monkeypatch):
    """Kill whoever writes after the first half of it is on the disk."""

    def write_half(path, content):
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        raise KeyboardInterrupt

    return lambda: monkeypatch.setattr(Path, "write_bytes", write_half)


def test_a_kill_leaves_the_row_that_was_measured_before(killed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows.write_row("rows", "plain", {"gradients": {"1-01": {}}, "rank1": 0.5})
    killed()
    with pytest.raises(KeyboardInterrupt):
        rows.write_row("rows", "plain", {"gradients": {"1-01": {}}, "rank1": 0.75})
    found = rows.read_rows("rows", ["plain"], [1], "command")
    assert found["plain"]["rank1"] == 0.5


def test_a_kill_leaves_the_rows_that_were_laid_over_before(killed, tmp_path):
    for name, steps in (("small", 3), ("large", 9)):
        Path(tmp_path, f"{name}.yaml").write_text(f"rows: {{plain: {{steps: {steps}}}}}\n")
    target = tmp_path / "rows.yaml"
    laid_over.run(target, tmp_path / "small.yaml")
    before = target.read_bytes()
    killed()
    with pytest.raises(KeyboardInterrupt):
        laid_over.run(target, tmp_path / "large.yaml")
    assert target.read_bytes() == before
