"""What a stage reads has to be what another one makes, by the params alone."""

from pathlib import Path

import pytest

from pipeline.errors import ParamsError
from pipeline.params.inputs import check_inputs
from pipeline.params.load import check_params, lay_profile_over, read_yaml

ROOT = Path(__file__).resolve().parents[2]
FILE = Path("params.yaml")
EXPORT = {"source": "data/scenes/align", "format": "folder", "to": "exports/faces"}
ELSEWHERE = {
    **{"training": "meta", "dataset": "scenes", "protocol": "VIS-VIS"},
    **{"rows": "attributes", "probes": "real", "cross_dataset": True},
}
SUBSETS = {"seed": 7, "subset": {}}


def laid(profile):
    return check_params(lay_profile_over(read_yaml(ROOT / "params.yaml"), profile), FILE)


@pytest.mark.parametrize(
    ("profile", "says"),
    [
        (
            {"pretrain_nir_vis": {"lightcnn9": {"dataset": "scenes"}}},
            r"pretrain_nir_vis\.lightcnn9 reads data/scenes/attributes, which no stage makes: add "
            r"'scenes' to face_datasets",
        ),
        ({"body_datasets": None}, r"train_bodies\.lora reads data/scenes/crop_bodies.*body_dat"),
        ({"exports": {"faces": EXPORT}}, r"exports\.faces reads data/scenes/align"),
        (
            {"evaluate_dmfr": {"meta-scenes": ELSEWHERE}},
            r"evaluate_dmfr\.meta-scenes reads data/scenes/attributes.*'scenes' to face_datasets",
        ),
        (
            {"protocols": {"scenes": SUBSETS | {"build": "band_templates", "rows": "parse"}}},
            r"protocols\.scenes\.rows reads data/scenes/parse",
        ),
        (
            {"protocols": {"scenes": SUBSETS | {"build": "band_templates", "rows": "ingset"}}},
            r"protocols\.scenes\.rows: 'ingset' makes no rows: expected one of \['ingest', ",
        ),
    ],
)
def test_an_entry_that_reads_what_no_stage_makes_is_told(profile, says):
    with pytest.raises(ParamsError, match=says) as told:
        check_inputs(laid(profile), FILE)
    assert all(line.startswith("params.yaml: ") for line in str(told.value).splitlines())


def test_the_shipped_params_and_profiles_read_what_is_made():
    own = {"source": "/mnt/other/align", "format": "folder", "to": "exports/own"}
    check_inputs(laid({"exports": {"own": own}}), FILE)
    values = read_yaml(ROOT / "params.yaml")
    values = lay_profile_over(values, read_yaml(ROOT / "params/ablations.yaml"))
    for name in ("casia", "study", "study_bodies", "tiny"):
        checked = check_params(
            lay_profile_over(values, read_yaml(ROOT / f"params/{name}.yaml")), FILE
        )
        check_inputs(checked, FILE)
