"""Faces of a few made-up people in two bands."""

import pytest
from face_rows import face_row, open_rows
from short_params import BANDS

from pipeline.schemas.parts import PARTS as SCHEMA
from pipeline.training.methods.pram import Pram


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
    return open_rows(tmp_path_factory.mktemp("parts"), SCHEMA, rows, images=Pram.images)
