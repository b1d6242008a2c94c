"""Every block of the documents is run, checked, or says here why it is not.

A block is known by its document and its first line. ``RUN`` are run by a shell, as they stand but
for what ``Run.instead`` replaces, in a project that README's own block made of three photographs.
The guides ``docs/add-a-*.md`` are followed by ``test_guides.py``.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from ruamel.yaml import YAML

from pipeline.ops.codec import encode_png
from pipeline.params.inputs import check_inputs
from pipeline.params.load import check_params, lay_profile_over, read_yaml

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    path
    for path in sorted(
        [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("ablations/*.md")]
    )
    if not path.name.startswith("add-a-")
]
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
PARAMS = ROOT / "params.yaml"


@dataclass(frozen=True)
class Run:
    """How a block is run: where below the project's parent, and what is replaced in it."""

    where: str = "mine"
    instead: dict[str, str] = field(default_factory=dict)
    long: bool = False


PHOTOS = {"data/sample/": "data/photos/"}
RUN = {
    ("docs/start.md", "source .venv/bin/activate"): Run(
        instead=PHOTOS | {"source .venv/bin/activate": "", "P001": "anna"}
    ),
    # The project has no data set `sample`; what would run is asked alone.
    ("docs/start.md", "dvc repro masks@sample"): Run(
        instead={"masks@sample": "parts@photos", "dvc repro": "dvc repro --dry"}
    ),
    (
        "docs/start.md",
        "crossband export data/sample/align --format webdataset --to exports/faces",
    ): Run(instead=PHOTOS | {"exports/faces": "exports/start"}),
    (
        "docs/exports.md",
        "crossband export data/sample/align --format webdataset --to exports/faces",
    ): Run(
        # No photograph has a split, and there is no bucket.
        instead=PHOTOS
        | {"exports/faces": "exports/all", "s3://bucket/nir": "exports/nir", " --split train": ""}
    ),
    ("docs/own-images.md", "crossband init mine --images photos"): Run(
        where=".", instead={"init mine": "init whole", "cd mine": "cd whole"}, long=True
    ),
    ("docs/own-images.md", "mkdir -p ~/photos"): Run(where="mine", long=True),
    ("docs/dvc.md", 'dvc repro && git add dvc.lock && git commit -m "Default template"'): Run(
        instead={"# edit params.yaml": "sed -i 's/min_pixels: 8 /min_pixels: 9 /' params.yaml"},
        long=True,
    ),
    ("docs/dvc.md", "dvc repro"): Run(
        instead={
            "s3://bucket/project": "../store",
            "git push": "true",  # there is no other repository
            "git clone … && cd …": "git clone -q . ../clone && cd ../clone",
        },
        long=True,
    ),
}
ELSEWHERE = {
    (
        "README.md",
        "crossband init mine --images photos && cd mine",
    ): "project, of this module",
    ("README.md", "import crossband"): "tests/library/test_library.py",
    ("docs/exports.md", "import glob, torch, webdataset"): "tests/exporters/test_export_docs.py",
    ("docs/exports.md", "import datasets, torch"): "tests/exporters/test_export_docs.py",
    ("docs/exports.md", "import io, torch"): "tests/exporters/test_export_docs.py",
    (
        "docs/exports.md",
        "import datasets, pyarrow.compute as pc, pyarrow.parquet as pq",
    ): "tests/docs/test_own_network.py",
    ("docs/methods.md", "import torch"): "tests/docs/test_own_network.py",
    ("docs/methods.md", "from pathlib import Path"): "tests/docs/test_own_network.py",
    ("docs/start.md", "from datasets import Image, load_dataset"): "test_rows_are_read_as_they_are",
    (
        "docs/sample.md",
        "from pipeline.evaluation.comparison import compare",
    ): "test_measures_of_the_sample_page_run",
    (
        "docs/video.md",
        "SUBJECT_ID,FILENAME,FRAME_NUM,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT",
    ): "test_the_table_of_boxes_is_read_with_its_params",
    (
        "docs/licensed-data.md",
        "crossband check casia_nir_vis2 --root /data/CASIA-NIR-VIS-2.0",
    ): "tests/test_cli.py",
    (
        "docs/own-images.md",
        "dvc repro detect@photos",
    ): "tests/stages/test_counterparts_list.py",
    (
        "docs/own-images.md",
        "dvc repro align@photos",
    ): "tests/stages/test_counterparts_list.py",
    (
        "docs/real-data.md",
        "crossband check sf_tl54 --root /data/sftl",
    ): "tests/readers/test_thermal_readers.py",
    (
        "docs/scaling.md",
        "$ export CROSSBAND_DATA=s3://bucket/prepared",
    ): "tests/store/test_files.py",
    (
        "docs/security.md",
        "$ umask 077; head -c 32 /dev/urandom > ~/crossband.key",
    ): "tests/readers/test_pseudonyms.py",
}
"""Blocks that another test follows."""

NOT_RUN = {
    (
        "README.md",
        "make repro",
    ): ".ci/run does both, the run with params/tiny.yaml",
    (
        "README.md",
        "pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu",
    ): "asks an index; tests/dvc/test_wheel.py installs the wheel",
    (
        "README.md",
        "photos/anna/VIS/1.jpg  photos/anna/NIR/1.jpg  photos/bob/holiday/3.tiff",
    ): "no command; the project has these files",
    (
        "docs/own-images.md",
        "photos/anna/VIS/1.jpg  photos/anna/NIR/1.jpg  photos/bob/holiday/3.tiff",
    ): "no command; the project has these files",
    (
        "CONTRIBUTING.md",
        "make setup",
    ): ".ci/run makes setup, lint and test; bench takes an hour",
    (
        "docs/start.md",
        "git clone <this repository> crossband && cd crossband",
    ): ".ci/run starts from a clone",
    (
        "docs/video.md",
        "films/VIS/walk.mp4",
    ): "no command; test_the_table_of_boxes_is_read_with_its_params has these files",
    (
        "ablations/README.md",
        "make ablations",
    ): "hours; tests/training/test_ablation_row.py runs a row",
    (
        "ablations/README.md",
        "cd build/ablations",
    ): "hours; tests/ablations/test_dmfr_ablations.py runs a row",
    (
        "ablations/README.md",
        "crossband compare reports/ablations/outcomes/finetuned/plain.parquet "
        "reports/ablations/outcomes/pram/plain.parquet",
    ): "hours; tests/training/test_ablation_row.py compares outcomes of rows",
    (
        "ablations/README.md",
        "python -m ablations.bodies_row full",
    ): "hours; tests/training/test_bodies_row.py runs a row",
    (
        "docs/licensed-data.md",
        "crossband init ~/casia --profile casia.yaml && cd ~/casia",
    ): "hours, and wants the data set; test_licensed_data.py reads its profile",
    (
        "docs/licensed-data.md",
        "make casia-pram CASIA=/data/CASIA-NIR-VIS-2.0",
    ): "days, and wants the data set; tests/ablations/test_casia.py reads what they train",
    (
        "docs/licensed-data.md",
        "crossband workspace ~/dmfr --profile dmfr.yaml && cd ~/dmfr",
    ): "days, and wants the data sets; test_licensed_data.py reads what DVC would run",
    (
        "docs/study.md",
        "make study",
    ): "hours; tests/ablations/test_study.py reads each size",
    (
        "docs/scaling.md",
        "$ pip install 'crossband[ray]'",
    ): "asks an index and several machines; tests/store/test_ray.py has a cluster on one",
}
"""Blocks that nothing runs as they stand, and why."""


def blocks():
    """Yield each block: its document and first line, language and text; formulas are none."""
    for path in DOCUMENTS:
        for number, (_, language, text) in enumerate(BLOCK.findall(path.read_text())):
            first = text.splitlines()[0].partition("#")[0].strip()
            name = f"yaml {number}" if language == "yaml" else first
            if language != "text":
                yield (str(path.relative_to(ROOT)), name), language, text


EVERY = list(blocks())
BLOCKS = {key: (language, text) for key, language, text in EVERY}
YAMLS = [key for key, (language, _) in BLOCKS.items() if language == "yaml"]


def test_every_block_is_accounted_for_once():
    named = [*RUN, *ELSEWHERE, *NOT_RUN, *YAMLS]
    assert sorted(named) == sorted(key for key, _, _ in EVERY)


def test_what_follows_a_block_elsewhere_is_there():
    here = Path(__file__).read_text()
    for where in ELSEWHERE.values():
        assert (ROOT / where).is_file() or f"def {where.split(',')[0]}(" in here


def test_every_target_and_every_stage_that_a_document_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    stages = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]
    for path in DOCUMENTS:
        code = [text for _, _, text in BLOCK.findall(path.read_text())]
        code += re.findall(r"`([^`\n]+)`", path.read_text())
        for text in code:
            assert set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)) <= targets, path
            named = re.findall(r"dvc repro ((?:-\S+ )*)((?:\w+@[\w<>-]+ ?)+)", text)
            for stage in (each.split("@")[0] for _, words in named for each in words.split()):
                assert stage in stages, f"{path.name}: {stage}"


def test_every_command_has_the_options_that_a_document_gives_it():
    """Of commands that are not run as they stand, too."""
    import typer

    from pipeline.cli import app

    known = typer.main.get_command(app).commands
    for path in DOCUMENTS:
        for name, words in re.findall(r"crossband ([a-z][a-z-]+)\b([^`|&;#\n]*)", path.read_text()):
            if name not in known:
                continue  # "crossband rejects …" is prose
            options = {option for each in known[name].params for option in each.opts}
            given = set(re.findall(r" (--?[a-z][a-z-]*)", words))
            assert given <= options | {"--help"}, f"{path.name}: crossband {name}{words}"


@pytest.mark.parametrize("key", YAMLS, ids=" ".join)
def test_params_of_a_document_are_params(key, tmp_path):
    text = BLOCKS[key][1].replace("what sha256sum prints", "ab" * 32)
    profile = YAML(typ="safe").load(text)
    photos = {"reader": "folder", "root": "photos", "shards": 2}
    base = read_yaml(PARAMS)
    # What a block builds on: the data set that the text above it has named.
    base["datasets"] |= {"photos": photos, "ijbc": photos | {"reader": "ijbc"}}
    base["face_datasets"] |= {"photos": {}}
    assert check_params(lay_profile_over(base, profile), tmp_path / "params.yaml")


def test_the_profile_that_trains_on_own_people_is_whole(tmp_path):
    (text,) = (
        text
        for (page, _), (_, text) in BLOCKS.items()
        if page == "docs/own-images.md" and "train_nir_vis" in text
    )
    values = lay_profile_over(read_yaml(PARAMS), YAML(typ="safe").load(text))
    made = check_params(values, tmp_path / "params.yaml")
    check_inputs(made, tmp_path / "params.yaml")
    trained = made.train_nir_vis | made.train_dmfr | made.pretrain_nir_vis
    assert sorted(trained) == ["dmfr", "hsst", "lightcnn9", "meta", "pram_cat"]
    tested = made.evaluate_nir_vis | made.evaluate_dmfr
    assert sorted(tested) == ["photos-hsst", "photos-meta", "photos-pram"]
    assert {each.dataset for each in (trained | tested).values()} == {"photos"}


def shell(text, cwd, home):
    """Run a block; returns what it printed."""
    identity = {
        f"GIT_{who}_{what}": "someone"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=cwd,
        env=os.environ
        | identity
        | {"PATH": path, "HOME": str(home), "XDG_CACHE_HOME": cache, "EDITOR": "true"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The folder in which README's block for one's own images has been run."""
    parent = tmp_path_factory.mktemp("readme")
    face = np.ascontiguousarray(skimage.data.astronaut()[:300, 80:400])
    images = {"anna/VIS/1.jpg": face, "anna/NIR/1.jpg": face[..., 0], "bob/holiday/3.tiff": face}
    for name, image in images.items():
        path = parent / "photos" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(encode_png(np.ascontiguousarray(image)))  # the content counts
    (key,) = [key for key, where in ELSEWHERE.items() if where.startswith("project")]
    printed = shell(BLOCKS[key][1], parent, parent)
    assert re.search(r"anna +1 +1", printed)  # one image in each band
    made = parent / "mine"
    assert (made / "faces.png").stat().st_size > 1000
    assert (made / "exports/faces/manifest.json").is_file()
    return made


@pytest.mark.parametrize("key", [key for key in RUN if not RUN[key].long], ids=" ".join)
def test_a_block_runs(key, project):
    follow(key, project)


@pytest.mark.long
@pytest.mark.parametrize("key", [key for key in RUN if RUN[key].long], ids=" ".join)
def test_a_long_block_runs(key, project, tmp_path):
    shutil.copytree(project.parent, tmp_path / "all", symlinks=True)
    follow(key, tmp_path / "all/mine")


def follow(key, project):
    text, run = BLOCKS[key][1], RUN[key]
    for old, new in run.instead.items():
        assert old in text
        text = text.replace(old, new)
    shell(text, project.parent / run.where, project.parent)


def test_rows_are_read_as_they_are(project, monkeypatch):
    (text,) = [text for (_, first), (_, text) in BLOCKS.items() if first.endswith("load_dataset")]
    monkeypatch.chdir(project)
    monkeypatch.setenv("HF_HOME", str(project.parent / "hf"))
    names = {}
    exec(text.replace("data/sample/", "data/photos/"), names)
    assert len(names["faces"]) == 3
    assert names["faces"][0]["image"].size == (144, 144)


def test_measures_of_the_sample_page_run(capsys):
    (text,) = [text for (page, _), (_, text) in BLOCKS.items() if page == "docs/sample.md"]
    unit = np.eye(3, dtype=np.float32)
    subjects = np.array(["a", "b", "c"])
    given = {"probes": unit, "gallery": unit, "probe_subjects": subjects}
    exec(text, given | {"gallery_subjects": subjects})
    assert capsys.readouterr().out.startswith("1.0 ")


def test_the_table_of_boxes_is_read_with_its_params(tmp_path):
    import av

    from pipeline.params.datasets import DatasetParams
    from pipeline.readers import read_dataset

    page = {first: text for (name, first), (_, text) in BLOCKS.items() if name == "docs/video.md"}
    table = next(text for first, text in page.items() if first.startswith("SUBJECT_ID"))
    (text,) = [
        text
        for (name, _), (_, text) in BLOCKS.items()
        if name == "docs/video.md" and "films:" in text
    ]
    profile = YAML(typ="safe").load(text)
    films = tmp_path / "films"
    for path in next(text for first, text in page.items() if first.startswith("films/")).split():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (films / "annotations/boxes.csv").write_text(table)
    (films / "train.csv").write_text("SUBJECT_ID\nanna\nbob\n")
    with av.open(films / "VIS/walk.mp4", "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = 240, 640, "yuv420p"
        for _ in range(6):
            frame = av.VideoFrame.from_ndarray(np.full((240, 640, 3), 90, np.uint8), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    values = profile["datasets"]["films"] | {"root": str(films)}
    params = DatasetParams.model_validate(values, strict=False)
    rows = list(read_dataset("films", params).rows)
    assert rows
    assert {row["band"] for row in rows} == {"VIS"}
