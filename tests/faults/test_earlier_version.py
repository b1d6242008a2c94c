"""A shard that an earlier version wrote, without a seal, is told from a damaged one."""

import logging
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "store"))
import work

from pipeline.errors import DamageError, OlderError
from pipeline.store import Listing, ShardFolder, StageKey, map_shards
from pipeline.store.executors import Serial

ROWS = [work.make_image(f"s{number}") for number in range(4)]
NAME = "shard-00000-of-00001.parquet"


def run(source, folder):
    return map_shards(
        source,
        ShardFolder(folder, 1),
        schema=work.SCHEMA,
        key=StageKey("s", {}, {}, ""),
        make=lambda: lambda rows: [[row] for row in rows],
        batch_rows=2,
        executor=Serial(),
        label="s",
    )


def without_seal(path):
    """Write a shard anew as it was before shards had seals."""
    table = pq.read_table(path)
    known = {key: text for key, text in table.schema.metadata.items() if b"crossband" not in key}
    pq.write_table(table.replace_schema_metadata(known), path)


@pytest.fixture
def out(tmp_path):
    run(Listing(ROWS, 1, dict), tmp_path / "out")
    return tmp_path / "out"


def test_an_earlier_version_s_shard_is_said_and_computed_anew(out, caplog):
    whole = (out / NAME).read_bytes()
    without_seal(out / NAME)
    caplog.set_level(logging.WARNING)
    assert run(Listing(ROWS, 1, dict), out).computed == len(ROWS)
    assert (out / NAME).read_bytes() == whole
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        f"1 files were written by an earlier version, among them {out / NAME}: their rows are "
        "computed again"
    ]


def test_as_an_input_it_is_named_with_the_way_out(out, tmp_path):
    without_seal(out / NAME)
    with pytest.raises(OlderError, match=r"by an earlier version.*run `dvc repro`, which makes it"):
        run(ShardFolder(out, 1), tmp_path / "next")


def test_a_seal_that_is_damaged_is_no_earlier_version(out, tmp_path, caplog):
    path = out / NAME
    whole = path.read_bytes()
    place = whole.rindex(b"crossband-seal:")
    path.write_bytes(whole[:place] + b"C" + whole[place + 1 :])
    with pytest.raises(DamageError, match="has no seal") as told:
        run(ShardFolder(out, 1), tmp_path / "next")
    assert not isinstance(told.value, OlderError)
    run(Listing(ROWS, 1, dict), out)
    assert "1 files are damaged" in caplog.text
    assert path.read_bytes() == whole
