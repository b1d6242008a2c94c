"""The guides `docs/add-a-*.md` are followed, step by step, in a copy of the project.

A block of a guide that comes after a path in backticks is that file, or, where it is a diff, lines
that the file gets. Plain blocks of `python -m pytest …` and `make …` are run. The guide's table
has to name the files that were touched, with the lines they got.
"""

import re
import shutil
import textwrap
from pathlib import Path

import pytest
from forked import run_python

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "docs").glob("add-a-*.md"))
COPIED = ("models", "pipeline", "stages", "tests", "ablations", ".dvc/plots", "docs")
FILES = ("dvc.yaml", "params.yaml", "pyproject.toml", "weights.yaml", "Makefile")
BLOCK = re.compile(r"(?:^ *`([\w./-]+)`\n\n)?^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
MOST_STEPS = 5
MOST_FILES = {
    "add-a-detector": 2,
    "add-a-exporter": 2,
    "add-a-mask-design": 2,
    "add-a-method": 6,
    "add-a-reader": 2,
    "add-a-stage": 6,
}
"""Beside the tests of what is added."""
MADE = {"make wiring": "python -m stages.wiring", "make graph": "python docs/draw_stages.py"}
"""What the targets of the Makefile run."""
QUIET = "-q -p no:cacheprovider -W ignore::pytest.PytestAssertRewriteWarning"
"""For pytest, which finds libraries loaded that would also be plugins."""


def copy_project(to):
    kept_out = shutil.ignore_patterns(".*")
    for name in COPIED:
        shutil.copytree(ROOT / name, to / name, ignore=kept_out)
    for name in FILES:
        shutil.copy(ROOT / name, to / name)
    return to


def blocks(guide):
    """Yield path, language and text of each block."""
    for path, _, language, text in BLOCK.findall(guide.read_text()):
        yield path, language, textwrap.dedent(text)


def apply_diff(file, diff):
    """Put the lines with a plus behind the first place where the lines above them stand.

    Lines with a minus go. Lines between those that a diff names need not be named.
    """
    lines, place = file.read_text().splitlines(), 0
    for line in diff.splitlines():
        if line.startswith("+"):
            lines.insert(place, line[1:])
            place += 1
            continue
        found = [i for i in range(place, len(lines)) if lines[i] == line[1:]]
        assert found, f"{file.name} has no line {line[1:]!r} (any more)"
        place = found[0] + 1
        if line.startswith("-"):
            place -= 1
            del lines[place]
    file.write_text("\n".join(lines) + "\n")
    return sum(line.startswith("+") for line in diff.splitlines())


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_works_and_touches_the_files_it_says(guide, tmp_path):
    project = copy_project(tmp_path / "project")
    touched, commands = {}, []
    for path, language, text in blocks(guide):
        if path and language == "diff":
            touched[path] = touched.get(path, 0) + apply_diff(project / path, text)
        elif path:
            assert not (project / path).exists(), f"{path} is there already"
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(text)
            touched[path] = len(text.splitlines())
        elif text.startswith(("python -m pytest", "make ")):
            commands += text.splitlines()
    assert table_of(guide) == touched
    assert commands
    for command in commands:
        if command in MADE:
            follow(MADE[command], project)
        else:
            assert re.search(r"\d+ passed", follow(f"{command} {QUIET}", project))
    follow("python -m stages.wiring --check", project)


def table_of(guide):
    """Return the lines of each file that a guide says one touches."""
    rows = re.findall(r"^\| `([\w./-]+)` \| (\d+) \|$", guide.read_text(), re.MULTILINE)
    return {path: int(lines) for path, lines in rows}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_few_files_are_touched(guide):
    files = [path for path in table_of(guide) if not path.startswith("tests/")]
    assert len(files) <= MOST_FILES[guide.stem]


def test_a_method_is_two_places_of_one_name_a_line_and_params():
    table = table_of(ROOT / "docs/add-a-method.md")
    code = [path for path in table if "params" not in path and not path.startswith("tests/")]
    others = [path for path in code if "contrastive" not in path]
    assert {path.partition("/contrastive")[0] for path in code if path not in others} == {
        "models",
        "pipeline/training/methods",
    }
    assert [table[path] for path in others] == [1]


def test_a_methods_own_loss_compares_images_of_all_processes():
    """As every loss of the project that compares images does: see ``models.processes``."""
    (recipe,) = (
        text
        for path, _, text in blocks(ROOT / "docs/add-a-method.md")
        if path == "pipeline/training/methods/contrastive.py"
    )
    assert "near, far = map(with_all, self.both(first, second))" in recipe


def follow(command, project):
    """Run a command with this Python; returns what it prints."""
    environment = {"PYTHONPATH": str(project), "PATH": "/usr/bin:/bin", "HOME": str(project)}
    done = run_python(command.split()[1:], cwd=project, environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_has_at_most_five_steps(guide):
    for section in guide.read_text().split("\n## "):
        assert len(re.findall(r"^\d+\. ", section, re.MULTILINE)) <= MOST_STEPS
