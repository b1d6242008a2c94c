"""Faces of a few made-up people in two bands, and short params to train on them."""

from pathlib import Path

import pytest
from face_rows import face_row, write_rows

from pipeline.params import load_params
from pipeline.store import PARTS as SCHEMA
from pipeline.training.faces import load_components, load_faces, of_split
from pipeline.training.identities import training_faces
from pipeline.types import Band, Split

PARAMS = load_params(Path(__file__).resolve().parents[2] / "params.yaml")
SHORT = {
    "steps": 4,
    "checkpoint_steps": 2,
    "threads": 1,
    "precision": "32-true",
    "decay_at_steps": (),
    "warmup_steps": 0,
}
PRAM = PARAMS.methods["pram_cat"].model_copy(update=SHORT | {"batch_triplets": 2, "kept_crops": 2})
HSST = PARAMS.methods["hsst"].model_copy(
    update=SHORT | {"batch_pairs": 2, "prototypes": 2, "masked": False}
)
BANDS = (Band.VIS, Band.NIR)


@pytest.fixture(scope="session")
def people(tmp_path_factory):
    """Four subjects with a picture in each band; s3 never shows the mouth in NIR."""
    rows = [
        face_row(
            f"s{n}.{band}", f"s{n}", band, missing=("mouth",) if (n, band) == (3, "NIR") else ()
        )
        for n in range(4)
        for band in BANDS
    ]
    folder = write_rows(tmp_path_factory.mktemp("parts"), SCHEMA, rows)
    choice = of_split(Split.TRAIN, *BANDS)
    faces = load_faces(folder, choice)
    return training_faces(faces, load_components(folder, faces, choice), BANDS)
