"""Exports to and from an object store, over S3's own protocol, on this machine's loopback."""

import fsspec
import pytest
from buckets import forget, served
from stage_data import align_rows, contents, tables, write_folder

from pipeline.errors import ExportError
from pipeline.exporters.format import Request
from pipeline.exporters.importing import import_export, read_manifest
from pipeline.exporters.running import export
from pipeline.exporters.storage import CLAIM, Sink, Store
from pipeline.exporters.target import Target
from pipeline.schemas.align import ALIGN
from pipeline.store.executors import Processes, Serial
from pipeline.store.files import place_of

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def align(tmp_path):
    """A third of the rows: each is several requests."""
    return write_folder(tmp_path / "align", align_rows()[:8], ALIGN)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The URL of a bucket, and the environment that leads to it."""
    with served(tmp_path_factory.mktemp("config") / "none") as url:
        yield url


@pytest.fixture
def bucket(store):
    """The same, emptied."""
    fs = fsspec.filesystem("s3")
    fs.invalidate_cache()
    for path in fs.find(store):
        fs.rm_file(path)
    return store


def stored(url):
    fs = fsspec.filesystem("s3")
    fs.invalidate_cache()
    place = url.removeprefix("s3://")
    return {path[len(place) + 1 :]: fs.cat_file(path) for path in fs.find(place)}


@pytest.mark.parametrize("form", ["webdataset", "folder", "parquet", "lmdb"])
def test_an_object_store_gets_what_a_disk_gets_and_gives_it_back(
    put, bucket, align, tmp_path, form
):
    local = contents(put(form, verify=False))
    put(form, to=f"{bucket}/set/{form}", verify=form == "webdataset")
    remote = stored(f"{bucket}/set/{form}")
    local.pop("manifest.json")
    assert {name: data for name, data in remote.items() if name != "manifest.json"} == local
    import_export(f"{bucket}/set/{form}", tmp_path / "back")
    for before, after in zip(tables(align), tables(tmp_path / "back"), strict=True):
        assert repr(before.to_pylist()) == repr(after.to_pylist())


def test_worker_processes_write_to_the_store_alike(put, bucket):
    local = contents(put("webdataset", verify=False))
    put("webdataset", to=f"{bucket}/set", executor=Processes(2), verify=False)
    remote = stored(f"{bucket}/set")
    assert remote.keys() == local.keys()
    assert all(remote[name] == local[name] for name in local if name != "manifest.json")


def test_an_interrupted_upload_is_unfinished_and_goes_on(put, bucket, monkeypatch, capsys):
    true, done = Sink.receipt, []

    def interrupt(self, unit, key):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(unit)
        return true(self, unit, key)

    with monkeypatch.context() as patch:
        patch.setattr(Sink, "receipt", interrupt)
        with pytest.raises(KeyboardInterrupt):
            put("webdataset", to=f"{bucket}/set", verify=False)
    assert "manifest.json" not in stored(f"{bucket}/set")
    with pytest.raises(ExportError, match="interrupted"):
        read_manifest(f"{bucket}/set")
    put("webdataset", to=f"{bucket}/set", verify=False)
    assert "2 of" in capsys.readouterr().err
    remote = stored(f"{bucket}/set")
    assert not [name for name in remote if name.startswith("_parts")]
    assert "manifest.json" in remote


def test_an_export_in_the_store_is_replaced_only_when_asked(put, bucket):
    put("folder", to=f"{bucket}/set", verify=False)
    with pytest.raises(ExportError, match="--overwrite replaces it"):
        put("folder", to=f"{bucket}/set", verify=False)
    put("folder", to=f"{bucket}/set", verify=False, overwrite=True, where="band = 'NIR'")
    images = [name for name in stored(f"{bucket}/set") if name.startswith("images/")]
    assert sum(name.endswith((".png", ".jpg")) for name in images) == 4


def test_other_objects_are_left_alone(put, bucket):
    fsspec.filesystem("s3").pipe_file("prepared/set/thesis.tex", b"years of work")
    with pytest.raises(ExportError, match="so it is not an export"):
        put("folder", to=f"{bucket}/set", overwrite=True)
    assert stored(f"{bucket}/set") == {"thesis.tex": b"years of work"}


def test_missing_credentials_are_named(put, bucket, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    forget()
    with pytest.raises(ExportError, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        put("folder", to=f"{bucket}/set")
    forget()


def test_a_bucket_that_is_not_there_is_told(put, bucket):
    with pytest.raises(ExportError, match=r"s3://other/set: .*bucket"):
        put("folder", to="s3://other/set")


def test_a_users_prefix_without_a_claim_is_no_unfinished_export(put, bucket):
    fs = fsspec.filesystem("s3")
    mine = {"_parts/1.json": b"{}", "data/mine.csv": b"years of work"}
    for name, data in mine.items():
        fs.pipe_file(f"prepared/set/{name}", data)
    for overwrite in (False, True):
        with pytest.raises(ExportError, match="so it is not an export"):
            put("folder", to=f"{bucket}/set", overwrite=overwrite, verify=False)
    assert stored(f"{bucket}/set") == mine


def test_a_users_objects_inside_an_export_stay(put, bucket, monkeypatch):
    fs = fsspec.filesystem("s3")
    put("folder", to=f"{bucket}/set", verify=False)
    mine = {"_parts/1.json": b"{}", "_parts/x.writes.json": b"mine", "data/mine.csv": b"work"}
    for name, data in mine.items():
        fs.pipe_file(f"prepared/set/{name}", data)

    def interrupt(self, unit, key):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Sink, "receipt", interrupt)
        with pytest.raises(KeyboardInterrupt):
            put("folder", to=f"{bucket}/set", verify=False, overwrite=True, where="band = 'VIS'")
    assert mine.items() <= stored(f"{bucket}/set").items()
    put("folder", to=f"{bucket}/set", verify=False, overwrite=True, where="band = 'NIR'")
    listed = {entry.path for entry in read_manifest(f"{bucket}/set").files}
    found = stored(f"{bucket}/set")
    assert found.keys() == listed | mine.keys() | {"manifest.json"}
    assert mine.items() <= found.items()


def test_an_object_of_the_users_is_not_written_over(put, bucket):
    put("folder", to=f"{bucket}/set", verify=False, where="band = 'NIR'")
    fs = fsspec.filesystem("s3")
    put("folder", to=f"{bucket}/whole", verify=False)
    names = stored(f"{bucket}/whole").keys() - stored(f"{bucket}/set").keys()
    taken = sorted(names)[0]
    fs.pipe_file(f"prepared/set/{taken}", b"years of work")
    with pytest.raises(ExportError, match="has the name of one of its files: move it away"):
        put("folder", to=f"{bucket}/set", verify=False, overwrite=True)
    assert stored(f"{bucket}/set")[taken] == b"years of work"


def test_a_refused_export_leaves_the_former_one(put, bucket):
    put("lmdb", to=f"{bucket}/set", verify=False, where="band = 'NIR'")
    former = stored(f"{bucket}/set")
    fsspec.filesystem("s3").pipe_file("prepared/set/README.md", b"years of work")
    with pytest.raises(ExportError, match=r"README\.md is not part of the export, .* move it away"):
        put("parquet", to=f"{bucket}/set", verify=False, overwrite=True)
    assert (former | {"README.md": b"years of work"}).items() <= stored(f"{bucket}/set").items()
    put("lmdb", to=f"{bucket}/set", verify=False, overwrite=True, where="band = 'NIR'")
    assert stored(f"{bucket}/set").keys() == former.keys() | {"README.md"}


def test_the_manifest_goes_before_the_first_file_of_the_former_export(put, bucket, monkeypatch):
    put("lmdb", to=f"{bucket}/set", verify=False, where="band = 'NIR'")

    def interrupt(self, unit, key):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Sink, "receipt", interrupt)
        with pytest.raises(KeyboardInterrupt):
            put("lmdb", to=f"{bucket}/set", verify=False, overwrite=True, where="band = 'VIS'")
    assert "manifest.json" not in stored(f"{bucket}/set")


def kill_behind_the_manifest(put, bucket, monkeypatch):
    """Export anew, killed before the claim goes."""
    true = Store.remove

    def killed(self, paths):
        true(self, [path for path in paths if path != CLAIM])
        if CLAIM in paths:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            put("folder", to=f"{bucket}/set", verify=False, overwrite=True, where="band = 'VIS'")


def test_an_object_that_came_behind_a_kill_is_the_users(put, bucket, monkeypatch):
    put("folder", to=f"{bucket}/set", verify=False, where="band = 'NIR'")
    former = stored(f"{bucket}/set").keys()
    kill_behind_the_manifest(put, bucket, monkeypatch)
    mine = sorted(former - stored(f"{bucket}/set").keys())[0]
    fsspec.filesystem("s3").pipe_file(f"prepared/set/{mine}", b"years of work")
    with pytest.raises(ExportError, match="has the name of one of its files: move it away"):
        put("folder", to=f"{bucket}/set", verify=False, overwrite=True, where="band = 'NIR'")
    put("folder", to=f"{bucket}/set", verify=False, overwrite=True, where="band = 'VIS'")
    assert stored(f"{bucket}/set")[mine] == b"years of work"


def test_an_object_that_is_edited_while_its_successor_is_written_stays(put, bucket, monkeypatch):
    put("folder", to=f"{bucket}/set", verify=False, where="band = 'NIR'")
    outdated = sorted(name for name in stored(f"{bucket}/set") if name.startswith("images/"))[0]
    true = Sink.receipt

    def edit(self, unit, key):
        fsspec.filesystem("s3").pipe_file(f"prepared/set/{outdated}", b"years of work")
        return true(self, unit, key)

    monkeypatch.setattr(Sink, "receipt", edit)
    put("folder", to=f"{bucket}/set", verify=False, overwrite=True, where="band = 'VIS'")
    found = stored(f"{bucket}/set")
    assert found[f"{outdated}.edited"] == b"years of work"
    listed = {entry.path for entry in read_manifest(f"{bucket}/set").files}
    assert found.keys() == listed | {"manifest.json", f"{outdated}.edited"}


@pytest.mark.parametrize("last", range(6))
def test_a_kill_while_an_export_is_put_into_place_leaves_nothing_behind(
    put, bucket, monkeypatch, last
):
    """Whatever request was the last, the next run replaces all that is crossband's."""
    put("lmdb", to=f"{bucket}/set", verify=False, where="band = 'NIR'")
    calls = iter(range(9))

    def kill_after(call):
        def until(self, *given):
            call(self, *given)
            if committing and next(calls) == last:
                raise KeyboardInterrupt

        return until

    committing = []
    commit = Target.commit
    with monkeypatch.context() as patch:
        patch.setattr(Store, "remove", kill_after(Store.remove))
        patch.setattr(Sink, "put_now", kill_after(Sink.put_now))
        patch.setattr(Target, "commit", lambda *g: committing.append(1) or commit(*g))
        with pytest.raises(KeyboardInterrupt):
            put("folder", to=f"{bucket}/set", verify=False, overwrite=True)
    put("parquet", to=f"{bucket}/set", verify=False, overwrite=True, where="band = 'VIS'")
    listed = {entry.path for entry in read_manifest(f"{bucket}/set").files}
    assert stored(f"{bucket}/set").keys() == listed | {"manifest.json"}


def test_shards_in_the_store_give_the_export_of_those_on_a_disk(put, bucket, align, tmp_path):
    local = contents(put("webdataset", where="band = 'NIR'", verify=False))
    for shard in align.glob("*.parquet"):
        fsspec.filesystem("s3").put_file(str(shard), f"prepared/align/{shard.name}")
    source, to = place_of(f"{bucket}/align"), tmp_path / "from-store"
    for executor in (Serial(), Processes(2)):
        request = Request(source, "webdataset", str(to), where="band = 'NIR'")
        manifest = export(request, executor=executor, overwrite=True, few_bytes=0)
        assert manifest.source["folder"] == f"{bucket}/align"
        found = contents(to)
        assert found.keys() == local.keys()
        assert all(found[name] == local[name] for name in local if name != "manifest.json")


def test_a_kill_behind_the_manifest_leaves_an_export_that_can_be_replaced(put, bucket, monkeypatch):
    put("folder", to=f"{bucket}/set", verify=False, where="band = 'NIR'")
    kill_behind_the_manifest(put, bucket, monkeypatch)
    put("folder", to=f"{bucket}/set", verify=False, overwrite=True)
    listed = {entry.path for entry in read_manifest(f"{bucket}/set").files}
    assert stored(f"{bucket}/set").keys() == listed | {"manifest.json"}
