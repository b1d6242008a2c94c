"""What can be chosen by name stands in one registry; params accept its names and no other."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from pipeline.detection import DETECTORS
from pipeline.errors import ParamsError
from pipeline.exporters import EXPORTERS
from pipeline.face3d.backends import BACKENDS
from pipeline.params.base import one_of
from pipeline.params.datasets import DatasetParams
from pipeline.params.detect import DetectParams
from pipeline.params.export import ExportParams
from pipeline.params.load import check_params, read_yaml
from pipeline.params.reconstruct import ReconstructParams
from pipeline.readers import READERS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("section", "key", "names"),
    [
        (DatasetParams, "reader", {*READERS}),
        (ExportParams, "format", {*EXPORTERS}),
        (DetectParams, "backend", {*DETECTORS, "truth"}),
        (ReconstructParams, "backend", {*BACKENDS}),
    ],
)
def test_params_allow_exactly_the_names_there_are(section, key, names):
    field = section.model_fields[key]
    taken = TypeAdapter(field.rebuild_annotation())
    assert {taken.validate_python(name) for name in names} == names
    for name in ("", "nobody", "READERS"):
        with pytest.raises(ValueError, match=f"expected one of .*'{max(names)}'"):
            taken.validate_python(name)


OWN = {
    "height_px": 96,
    "width_px": 96,
    "landmarks_xy": [[32.0, 44.0], [63.0, 44.0], [48.0, 61.0], [35.0, 79.0], [60.0, 79.0]],
}


def test_aligned_allows_exactly_the_templates_of_five_points_that_there_are():
    values = read_yaml(ROOT / "params.yaml")
    values["align"]["templates"] = {"lab96": OWN}
    for name in ("arcface112", "arcface144", "facexlib512", "lab96", None):
        values["datasets"]["sample"]["aligned"] = name
        assert check_params(values, Path("p")).datasets["sample"].aligned == name
    for name in ("", "nobody", "lightcnn144", "dmfr137x169", "FIVE_POINT_TEMPLATES"):
        values["datasets"]["sample"]["aligned"] = name
        with pytest.raises(ParamsError, match=r"sample\.aligned: expected one of .*'facexlib512'"):
            check_params(values, Path("p"))


def test_a_name_that_is_added_to_the_registry_is_taken_at_once(monkeypatch):
    taken = TypeAdapter(DatasetParams.model_fields["reader"].rebuild_annotation())
    monkeypatch.setitem(READERS, "mugshots", "pipeline.readers.folder")
    assert taken.validate_python("mugshots") == "mugshots"


def test_others_are_names_beside_the_registrys():
    check = one_of("pipeline.detection:DETECTORS", "truth").func
    assert check("truth") == "truth"
    with pytest.raises(ValueError, match="expected one of 'yunet', 'retinaface', 'fan', 'truth'"):
        check("mesh")
