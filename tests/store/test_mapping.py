"""The incremental map: what is computed, what is reused, what survives an interruption."""

import errno
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import work

from pipeline.errors import SchemaError, StageError
from pipeline.store import Listing, ShardFolder, StageKey, map_shards
from pipeline.store.columns import extend, measure
from pipeline.store.content import listed_sha256
from pipeline.store.executors import Processes, Serial
from pipeline.store.shards import ShardWriter
from pipeline.types import Rejected

KEY = StageKey("stage", {"section": {"a": 1}}, {"net": "00"}, "code")


def run(rows, folder, function, *, count=3, batch_rows=4, **options):
    options = {"key": KEY, "executor": Serial(), "few_rows": 0} | options
    return map_shards(
        Listing(list(rows), count, dict),
        ShardFolder(folder, count),
        schema=work.SCHEMA,
        make=function,
        batch_rows=batch_rows,
        label="test",
        **options,
    )


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def ids(folder):
    return sorted(row["sample_id"] for row in folder.rows(["sample_id"]))


@pytest.fixture
def shout(tmp_path):
    return work.Shout(tmp_path / "log")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


ROWS = [work.make_image(f"s{i}", b"%d" % i) for i in range(20)]


def test_every_row_goes_somewhere(out, shout):
    summary = run([*ROWS, work.make_image("bad"), work.make_image("mixed")], out, shout)
    assert (summary.rows_in, summary.rows_out, summary.rejected) == (22, 21, {"bad": 2})
    assert ids(ShardFolder.open(out)) == sorted([*(f"s{i}" for i in range(20)), "mixed#0"])
    rejected = {r["sample_id"]: r for r in ShardFolder.open(out).rejected.rows()}
    assert rejected["bad"]["detail"] == "as its name says"
    assert rejected["mixed#1"]["reason"] == "bad"


def test_a_second_run_computes_nothing_and_touches_nothing(out, shout):
    run([*ROWS, work.make_image("bad")], out, shout)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    shout.computed()
    summary = run([*ROWS, work.make_image("bad")], out, shout)
    assert (summary.computed, summary.reused) == (0, 21)
    assert shout.computed() == []
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")} == before


def test_exactly_what_was_added_or_changed_is_computed(out, shout, tmp_path):
    run(ROWS, out, shout)
    shout.computed()
    changed = [work.make_image("s3", b"new"), *(row for row in ROWS if row["sample_id"] != "s3")]
    rows = [*changed, work.make_image("t1"), work.make_image("bad2")]
    summary = run(rows, out, shout)
    assert shout.computed() == ["bad2", "s3", "t1"]
    assert (summary.computed, summary.reused) == (3, 19)
    run(rows, tmp_path / "fresh", shout)
    assert files(out) == files(tmp_path / "fresh")


def test_what_is_gone_goes(out, shout, tmp_path):
    run([*ROWS, work.make_image("bad")], out, shout)
    shout.computed()
    run(ROWS[5:], out, shout)
    assert shout.computed() == []
    run(ROWS[5:], tmp_path / "fresh", shout)
    assert files(out) == files(tmp_path / "fresh")


def test_what_is_gone_goes_after_a_kill_between_the_two_files_of_a_shard(out, shout, tmp_path):
    rows = [work.make_image("mixed")]
    run(rows, out, shout, count=1)
    accepted = ShardFolder(out, 1).shard(0).path
    former = accepted.read_bytes()
    other = StageKey("stage", {"section": {"a": 2}}, {"net": "00"}, "code")
    run(rows, out, shout, count=1, key=other)
    accepted.write_bytes(former)  # the rejected rows are in place, the accepted ones not yet
    summary = run([], out, shout, count=1, key=other)
    assert (summary.rows_in, summary.rows_out, summary.rejected) == (0, 0, {})
    run([], tmp_path / "fresh", shout, count=1, key=other)
    assert files(out) == files(tmp_path / "fresh")


@pytest.mark.parametrize(
    "key",
    [
        StageKey("stage", {"section": {"a": 2}}, {"net": "00"}, "code"),
        StageKey("stage", {"section": {"a": 1}}, {"net": "01"}, "code"),
        StageKey("stage", {"section": {"a": 1}}, {"net": "00"}, "other code"),
    ],
)
def test_params_weights_and_code_recompute_all(out, shout, key):
    run(ROWS, out, shout)
    assert run(ROWS, out, shout, key=key).computed == 20


def test_another_number_of_shards_leaves_no_old_one(out, shout):
    run(ROWS, out, shout, count=3)
    run(ROWS, out, shout, count=5)
    assert len(list(out.glob("*.parquet"))) == 5
    assert ids(ShardFolder.open(out)) == sorted(row["sample_id"] for row in ROWS)


def test_a_damaged_shard_is_made_again(out, shout):
    run(ROWS, out, shout)
    good = files(out)
    shard = ShardFolder.open(out).shard(1)
    shard.path.write_bytes(shard.path.read_bytes()[:100])
    run(ROWS, out, shout)
    assert files(out) == good


def test_workers_and_batches_do_not_change_a_byte(out, shout, tmp_path):
    rows = [*ROWS, work.make_image("bad"), work.make_image("mixed")]
    run(rows, out, shout, batch_rows=1)
    run(rows, tmp_path / "two", shout, executor=Processes(2), batch_rows=7)
    assert files(out) == files(tmp_path / "two")


@pytest.mark.parametrize(
    ("make", "message"), [(work.swallow, "neither a row nor a reason"), (work.rename, "'other'")]
)
def test_a_stage_that_loses_or_renames_samples_is_stopped(out, make, message):
    with pytest.raises(SchemaError, match=message):
        run(ROWS, out, make)


def test_a_row_may_give_any_number_of_rows_and_rejections_in_any_order(out):
    numbers = [*range(11, -1, -1), 100]

    def make():
        return lambda rows: [
            [row | {"sample_id": f"{row['sample_id']}#face{n}"} for n in numbers]
            + [Rejected("bad", "", f"lost{n}") for n in numbers]
            for row in rows
        ]

    run(ROWS[:2], out, make)
    made = ShardFolder.open(out)
    expected = sorted(f"s{s}#face{n}" for s in (0, 1) for n in numbers)
    assert ids(made) == expected
    lost = sorted(row["sample_id"] for row in made.rejected.rows(["sample_id"]))
    assert lost == [name.replace("face", "lost") for name in expected]


def test_a_worker_that_dies_is_reported_with_the_way_out(out):
    with pytest.raises(StageError, match="CROSSBAND_WORKERS=1"):
        run(ROWS, out, work.die, executor=Processes(2))


def test_a_full_disk_keeps_the_former_shards(out, shout, monkeypatch):
    run(ROWS, out, shout)
    before = files(out)

    def full(self):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ShardWriter, "_flush", full)
    with pytest.raises(StageError, match="full"):
        run([*ROWS, work.make_image("new")], out, shout)
    assert files(out) == before


def test_two_runs_at_once_are_refused(out, shout, tmp_path):
    script = (
        "import sys; from pathlib import Path; from pipeline.store.locks import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(out)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StageError, match=f"by process {holder.pid}"):
            run(ROWS, out, shout)
        holder.communicate("")
    assert run(ROWS, out, shout).computed == 20


def test_a_killed_run_resumes_and_ends_with_the_same_bytes(out, shout, tmp_path):
    rows = [work.make_image(f"s{i}") for i in range(24)]
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "import test_mapping, work\n"
        "rows = [work.make_image(f's{i}') for i in range(24)]\n"
        "slow = work.Shout(Path(sys.argv[3]), 0.1)\n"
        "if __name__ == '__main__':\n"
        "    test_mapping.run(rows, Path(sys.argv[2]), slow, executor=test_mapping.Processes(2),\n"
        "                     count=8)"
    )
    main = tmp_path / "main.py"
    main.write_text(script)
    here = Path(__file__).parent
    command = [sys.executable, str(main), str(here), str(out), str(shout.log)]
    victim = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(out.glob("shard-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = psutil.Process(victim.pid).children(recursive=True)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive, "workers outlived the run they belong to"
    finished = len(list(out.glob("shard-*")))
    assert 2 <= finished < 8
    shout.computed()
    summary = run(rows, out, shout, count=8)
    assert 0 < summary.computed < 24
    run(rows, tmp_path / "fresh", shout, count=8)
    assert files(out) == files(tmp_path / "fresh")


def test_memory_does_not_hold_images_of_rows_that_stay(out, shout):
    """Rows that are reused between two that are computed are held by their fingerprint alone."""
    from pipeline.store import mapping
    from pipeline.store.stale import Shard

    rows = [work.make_image(f"s{i:02d}", bytes(1000)) for i in range(40)]
    needed = tuple(KEY.fingerprint(listed_sha256(row)) for row in rows)
    kept = set(needed[:-1])
    source = Listing(rows, 1, dict).shard(0)
    shard = Shard(source, None, None, work.SCHEMA, KEY, 8, needed)
    mapping._start(partial(shout), True)
    held = [row for row, _, outcome in mapping._outcomes(shard, kept) if outcome is None]
    assert held == [{}] * 39


def test_content_is_loaded_once_and_only_what_is_stale_again(out, shout):
    loaded = []

    def load(row):
        loaded.append(row["sample_id"])
        return dict(row)

    def go(rows):
        loaded.clear()
        map_shards(
            Listing(rows, 3, load),
            ShardFolder(out, 3),
            schema=work.SCHEMA,
            key=KEY,
            make=shout,
            batch_rows=4,
            executor=Serial(),
            label="test",
        )
        return sorted(loaded)

    names = sorted(row["sample_id"] for row in ROWS)
    assert go(ROWS) == names  # nothing is there to compare with
    assert go([*ROWS, work.make_image("t1")]) == sorted([*names, "t1", "t1"])
    # What says its content itself is not loaded to be compared.
    told = [row | {"content_sha256": listed_sha256(row)} for row in ROWS]
    assert go([*told, work.make_image("t1")]) == ["t1"]


def test_a_measure_is_no_content_and_does_not_go_on(out, tmp_path):
    blur = measure("blur_px", pa.float32(), "by hand", unit="px")
    first, second = extend(work.SCHEMA, [blur]), extend(extend(work.SCHEMA, [blur]), [])
    assert second.names == work.SCHEMA.names

    def made(value):
        def go(folder):
            map_shards(
                Listing(ROWS, 3, dict),
                ShardFolder(folder, 3),
                schema=first,
                key=KEY,
                make=lambda: lambda rows: [[row | {"blur_px": value}] for row in rows],
                batch_rows=4,
                executor=Serial(),
                label="test",
            )
            return ShardFolder(folder, 3)

        return go

    one, other = made(1.0)(out), made(2.0)(tmp_path / "other")
    assert {row["blur_px"] for row in one.rows(["blur_px"])} == {1.0}
    assert list(one.rows()) == list(other.rows())  # content_sha256 is among them
    assert "blur_px" not in next(one.rows())
    # A row that is kept keeps its measure.
    before = files(out)
    (out / "shard-00000-of-00003.parquet").unlink()
    made(1.0)(out)
    assert files(out) == before


def test_few_rows_start_no_workers(out, shout):
    class Never:
        def run(self, *_):
            raise AssertionError("started workers")

    run(ROWS, out, shout)
    rows = [*ROWS, work.make_image("t1"), work.make_image("t2")]
    assert run(rows, out, shout, executor=Never(), few_rows=2).computed == 2
    rows += [work.make_image(f"u{i}") for i in range(3)]
    with pytest.raises(AssertionError, match="started workers"):
        run(rows, out, shout, executor=Never(), few_rows=2)


def test_few_rows_are_computed_in_turns_and_as_by_one(out, tmp_path, shout):
    busy = []

    def make():
        function = shout()

        def alone(rows):
            busy.append(rows)
            time.sleep(0.02)  # in which any other thread would come in
            assert len(busy) == 1
            busy.pop()
            return function(rows)

        return alone

    run(ROWS, out, make, executor=Processes(2), few_rows=len(ROWS), batch_rows=1)
    run(ROWS, tmp_path / "serial", shout)
    assert files(out) == files(tmp_path / "serial")
