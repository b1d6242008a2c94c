"""Shards in an object store: the bytes of a disk, a lease, errors that say what to do."""

import json
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import fsspec
import pytest
from aiohttp import ServerDisconnectedError
from botocore.exceptions import EndpointConnectionError
from buckets import forget, served
from gcsfs.retry import HttpError

sys.path.insert(0, str(Path(__file__).parent))
import work

from pipeline.cli.compare import diff
from pipeline.cli.rejected import explain, rejected
from pipeline.cli.show import output_of
from pipeline.errors import DamageError, ParamsError, StageError
from pipeline.report.query import Tables
from pipeline.store import Listing, ShardFolder, StageKey, leases, map_shards
from pipeline.store.executors import Processes, Serial
from pipeline.store.fetched import fetched
from pipeline.store.files import Files, ObjectPath, explained, path_of, place_of
from pipeline.store.locks import locked
from stages.run import StageRun, data_of

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

ROWS = [work.make_image(f"s{number:02d}", b"%d" % number) for number in range(40)]
ROWS += [work.make_image("x-bad"), work.make_image("y-mixed")]
SHARDS = 3


def prepare(place, make, rows=ROWS, executor=None):
    return map_shards(
        Listing(rows, SHARDS, dict),
        ShardFolder(place, SHARDS),
        schema=work.SCHEMA,
        key=StageKey("stage", {}, {}, "code"),
        make=make,
        batch_rows=4,
        executor=executor or Serial(),
        label="test",
    )


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    with served(tmp_path_factory.mktemp("config") / "none") as url:
        yield url


@pytest.fixture(params=["memory", "s3"])
def place(request, tmp_path):
    """An empty place in an object store."""
    if request.param == "s3":
        return place_of(f"{request.getfixturevalue('bucket')}/{tmp_path.name}/align")
    fsspec.filesystem("memory").store.clear()
    return place_of("memory://prepared/align")


@pytest.fixture
def shout(tmp_path):
    return work.Shout(tmp_path / "log")


def names(folder):
    parts = (folder, folder.rejected)
    return [part.shard(index).path for part in parts for index in range(SHARDS)]


def test_an_object_store_gets_what_a_disk_gets(place, shout, tmp_path):
    summary = prepare(place, shout)
    assert prepare(tmp_path / "disk", shout) == summary
    there, here = ShardFolder(place, SHARDS), ShardFolder(tmp_path / "disk", SHARDS)
    pairs = zip(names(there), names(here), strict=True)
    assert all(left.read_bytes() == right.read_bytes() for left, right in pairs)
    assert list(there.rows()) == list(here.rows())
    assert there.table(["sample_id", "band"]) == here.table(["sample_id", "band"])
    assert ShardFolder.open(str(place)) == there
    found = there.shard(0).batches(["band"], ids=["s01", "s02", "s03", "s04", "s05"])
    chosen = here.shard(0).batches(["band"], ids=["s01", "s02", "s03", "s04", "s05"])
    assert list(found) == list(chosen)


def test_only_what_changed_is_computed_and_sent(place, shout, monkeypatch):
    prepare(place, shout)
    shout.computed()
    assert prepare(place, shout).computed == 0
    sent = []
    monkeypatch.setattr(ObjectPath, "send", lambda self, path: sent.append(self.name))
    rows = [work.make_image("s07", b"other") if row["sample_id"] == "s07" else row for row in ROWS]
    assert prepare(place, shout, rows).computed == 1
    assert shout.computed() == ["s07"]
    assert len(sent) == 2  # one shard: its accepted and its rejected rows


def test_a_few_columns_are_read_without_fetching_images(place, shout, monkeypatch):
    prepare(place, shout)
    monkeypatch.setattr(ObjectPath, "fetch", None)
    folder = ShardFolder.open(place)
    table = folder.table(["sample_id", "fingerprint"])
    assert table.num_rows == sum(folder.shard(index).rows() for index in range(SHARDS)) == 41
    assert prepare(place, shout).reused == len(ROWS)


def test_a_damaged_object_is_made_again(place, shout):
    prepare(place, shout)
    shard = ShardFolder(place, SHARDS).shard(1)
    whole = shard.path.read_bytes()
    shard.path.write_bytes(bytes([*whole[:40], whole[40] ^ 1, *whole[41:]]))
    with pytest.raises(DamageError, match=str(shard.path)):
        list(shard.batches())
    assert 0 < prepare(place, shout).computed < len(ROWS)
    assert shard.path.read_bytes() == whole


def test_what_a_store_refuses_is_no_damage(place, shout, monkeypatch):
    prepare(place, shout)
    shard = ShardFolder(place, SHARDS).shard(1)

    def refuse(*_, **__):  # as s3fs says that a token ran out
        raise PermissionError("The provided token has expired.")

    monkeypatch.setattr("fsspec.parquet.open_parquet_file", refuse)
    with pytest.raises(PermissionError, match="expired"):
        shard.table(["sample_id"])
    with pytest.raises(StageError, match=f"{place}: The provided token has expired") as raised:
        prepare(place, shout)
    assert not isinstance(raised.value, DamageError)


def test_workers_of_their_own_write_alike(bucket, tmp_path, shout):
    place = place_of(f"{bucket}/workers/align")
    prepare(tmp_path / "disk", shout)
    prepare(place, shout, executor=Processes(2))
    pairs = zip(
        names(ShardFolder(place, SHARDS)),
        names(ShardFolder(tmp_path / "disk", SHARDS)),
        strict=True,
    )
    assert all(left.read_bytes() == right.read_bytes() for left, right in pairs)


def test_a_second_run_is_refused(place, shout):
    with locked(place), pytest.raises(StageError, match=r"is being written by process \d+ on "):
        prepare(place, shout)
    prepare(place, shout)
    assert not list(place.parent.glob("*.lock.*"))


def test_of_many_that_begin_at_once_one_gets_the_lease(place):
    begin, done, held, refused = threading.Barrier(6), threading.Event(), [], []

    def try_it():
        begin.wait()
        try:
            with locked(place):
                held.append(1)
                done.wait(20)
        except StageError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=try_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    while len(refused) < 5 and any(thread.is_alive() for thread in threads):
        time.sleep(0.01)
    done.set()
    for thread in threads:
        thread.join()
    assert (len(held), len(refused)) == (1, 5)


def test_a_killed_runs_lease_runs_out(place, shout):
    left = place.with_name(".align.lock.3")
    left.write_bytes(leases.Lease("far", 7, time.time() + 30).to_json())
    with pytest.raises(StageError, match=r"process 7 on far.* If it was killed, .* in (29|30) s"):
        prepare(place, shout)
    left.write_bytes(leases.Lease("far", 7, time.time() - 1).to_json())
    with locked(place) as check:
        assert [path.name for path in place.parent.glob("*.lock.*")] == [".align.lock.4"]
        check()


def repeated(check):
    for _ in range(1000):
        time.sleep(0.02)
        check()


def test_who_is_overtaken_ends(place, monkeypatch):
    monkeypatch.setattr(leases, "WORD_SECONDS", 0.05)
    mine = place.with_name(".align.lock.1")
    with locked(place) as check:
        first = json.loads(mine.read_bytes())["until"]
        while json.loads(mine.read_bytes())["until"] == first:  # it goes on saying so
            time.sleep(0.02)
        check()
        place.with_name(".align.lock.2").write_bytes(b"{}")
        with pytest.raises(StageError, match="took the output over"):
            repeated(check)


def test_who_can_not_reach_the_store_knows_that_the_lease_ran_out(bucket, monkeypatch):
    monkeypatch.setattr(leases, "WORD_SECONDS", 0.05)
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.5)
    place, away = place_of(f"{bucket}/away/align"), threading.Event()
    true = ObjectPath.glob

    def glob(self, pattern):
        if away.is_set():  # what botocore says of a connection that nobody takes
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
        return true(self, pattern)

    monkeypatch.setattr(ObjectPath, "glob", glob)
    with locked(place) as check:
        check()
        away.set()
        with pytest.raises(StageError, match="or the store was unreachable for"):
            repeated(check)


def test_a_store_that_is_away_is_told_in_one_line():
    for url, error in (
        ("s3://a/b", EndpointConnectionError(endpoint_url="http://127.0.0.1:9")),
        ("gs://a/b", HttpError({"code": 401, "message": "Anonymous caller"})),
        ("gs://a/b", ServerDisconnectedError()),
        ("memory://a", TimeoutError()),
    ):
        with pytest.raises(StageError, match=f"{url}: "), explained(url, StageError):
            raise error


def test_a_strangers_object_is_no_lease(place):
    place.with_name(".align.lock.1").write_bytes(b"years of work")
    with pytest.raises(StageError, match="not a lease of crossband: move it away"), locked(place):
        pass


def test_missing_credentials_and_buckets_are_named(bucket, shout, monkeypatch):
    with pytest.raises(StageError, match=r"s3://other/align: .*bucket"):
        prepare(place_of("s3://other/align"), shout)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    forget()
    told = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    with pytest.raises(StageError, match=told):
        prepare(place_of(f"{bucket}/align"), shout)
    with pytest.raises(StageError, match=told):
        ShardFolder.open(f"{bucket}/align")
    with pytest.raises(StageError, match=told):
        explain("s03", data=bucket)
    forget()


def test_addresses(tmp_path):
    assert place_of(f"file://{tmp_path}") == place_of(str(tmp_path)) == tmp_path
    assert place_of("s3://a/b/") == ObjectPath("s3://a/b")
    with pytest.raises(StageError, match=r"tape://a: .*tape"):
        place_of("tape://a")
    for empty in ("s3://", "s3:///", "gs://"):
        with pytest.raises(StageError, match=r"expected a bucket and a folder, as [sg][3s]://"):
            place_of(empty)


def test_reports_ask_an_object_store_what_they_ask_a_disk(place, shout, tmp_path):
    prepare(place, shout)
    prepare(tmp_path / "disk", shout)
    asked = []
    for folder in (ShardFolder(place, SHARDS), ShardFolder(tmp_path / "disk", SHARDS)):
        tables = Tables.of(folder, "sample_id, band").add("lost", folder.rejected, "reason")
        asked.append([tables.ask(f"SELECT * FROM {name} ORDER BY 1") for name in ("rows", "lost")])
    assert asked[0] == asked[1]
    assert len(asked[0][0]) == 41


def test_commands_open_outputs_in_an_object_store(place, shout, capsys):
    prepare(place, shout)
    rejected(str(place), per_reason=6, as_json=False)
    assert capsys.readouterr().out.endswith(f"{place}: 2 rejected\n")
    diff(str(place), str(place), as_json=False)
    assert capsys.readouterr().out == "41 rows as they were\n"
    with pytest.raises(StageError, match=rf"Looked in {place}/no"):
        output_of(f"{place}/no")


def test_a_samples_way_is_followed_in_an_object_store(place, shout, capsys, monkeypatch):
    for stage in ("align", "crops/small"):
        prepare(place.parent / "mine" / stage, shout)
    monkeypatch.setenv("CROSSBAND_DATA", str(place.parent))
    explain("s03")
    lines = capsys.readouterr().out.splitlines()[1:]
    steps = [line.split() for line in lines if "made:" in line]  # values stand below each
    assert steps == [[name, "1", "made:", "s03"] for name in ("align", "crops/small")]
    explain("x-bad", data=str(place.parent))
    assert capsys.readouterr().out.splitlines()[1].split()[1:3] == ["x-bad", "rejected:"]
    with pytest.raises(StageError, match=rf"no stage below {place.parent} has seen 'nobody'"):
        explain("nobody")


def test_stages_find_their_shards_where_the_environment_says(place, shout, monkeypatch):
    monkeypatch.setenv("CROSSBAND_DATA", str(place.parent))
    assert data_of("mine", "align") == place.parent / "mine" / "align"
    with pytest.raises(StageError, match="expected a complete set of shards, found 0 files"):
        StageRun("parse", "mine", SimpleNamespace(datasets={"mine": None})).source("align")
    with pytest.raises(ParamsError, match=r"data set 'mine' is none of \['yours'\]"):
        StageRun("parse", "mine", SimpleNamespace(datasets={"yours": None})).source("align")
    prepare(place.parent / "mine" / "align", shout)
    assert StageRun("parse", "mine", None).source("align").count == SHARDS
    with pytest.raises(StageError, match="expected shards on a disk"):
        path_of(place)
    monkeypatch.delenv("CROSSBAND_DATA")
    assert data_of("mine", "align") == Path("data/mine/align")


def test_what_wants_a_disk_gets_a_copy_once_and_anew_after_a_change(place, shout, monkeypatch):
    prepare(place, shout)
    folder, true, fetches = ShardFolder.open(place), ObjectPath.fetch, []

    def counted(self, path):
        fetches.append(self.name)
        true(self, path)

    monkeypatch.setattr(ObjectPath, "fetch", counted)
    here = fetched(folder)
    assert isinstance(here.path, Path)
    assert fetched(here) is here
    assert list(here.rows()) == list(folder.rows())
    fetches.clear()
    assert fetched(folder) == here
    assert fetches == []
    prepare(place, shout, ROWS[1:])
    assert len(list(fetched(folder).rows())) == len(list(here.rows())) - 1


def test_a_name_with_brackets_is_no_pattern(place):
    files = Files(f"{place}/set")
    for name in ("a[1].png", "a1.png", "b.png"):
        files.fs.pipe_file(files.at(name), name.encode())
    assert files.read_many(["a[1].png", "b.png", "c[1].png"]) == {
        "a[1].png": b"a[1].png",
        "b.png": b"b.png",
    }
    files.remove(["a[1].png", "b.png"])
    assert files.files() == ["a1.png"]


def test_a_file_that_a_store_refuses_to_give_does_not_count_as_missing(monkeypatch):
    files = Files("memory://prepared/set")
    files.fs.pipe_file(files.at("a.json"), b"{}")
    assert files.read_many(["a.json", "b.json"]) == {"a.json": b"{}"}

    def refuse(*_, **__):
        raise PermissionError("The provided token has expired.")

    monkeypatch.setattr(type(files.fs), "cat_file", refuse)
    with pytest.raises(PermissionError, match="expired"):
        files.read_many(["a.json", "b.json"])
