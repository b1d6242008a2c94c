"""Pseudonyms: no name of a person, a folder or a file reaches what ``ingest`` writes."""

import hashlib
import hmac

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.errors import ReaderError
from pipeline.ops.codec import encode_png
from pipeline.params.datasets import DatasetParams
from pipeline.params.ingest import IngestParams
from pipeline.protocols.columns import cross_band, shot_of
from pipeline.readers import read_dataset
from pipeline.readers.pseudonyms import KEY_FILE
from pipeline.readers.rows import take_in
from pipeline.schemas.ingest import INGEST
from pipeline.store import ShardFolder, StageKey, map_shards
from pipeline.store.executors import Serial
from pipeline.types import Split

KEY = bytes(range(32))
NAMES = (b"anna", b"bob", b"holiday", b"secret")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with images of two people, and a key beside it."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    use_key(monkeypatch, tmp_path / "key", KEY)
    for name in (
        "anna/holiday/1.png",
        "anna/2.png",
        "bob/secret.png",
        "bob/anna.txt",
        "bob/of. anna",
    ):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(np.full((6, 8), len(name), np.uint8)))
    (tmp_path / "images/bob/secret-too.png").write_bytes(b"cut off")
    return tmp_path


def use_key(monkeypatch, path, key, mode=0o600):
    path.write_bytes(key)
    path.chmod(mode)
    monkeypatch.setenv(KEY_FILE, str(path))


def params(project, **values):
    return DatasetParams(
        reader="folder", root=str(project / "images"), shards=2, pseudonyms=True, **values
    )


def subjects(project):
    return {
        row["path"]: row.get("subject_id") for row in read_dataset("mine", params(project)).rows
    }


def test_a_pseudonym_is_a_keyed_hash_of_data_set_column_and_name(project):
    expected = hmac.new(KEY, b"mine\0subject_id\0anna", hashlib.sha256).hexdigest()[:24]
    found = subjects(project)
    assert found["anna/2.png"] == found["anna/holiday/1.png"] == expected
    assert found["bob/secret.png"] not in (expected, None)


def test_another_key_gives_other_pseudonyms(project, monkeypatch):
    before = subjects(project)
    use_key(monkeypatch, project / "other", KEY[::-1])
    after = subjects(project)
    assert before.keys() == after.keys()
    assert not {*before.values()} & {*after.values()}


class TakeIn:
    def __init__(self, params):
        self.params = params

    def __call__(self):
        return lambda rows: [take_in(row, self.params) for row in rows]


def test_no_name_reaches_a_shard_or_a_reason(project):
    folder = ShardFolder(project / "out", 2)
    summary = map_shards(
        read_dataset("mine", params(project)),
        folder,
        schema=INGEST,
        key=StageKey("ingest", {}, {}, ""),
        make=TakeIn(IngestParams(max_megapixels=1.0, tone_percentiles=(0.5, 99.5))),
        batch_rows=2,
        executor=Serial(),
        label="ingest",
    )
    assert (summary.rows_out, sum(summary.rejected.values())) == (3, 3)
    rows = [*folder.rows(), *folder.rejected.rows()]
    text = repr(rows).encode()
    assert not [name for name in NAMES if name in text]
    assert {len(row["sample_id"]) for row in rows} == {24}


def test_what_cannot_be_read_is_not_named(project):
    path = project / "images/bob/secret.png"
    listing = read_dataset("mine", params(project))
    path.unlink()
    loaded = [
        row for index in range(2) for batch in listing.shard(index).batches() for row in batch
    ]
    (gone,) = [row for row in loaded if row.get("unreadable", "").startswith("No such file")]
    assert not [name for name in NAMES if name in repr(gone).encode()]


def test_images_of_one_shot_stay_known_as_such(project):
    for number in range(4):
        for band in ("vis", "nir"):
            path = project / f"images/carl/{band}/{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_png(np.full((6, 8), number, np.uint8)))
    rows = read_dataset("mine", params(project, split=Split.TEST)).rows
    carl = [row for row in rows if row["path"].startswith("carl/")]
    paths = {}
    for row in carl:
        paths.setdefault(shot_of(row), []).append(row["path"])
    assert sorted(map(sorted, paths.values())) == [
        [f"carl/nir/{number}.png", f"carl/vis/{number}.png"] for number in range(4)
    ]
    (protocol,) = (one for one in cross_band(carl, 7) if one.name == "VIS-NIR")
    named = {row["sample_id"]: row["path"].rpartition("/")[2] for row in carl}
    sides = [
        {named[i] for i in table["sample_id"].to_pylist()}
        for table in (protocol.enroll, protocol.probe)
    ]
    assert not sides[0] & sides[1]


@pytest.mark.parametrize(
    ("key", "mode", "message"),
    [
        (KEY, 0o640, "can be read by others: `chmod 600` it"),
        (KEY[:31], 0o600, "at least 32 bytes"),
    ],
)
def test_a_key_that_protects_nothing_is_refused(project, monkeypatch, key, mode, message):
    use_key(monkeypatch, project / "weak", key, mode)
    with pytest.raises(ReaderError, match=message):
        subjects(project)


def test_a_key_in_the_project_or_nowhere_is_refused(project, monkeypatch):
    use_key(monkeypatch, project / "project/key", KEY)
    with pytest.raises(ReaderError, match="is inside the project"):
        subjects(project)
    monkeypatch.setenv(KEY_FILE, str(project / "none"))
    with pytest.raises(ReaderError, match=r"none: No such file.*head -c 32 /dev/urandom"):
        subjects(project)
    monkeypatch.delenv(KEY_FILE)
    with pytest.raises(ReaderError, match=f"expected {KEY_FILE} to name"):
        subjects(project)
    assert [path.name for path in (project / "project").iterdir()] == ["key"]


def test_readers_of_published_sets_give_none():
    with pytest.raises(ValidationError, match="reader 'lfw' does not use this"):
        DatasetParams(reader="lfw", root="x", shards=1, pseudonyms=True)


@pytest.mark.parametrize("visible", ["vis/", ""])
def test_no_shot_is_enrolled_and_probed_with(project, visible):
    names = [f"eve/{band}{n}.png" for band in (visible, "nir/") for n in range(4)]
    for name in names:
        path = project / "shots" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    asked = params(project, split=Split.TEST).model_copy(update={"root": str(project / "shots")})
    shot = {row["sample_id"]: (row["path"][-5], shot_of(row)) for row in rows_of(asked)}
    assert len({*shot.values()}) == 4
    (protocol,) = cross_band(rows_of(asked), 7)
    enrolled, probed = (
        {shot[name] for name in side["sample_id"].to_pylist()}
        for side in (protocol.enroll, protocol.probe)
    )
    assert (len(enrolled), len(probed), enrolled & probed) == (2, 2, set())


def test_where_a_session_is_known_it_is_the_shot(project):
    rows = {row["path"]: row for row in rows_of(params(project))}
    assert "media_id" not in rows["anna/holiday/1.png"]
    assert len(rows["anna/2.png"]["media_id"]) == 24


def rows_of(asked):
    return [*read_dataset("mine", asked).rows]
