"""What ``ingest`` prints of a data set."""

import pytest
from report_rows import make_image

from pipeline.report.ingest import subjects_by_bands
from pipeline.schemas.ingest import INGEST
from pipeline.store import ShardFolder
from pipeline.store.shards import ShardWriter


@pytest.fixture
def folder(tmp_path):
    shown = [("anna", "VIS"), ("anna", "VIS"), ("anna", "NIR"), ("bob", "VIS"), (None, "NIR")]
    made = ShardFolder(tmp_path, 1)
    with ShardWriter(made.shard(0).path, INGEST) as writer:
        writer.write(
            make_image(str(number), subject=subject, band=band, known=False)
            for number, (subject, band) in enumerate(shown)
        )
    return made


def test_subjects_stand_beside_their_bands(folder):
    assert subjects_by_bands(folder).splitlines() == [
        "                     VIS     NIR",
        "  (no subject)         0       1",
        "  anna                 2       1",
        "  bob                  1       0",
        "  all 2 subjects       3       2",
    ]


def test_of_many_subjects_some_are_shown_and_all_are_counted(folder):
    lines = subjects_by_bands(folder, most=1).splitlines()
    assert lines[1].split()[0] == "(no"
    assert lines[2:] == ["  … and 2 more", "  all 2 subjects       3       2"]
