"""A bit that flips in a file of ours is noticed: the file is made again, or named in one line."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "store"))
import work

from pipeline.errors import DamageError, StageError
from pipeline.store import Listing, ShardFolder, StageKey, map_shards, shard_of
from pipeline.store.columns import extend, floats, measure
from pipeline.store.executors import Serial
from pipeline.store.networks import load_network, save_network
from pipeline.store.protocols import (
    Protocol,
    Provenance,
    match_table,
    read_protocol,
    template_table,
    train_table,
    write_protocol,
)
from pipeline.types import Rejected

FLIPS = [50, pytest.param(3000, marks=[pytest.mark.long, pytest.mark.soak])]
"""How many bits flip, one after the other."""

SCHEMA = extend(
    work.SCHEMA,
    [
        pa.field("points_xy", floats(5, 2)),
        pa.field(
            "faces", pa.list_(pa.struct([pa.field("box", floats(4)), ("score", pa.float32())]))
        ),
        measure("blur_px", pa.float32(), "nothing", unit="px"),
    ],
)
RANDOM = np.random.default_rng(14)
ROWS = [work.make_image(f"s{n:02d}", RANDOM.bytes(200), subject_id=f"p{n % 5}") for n in range(40)]


def made_of(row):
    number = int(row["sample_id"][1:3])
    faces = [{"box": np.full(4, n, np.float32), "score": 0.5} for n in range(number % 3)]
    points = np.full((5, 2), number, np.float32)
    made = row | {"points_xy": points, "faces": faces, "blur_px": 1.0 + number}
    return [made, *([Rejected("bad", "for one", "x")] if number % 7 == 0 else [])]


def run(source, folder, stage="first", schema=SCHEMA):
    return map_shards(
        source,
        ShardFolder(folder, 2),
        schema=schema,
        key=StageKey(stage, {}, {}, ""),
        make=lambda: lambda rows: [made_of(row) for row in rows],
        batch_rows=8,
        executor=Serial(),
        label="test",
    )


def files(folder):
    found = (path for path in folder.rglob("*.parquet") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def flipped(data, random):
    bit = int(random.integers(len(data) * 8))
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """The output of a stage, and of one that reads it."""
    root = tmp_path_factory.mktemp("fresh")
    run(Listing(ROWS, 2, dict), root / "first")
    run(ShardFolder(root / "first", 2), root / "second", "second")
    return root


@pytest.mark.parametrize("flips", FLIPS)
def test_a_flip_in_a_shard_is_mended_from_its_input(fresh, tmp_path, flips):
    random = np.random.default_rng(1)
    out, whole = tmp_path / "first", files(fresh / "first")
    shutil.copytree(fresh / "first", out)
    run(Listing(ROWS, 2, dict), out)
    for name in random.choice(sorted(whole), flips):
        (out / name).write_bytes(flipped(whole[name], random))
        run(Listing(ROWS, 2, dict), out)
        assert files(out) == whole


def said_by(go):
    try:
        go()
    except DamageError as error:
        return str(error)


@pytest.mark.parametrize("flips", FLIPS)
def test_a_flip_that_no_time_tells_of_is_named_by_who_reads_the_row(fresh, tmp_path, flips):
    """As bits rot: length, time and inode stay, so nobody looks before the row is needed."""
    random = np.random.default_rng(2)
    given, whole = tmp_path / "first", files(fresh / "first")
    run(Listing(ROWS, 2, dict), given)
    named = 0
    for number, name in enumerate(random.choice(sorted(whole), flips)):
        path, out = given / name, tmp_path / f"second{number}"
        before = path.stat()
        path.write_bytes(flipped(whole[name], random))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        said = said_by(lambda out=out: run(ShardFolder(given, 2), out, "second"))
        if said is None:  # what nobody reads: rejected rows, measures
            assert files(out) == files(fresh / "second")
        else:
            assert said.startswith(f"{path} is damaged")
            assert "\n" not in said
            named += 1
        path.write_bytes(whole[name])
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert named > flips // 3


def test_a_flip_in_a_row_that_is_kept_makes_its_shard_anew(fresh, tmp_path):
    """Nobody looks at a kept row's bytes before its shard is written anew, for another's sake."""
    random = np.random.default_rng(3)
    whole, out = files(fresh / "first"), tmp_path / "first"
    added, kept, *_ = [row for row in ROWS if shard_of(row["sample_id"], 2) == 0]
    for _ in range(20):
        run(Listing([row for row in ROWS if row != added], 2, dict), out)
        path = out / "shard-00000-of-00002.parquet"
        before = path.stat()
        data = path.read_bytes()
        at = data.index(kept["image"]["bytes"])
        path.write_bytes(data[:at] + flipped(data[at : at + 200], random) + data[at + 200 :])
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        run(Listing(ROWS, 2, dict), out)
        assert files(out) == whole
        shutil.rmtree(out)


@pytest.fixture
def protocol(tmp_path):
    enroll = [(None, f"e{n}", f"p{n}", f"s{n}", f"m{n}", "c") for n in range(9)]
    probe = [(None, f"q{n}", f"p{n}", f"t{n}", f"n{n}", "c") for n in range(9)]
    match = [(None, f"e{n}", f"q{m}", n == m) for n in range(9) for m in range(9)]
    tables = template_table(enroll), template_table(probe), match_table(match)
    made = Protocol("p", Provenance.OFFICIAL, "Nine people.", *tables, train_table())
    return write_protocol(tmp_path, made)


@pytest.mark.parametrize("flips", FLIPS)
def test_a_flip_in_a_protocol_is_told(protocol, flips):
    random = np.random.default_rng(4)
    whole = {path: path.read_bytes() for path in protocol.iterdir()}
    for path in random.choice(sorted(whole), flips):
        path.write_bytes(flipped(whole[path], random))
        with pytest.raises(StageError) as told:
            read_protocol(protocol)
        assert str(protocol) in str(told.value)
        assert "\n" not in str(told.value)
        path.write_bytes(whole[path])


def test_a_table_that_is_gone_is_told(protocol):
    for path in sorted(protocol.iterdir()):
        data = path.read_bytes()
        path.unlink()
        with pytest.raises(StageError, match=rf"found no {path.name}"):
            read_protocol(protocol)
        path.write_bytes(data)


@pytest.mark.parametrize("flips", FLIPS)
def test_a_flip_in_a_network_is_told(tmp_path, flips):
    random = np.random.default_rng(5)
    path = tmp_path / "network.pt"
    save_network({"key": "k", "weights": {"a": torch.arange(99.0)}}, path)
    whole = path.read_bytes()
    assert torch.load(path, weights_only=True)["key"] == "k"  # others read it as ever
    for _ in range(flips):
        path.write_bytes(flipped(whole, random))
        with pytest.raises(DamageError, match=r"network\.pt is damaged"):
            load_network(path)
    for length in (0, 1, 31, 32, 33, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(DamageError, match=r"network\.pt is damaged"):
            load_network(path)
