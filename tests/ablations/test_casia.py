"""What ``make casia-pram`` and ``casia-hsst`` train: tables of the papers, with their params."""

from pathlib import Path

import pytest

from ablations import laid_over
from pipeline.params.ablations import NirVisAblationParams
from pipeline.params.load import check_params, lay_profile_over, load_section, read_yaml
from pipeline.report.published import published_by
from pipeline.types import Band

ROOT = Path(__file__).parents[2]
SIZES = ("", "_trial")
LOSSES = ("softmax", "am_softmax", "arcface", "triplet")
FOLD_1 = 8749
"""Images in the training set of CASIA NIR-VIS 2.0's first fold: PRAM + CAT paper, section 3."""
CELLS_BYTES = 128 * 16 * 16 * 4
"""What the frozen layers of LightCNN-9 make of an image, in float32."""


def profiled(size):
    values = read_yaml(ROOT / "params.yaml")
    for name in dict.fromkeys(("casia", f"casia{size}")):
        values = lay_profile_over(values, read_yaml(ROOT / f"params/{name}.yaml"))
    return check_params(values, Path("params.yaml"))


def rows(paper, size, tmp_path):
    over = dict.fromkeys((f"casia_{paper}", f"casia_{paper}{size}"))
    files = ["params", *over]
    target = tmp_path / "rows.yaml"
    laid_over.run(target, *(ROOT / f"ablations/{name}.yaml" for name in files))
    return load_section(NirVisAblationParams, target)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("paper", ["pram", "hsst"])
def test_rows_stand_on_what_the_profile_prepares(paper, size, tmp_path):
    ablation, params = rows(paper, size, tmp_path), profiled(size)
    assert ablation.dataset in params.datasets.keys() & params.synthesis_datasets.keys()
    assert {row.method.pretrained for row in ablation.rows.values()} <= (
        params.pretrain_nir_vis.keys()
    )
    assert {each.dataset for each in params.pretrain_nir_vis.values()} == {"pretraining"}
    assert params.masks.bands == (Band.NIR,)
    assert {row.paper for row in ablation.rows.values()} == {paper}


@pytest.mark.parametrize("size", SIZES)
def test_all_rows_of_the_pram_papers_tables_1_and_2_are_trained(size, tmp_path):
    beside = {row.probes["plain"] for row in rows("pram", size, tmp_path).rows.values()}
    assert beside - {None} == {
        row.method for row in published_by("pram") if row.table in {"1", "2"}
    }


def test_figure_4_has_each_loss_plain_and_by_hsst_on_all_folds_as_in_the_paper(tmp_path):
    """Batch 64, 128 prototypes, mean 0.999, rate 0.0005, a tenth at 6k and 8k, of 10k steps."""
    ablation = rows("hsst", "", tmp_path)
    for kind in ("plain", "hsst"):
        for loss in LOSSES:
            method = ablation.rows[f"{kind}_{loss}"].method
            assert (method.loss, method.folds, method.protocol) == (loss, None, "view2")
            assert (method.batch_pairs, method.steps) == (64, 10_000)
            assert (method.learning_rate, method.milestones) == (0.0005, (6000, 8000))
            assert (method.second_rows, method.pretrained) == ("masks", "mobilefacenet")
            if kind == "hsst":
                assert (method.prototypes, method.ema_momentum) == (128, 0.999)
    assert profiled("").pretrain_nir_vis["mobilefacenet"].backbone == "mobilefacenet"


def test_what_is_kept_of_fold_1s_faces_and_parts_fits_into_the_byte_budget(tmp_path):
    """Else a row is refused, after hours of preparation and only on the real data set."""
    for row in rows("pram", "", tmp_path).rows.values():
        if row.method.kind in ("pram", "rm", "rgm"):
            parts = 4 if getattr(row.method, "relations", False) else 0
            kept = FOLD_1 * (row.method.kept_crops + parts) * CELLS_BYTES
            assert kept <= row.method.image_budget_mb << 20


def test_the_pram_papers_rows_are_of_fold_1_with_its_rate_batch_and_decay(tmp_path):
    ablation = rows("pram", "", tmp_path)
    for name in ("finetuned", "pram", "pram_lc", "pram_lcat", "rm", "rgm"):
        method = ablation.rows[name].method
        assert (method.folds, method.protocol, method.batch_triplets) == ((1,), "view2", 16)
        assert (method.learning_rate, method.weight_decay) == (0.001, 0.0005)
    assert all(row.method.second_rows == "parts" for row in ablation.rows.values())
    assert list(ablation.contrasts) == ["pram", "lc", "lcat", "lcat_finetuned"]
