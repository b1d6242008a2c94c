"""From a wheel in an environment of its own: a project, a run over two bands, an export."""

import os
import re
import site
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from ruamel.yaml import YAML

from pipeline.ops.codec import encode_png

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment with the built wheel; what crossband depends on comes from this one."""
    parent = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "-w", str(parent), str(parent / "code")]
    subprocess.run(["git", "clone", "-q", str(ROOT), "code"], cwd=parent, check=True)
    subprocess.run([*pip, *build], check=True)
    made = parent / "environment"
    venv.create(made, with_pip=False, symlinks=True)
    (wheel,) = parent.glob("*.whl")
    install = ["install", "--no-deps", "--ignore-installed", "--prefix", str(made), str(wheel)]
    subprocess.run([*pip, *install], check=True)
    (packages,) = made.glob("lib/python*/site-packages")
    theirs = [path for path in (*site.getsitepackages(), *sys.path) if "site-packages" in path]
    (packages / "dependencies.pth").write_text("\n".join(dict.fromkeys(theirs)) + "\n")
    script = made / "bin/crossband"  # pip names its own Python in it, which has the sources
    script.write_text(f"#!{made}/bin/python\n" + script.read_text().partition("\n")[2])
    (made / "bin/dvc").write_text(
        f"#!{made}/bin/python\nimport sys\nfrom dvc.cli import main\nsys.exit(main())\n"
    )
    (made / "bin/dvc").chmod(0o755)
    return made


def command(environment, *words, cwd):
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(environment / "bin" / words[0]), *words[1:]],
        cwd=cwd,
        env=outside | {"PATH": f"{environment}/bin:{os.environ['PATH']}"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_folder_in_two_bands_is_prepared_and_exported(environment, tmp_path):
    code = "import pipeline, crossband; print(pipeline.__file__)"
    where = command(environment, "python", "-c", code, cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(environment)
    face = np.ascontiguousarray(skimage.data.astronaut()[:300, 80:400])
    for name in ("anna/1.png", "anna/NIR/1.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(face if "NIR" not in name else face[..., 0].copy()))
    command(environment, "crossband", "init", "mine", "--images", "photos", cwd=tmp_path)
    project = tmp_path / "mine"
    text, kept = ((at / "params.yaml").read_text() for at in (ROOT, project))
    for section in ("ingest", "detect", "align", "parse", "parts", "masks", "degrade"):
        (block,) = re.findall(rf"^{section}:.*\n(?:  .*\n)+", text, re.MULTILINE)
        assert "#" in block
        assert block in kept  # with every comment
    printed = command(environment, "dvc", "repro", "align@photos", cwd=project)
    assert ["anna", "1", "1"] in [line.split() for line in printed.splitlines()]
    command(
        environment,
        *("crossband", "export", "data/photos/align", "--format", "folder", "--to", "out"),
        cwd=project,
    )
    assert len(list((project / "out").rglob("*.png"))) == 2
    lock = YAML(typ="safe").load((project / "dvc.lock").read_text())
    used = lock["stages"]["align@photos"]["params"]
    assert used["crossband.yaml"] == {"version": "0.1.0"}
    paths = [dep["path"] for dep in lock["stages"]["align@photos"]["deps"]]
    assert paths == ["data/photos/detect"]
