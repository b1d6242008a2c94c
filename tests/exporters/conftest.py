"""Small outputs of stages, and a function that exports them."""

import numpy as np
import pytest
from stage_data import align_rows, detect_rows, finished, make_image, write_folder

from pipeline.exporters.format import Request
from pipeline.exporters.running import export
from pipeline.ops.codec import encode_png
from pipeline.schemas.align import ALIGN
from pipeline.schemas.detect import DETECT
from pipeline.schemas.parts import PARTS
from pipeline.store.executors import Serial


@pytest.fixture
def align(tmp_path):
    """The folder of an ``align`` stage."""
    return write_folder(tmp_path / "align", align_rows(), ALIGN)


@pytest.fixture
def detect(tmp_path):
    """The folder of a ``detect`` stage."""
    return write_folder(tmp_path / "detect", detect_rows(), DETECT)


@pytest.fixture
def parts(tmp_path):
    """The folder of a ``parts`` stage, where some parts are not found."""
    rows = []
    for number, whole in enumerate(align_rows()):
        row = {name: value for name, value in whole.items() if name in PARTS.names}
        crop = {"bytes": encode_png(make_image(number, 8)), "path": "eye.png"}
        row |= {
            "labels": {"bytes": encode_png(make_image(number)[..., 0]), "path": "labels.png"},
            "left_eye": crop if number % 2 else None,
            "part_boxes_xyxy": np.zeros((4, 4), np.float32),
            "part_windows_xyxy": np.ones((4, 4), np.float32),
            "parse_backend": "parser",
            "part_backend": ["parser", "mesh", "none", "none"],
            "mesh_distance_percent": np.array([1, 2, np.nan, np.nan], np.float32),
        }
        rows.append(finished(row))
    return write_folder(tmp_path / "parts", rows, PARTS)


@pytest.fixture
def put(align, tmp_path):
    """A function that exports ``align`` to a folder of its own and returns that."""

    def put(form, *, source=align, to=None, overwrite=False, verify=True, executor=None, **wanted):
        target = str(to or tmp_path / f"out-{form}")
        request = Request(source, form, target, **wanted)
        export(
            request, executor=executor or Serial(), overwrite=overwrite, verify=verify, few_bytes=0
        )
        return tmp_path / f"out-{form}" if to is None else to

    return put
