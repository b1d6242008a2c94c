"""Nobody is tested who was trained on, under whatever name."""

import pytest

from pipeline.errors import StageError
from pipeline.evaluation.people import refuse_trained, trained_and_tested
from pipeline.params.datasets import DatasetParams
from pipeline.store.protocols import Protocol, Provenance, template_table, train_table

DATASETS = {
    name: DatasetParams.model_validate({"reader": reader, "root": root, "shards": 1})
    for name, reader, root in (
        ("casia", "casia_nir_vis2", "/data/casia"),
        ("casia_cropped", "casia_nir_vis2", "/data/casia128"),
        ("mine", "folder", "/data/mine"),
        ("also_mine", "folder", "/data/x/../mine"),
        ("yours", "folder", "/data/yours"),
        ("ms1m", "recordio", "/data/ms1m"),
        ("glint", "recordio", "/data/glint"),
        ("mine_listed", "folder", "/data/mine/list.csv"),
        ("speaking", "speaking_faces", "/data/speaking"),
        ("sf", "sf_tl54", "/data/sf"),
        ("tfw", "tfw", "/data/tfw"),
    )
}


@pytest.mark.parametrize(
    ("trained", "dataset", "found"),
    [
        ("casia/00007", "casia", ["00007"]),
        ("casia/00007", "casia_cropped", ["00007"]),
        ("mine/00007", "also_mine", ["00007"]),
        ("mine_listed/00007", "mine", ["00007"]),
        ("mine_listed/00007", "yours", []),
        ("speaking/00007", "sf", ["00007"]),
        ("sf/00007", "tfw", ["00007"]),
        ("sf/00007", "casia", []),
        ("mine/00007", "yours", []),
        ("mine/00007", "casia", []),
        ("ms1m/00007", "glint", []),
        ("gone/00007", "casia", []),
        ("gone/00007", "gone", ["00007"]),
        ("mine/a/00007", "mine", ["a/00007"]),
    ],
)
def test_subjects_are_the_same_under_another_name(trained, dataset, found):
    tested = ["00007", "00008", "a/00007"]
    assert trained_and_tested([trained], tested, dataset, DATASETS) == found


def test_a_network_is_not_tested_on_whom_it_knows_by_another_name():
    tables = template_table([(None, "t", "00007", "s", None, None)]), template_table([])
    fold = Protocol("view2", Provenance.OFFICIAL, "", *tables, None, train_table())
    with pytest.raises(StageError, match=r"trained on 1 subjects of protocol view2 .* them 00007"):
        refuse_trained(["casia/00007"], fold, "casia_cropped", DATASETS)
    refuse_trained(["casia/00008"], fold, "casia_cropped", DATASETS)
