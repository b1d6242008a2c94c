"""DMFR's ablations: the rows of the paper's tables, one start, and what their table says."""

from pathlib import Path

import pytest

from pipeline.errors import ParamsError
from pipeline.params.ablations_dmfr import DmfrAblationParams
from pipeline.params.load import load_params, load_section
from pipeline.report.ablations_dmfr import dmfr_table, lowest_far
from pipeline.report.published import published_by
from stages.wiring import kinds_of

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "ablations/dmfr/params.yaml"
ABLATION = load_section(DmfrAblationParams, FILE)
REAL_ONLY, DIRECT = "real_only", "direct_cosface"


def test_every_kind_of_method_has_a_row_and_every_published_method_one_beside_it():
    assert {row.method.kind for row in ABLATION.rows.values()} == set(kinds_of("train_dmfr"))
    named = {row.published for row in ABLATION.rows.values()} - {None}
    assert named == {row.method for row in published_by("dmfr")}


def test_rows_differ_by_their_method_alone():
    own = {
        *("kind", "loss", "margin", "ratio", "generators", "meta_rate", "meta_weight"),
        *("meta_test_images", "first_order", "halves", "reconstruction_weight", "reconstruction"),
        *("dimensions", "map_channels", "filter_weight", "paired_images", "detach_target"),
        *("divergence_weight", "reversal_weight"),
    }
    shared = [
        {name: value for name, value in row.method.model_dump().items() if name not in own}
        for row in ABLATION.rows.values()
    ]
    assert all(each == shared[0] for each in shared)
    default = load_params(ROOT / "params.yaml")
    assert shared[0]["pretrained"] in default.pretrain_nir_vis


def test_the_filter_has_a_counterpart_that_adds_its_faces_directly():
    filter_, poses, direct = (
        ABLATION.rows[name].method for name in ("filter", "direct_cosface_poses", DIRECT)
    )
    assert poses.generators == filter_.generators != direct.generators
    assert poses.model_copy(update={"generators": direct.generators}) == direct
    rows = {row for each in ABLATION.contrasts.values() for row in (each.better, each.worse)}
    assert "direct_cosface_poses" not in rows


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  real_only:", "  alone:", r"contrasts\.meta_real_pose: 'real_only' is none of the rows"),
        ("probes: cross-pose}", "probes: profile}", r"meta is tested on \['frontal', 'cross-pose'"),
        ("paired_images: 6", "paired_images: 60", r"rows\.filter\.method: paired_images"),
    ],
)
def test_a_faulty_file_is_told(tmp_path, old, new, message):
    (tmp_path / "p.yaml").write_text(FILE.read_text().replace(old, new, 1))
    with pytest.raises(ParamsError, match=message):
        load_section(DmfrAblationParams, tmp_path / "p.yaml")


def measured(tar, low=None):
    """A training's metrics, with this rate at FAR 1e-1 and another, or none, at 1e-2."""
    rate = {"value": tar, "n": 9, "ci95": None}
    tested = {
        "rank1": rate,
        "eer": rate,
        "tar_at_far": {"1e-1": rate, "1e-2": rate | {"value": low}},
    }
    pairs = dict.fromkeys(("real_real", "real_synthetic", "synthetic_synthetic"), rate)
    return dict.fromkeys(ABLATION.tested, tested) | {
        "modality": {
            "before": rate,
            "after": rate,
            "change": rate,
            "inter_class_before": pairs,
            "inter_class": pairs,
            "intra_class": rate,
            "table_1": {},
        }
    }


def results(**rows):
    known = {REAL_ONLY: (0.5, 0.5, 0.5), DIRECT: (0.4, 0.41, 0.42)} | rows
    return {name: [measured(tar) for tar in values] for name, values in known.items()}


def test_claims_are_each_variant_over_direct_addition_and_over_real_faces():
    claims = {(each.better, each.worse, each.probes) for each in ABLATION.contrasts.values()}
    assert claims == {
        (variant, other, tested)
        for variant in ("meta", "disentangle", "filter")
        for other in (DIRECT, REAL_ONLY)
        for tested in ("cross-pose", "cross-quality")
    }


def test_networks_as_they_are_come_first():
    zero_shot = {"SFace, zero-shot": measured(0.9)}
    lines = dmfr_table(ABLATION, results(), zero_shot).splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    assert rows[1].startswith("| SFace, zero-shot | 90.0 | 90.0 | 90.0 |")
    assert rows[2].startswith(f"| {ABLATION.rows[REAL_ONLY].title} | 50.0 ± 0.0 |")


def test_rates_stand_at_the_lowest_far_that_all_trainings_have():
    found = results(meta=(0.5, 0.5, 0.5))
    assert lowest_far(found, "frontal") == "1e-1"
    lower = {name: [measured(0.5, low=0.2)] * 3 for name in found}
    assert lowest_far(lower, "frontal") == "1e-2"
    assert "frontal: rank-1 | TAR @ 1e-2" in dmfr_table(ABLATION, lower, {})


def test_published_rows_stand_below():
    lines = dmfr_table(ABLATION, results(), {}).splitlines()
    for line in (
        "DMFR(disentangle) | IJB-C | DMFR, 3 | ResNet-100 | verification "
        "| – | 96.57 | 94.40 | 90.85 | 84.82",
        "DMFR(disentangle) | LFW | DMFR, 2 | ResNet-100 | view2 | 99.60 | – | – | – | –",
        "DMFR(disentangle) | MegaFace | DMFR, 2 | ResNet-100 | 76.60",
        "synthetic samples added | 0.788 | 0.216",
    ):
        assert f"| {line} |" in lines
