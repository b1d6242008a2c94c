"""Nobody is tested who was trained on, under whatever name."""

from types import SimpleNamespace

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
        ("speakers", "speaking_faces", "/data/speakers"),
        ("landmarks", "sf_tl54", "/data/landmarks"),
        ("wild", "tfw", "/data/wild"),
    )
}


def network(*subjects):
    return SimpleNamespace(name="pram", subjects=subjects)


@pytest.mark.parametrize(
    ("trained", "dataset", "found"),
    [
        ("casia/00007", "casia", ["00007"]),
        ("casia/00007", "casia_cropped", ["00007"]),
        ("mine/00007", "also_mine", ["00007"]),
        ("mine/00007", "yours", []),
        ("mine/00007", "casia", []),
        ("ms1m/00007", "glint", []),
        ("speakers/00007", "landmarks", ["00007"]),
        ("landmarks/00007", "speakers", ["00007"]),
        ("wild/00007", "landmarks", ["00007"]),
        ("speakers/00007", "casia", []),
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
    known = r"^pram was trained on 1 subjects of protocol view2 of casia_cropped, .* them 00007"
    with pytest.raises(StageError, match=known):
        refuse_trained(network("casia/00007"), fold, "casia_cropped", DATASETS)
    refuse_trained(network("casia/00008"), fold, "casia_cropped", DATASETS)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"root": "/data/mine/list.csv"}, True),
        ({"root": "/data/mine/other.CSV"}, True),
        ({"root": "/data/yours/list.csv"}, False),
        ({"root": "/data/mine/list.csv", "reader": "shards"}, False),
    ],
)
def test_a_folder_and_a_list_in_it_are_of_the_same_people(other, same):
    listed = {"reader": "folder", "root": "/data/mine", "list": "list.csv", "shards": 1}
    values = {"mine": listed, "other": {"reader": "folder", "shards": 1} | other}
    datasets = {name: DatasetParams.model_validate(each) for name, each in values.items()}
    assert bool(trained_and_tested(["mine/anna"], ["anna"], "other", datasets)) == same
    assert bool(trained_and_tested(["other/anna"], ["anna"], "mine", datasets)) == same
