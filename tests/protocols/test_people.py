"""Nobody is tested who was trained on, under whatever name."""

import pytest

from pipeline.params.datasets import DatasetParams
from pipeline.protocols.people import trained_and_tested

DATASETS = {
    name: DatasetParams.model_validate({"reader": reader, "root": root, "shards": 1})
    for name, reader, root in (
        ("casia", "casia_nir_vis2", "/data/casia"),
        ("casia_cropped", "casia_nir_vis2", "/data/casia128"),
        ("mine", "folder", "/data/mine"),
        ("also_mine", "folder", "/data/x/../mine"),
        ("yours", "folder", "/data/yours"),
    )
}


@pytest.mark.parametrize(
    ("trained", "dataset", "found"),
    [
        ("casia/00007", "casia", ["00007"]),
        ("casia/00007", "casia_cropped", ["00007"]),
        ("mine/00007", "also_mine", ["00007"]),
        ("mine/00007", "yours", []),
        ("mine/00007", "casia", []),
        ("gone/00007", "casia", []),
        ("gone/00007", "gone", ["00007"]),
        ("mine/a/00007", "mine", ["a/00007"]),
    ],
)
def test_subjects_are_the_same_under_another_name(trained, dataset, found):
    tested = ["00007", "00008", "a/00007"]
    assert trained_and_tested([trained], tested, dataset, DATASETS) == found
