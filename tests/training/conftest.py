"""Faces of a few made-up people in two bands, and a project folder with such faces in it."""

import shutil
from pathlib import Path

import pytest
from dmfr_rows import folders_of, rows_of
from face_rows import face_row, open_rows
from narrow import NARROW, WHOLE, built
from project_folder import NETWORK, ROOT, Project, write_project
from short_params import BANDS

from pipeline.schemas.parts import PARTS
from pipeline.store.protocols import (
    Protocol,
    Provenance,
    template_table,
    train_table,
    write_protocol,
)
from pipeline.training.methods.pram import Pram


def write_sample(project):
    """Write three subjects to train, two to test, each with two images in both bands."""
    people = [("t0", "train"), ("t1", "train"), ("t2", "train"), ("e0", "test"), ("e1", "test")]
    rows = [
        face_row(f"{s}.{n}.{band}", s, band, split)
        for s, split in people
        for n in range(2)
        for band in BANDS
    ]
    project.faces("sample", rows)
    single = [(None, r["sample_id"], r["subject_id"], r["sample_id"], None, None) for r in rows]
    kept = [r for r, row in zip(single, rows, strict=True) if row["split"] == "test"]
    trained = [(None, r["sample_id"], r["subject_id"]) for r in rows if r["split"] == "train"]
    enroll = template_table(r for r in kept if ".0.VIS" in r[1])
    probe = template_table(r for r in kept if ".1.NIR" in r[1])
    tables = enroll, probe, None, train_table(trained)
    folder = Path("data/sample/protocols")
    write_protocol(folder, Protocol("VIS-NIR", Provenance.DERIVED, "Made up.", *tables))


@pytest.fixture(scope="module", autouse=True)
def narrow_lightcnn():
    with built(*NARROW):
        yield


@pytest.fixture
def project(tmp_path, monkeypatch, weight_file):
    monkeypatch.chdir(tmp_path)
    return write_project(weight_file("sface"))


@pytest.fixture
def sample(project):
    """Three subjects to train, two to test, each with two images in both bands."""
    write_sample(project)
    return project


@pytest.fixture(scope="session")
def built_sample(tmp_path_factory, weight_file):
    """The same, with both methods trained; a test takes ``trained_sample``, a copy."""
    folder = tmp_path_factory.mktemp("sample")
    with built(*NARROW), pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        project = write_project(weight_file("sface"))
        write_sample(project)
        project.run("pretrain_nir_vis", "lightcnn9")
        for name in ("hsst", "pram_cat"):
            project.run("train_nir_vis", name)
    return folder


@pytest.fixture
def trained_sample(built_sample, tmp_path, monkeypatch):
    shutil.copytree(built_sample, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Project()


@pytest.fixture(scope="session")
def people(tmp_path_factory):
    """Four subjects with an image in each band; s3 never shows the mouth in NIR."""
    rows = [
        face_row(
            f"s{n}.{band}", f"s{n}", band, missing=("mouth",) if (n, band) == (3, "NIR") else ()
        )
        for n in range(4)
        for band in BANDS
    ]
    return open_rows(tmp_path_factory.mktemp("parts"), PARTS, rows, images=Pram.images)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Networks that their stages initialised and left as they were, on made-up people."""
    folder = tmp_path_factory.mktemp("trained")
    with built(*NARROW):
        write_networks(folder)
    return folder


@pytest.fixture(scope="session")
def whole_trained(tmp_path_factory):
    """The same with the whole LightCNN-9, for tests whose stages run in processes of their own."""
    folder = tmp_path_factory.mktemp("whole")
    with built(*WHOLE):
        write_networks(folder)
    return folder


def write_networks(folder):
    """Let stages initialise networks in an empty folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        shutil.copy(ROOT / "params.yaml", folder)
        project = Project()
        project.edit(**NETWORK)
        rows = [face_row(f"t{n}.{band}", f"t{n}", band) for n in range(2) for band in BANDS]
        project.faces("sample", rows)
        table = train_table((None, row["sample_id"], row["subject_id"]) for row in rows)
        nobody = template_table([])
        made = Protocol("VIS-NIR", Provenance.DERIVED, "", nobody, nobody, None, table)
        write_protocol(Path("data/sample/protocols"), made)
        project.run("pretrain_nir_vis", "lightcnn9")
        project.run("train_nir_vis", "hsst")
        shutil.rmtree("data/sample/attributes")
        folders_of(Path("data/sample"), rows_of(("t0", "t1")))
        project.run("pretrain_nir_vis", "dmfr")
        project.run("train_dmfr", "meta")
