"""Lists of pairs of one's own: what they say, and what is refused."""

from dataclasses import replace

import pyarrow as pa
import pytest

from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.params.protocols import ProtocolParams
from pipeline.protocols import build
from pipeline.protocols.columns import single
from pipeline.protocols.own_pairs import own_pairs
from pipeline.store import ShardFolder
from pipeline.store.protocols import Kind, template_table
from pipeline.store.seal import write_sealed

PEOPLE = {"anna": "train", "bob": "test", "zoe\u0301": "test", "": "test"}
LISTED = [
    {
        "sample_id": f"{name or 'nobody'}.{band}",
        "path": f"{split}/{name or 'nobody'}/{band}.png",
        "band": band,
        "split": split,
        **({"subject_id": name} if name else {}),
    }
    for name, split in PEOPLE.items()
    for band in ("VIS", "NIR")
]


def made(tmp_path, text):
    file = tmp_path / "pairs.csv"
    file.write_text(text, encoding="utf-8")
    return own_pairs("lab", file, LISTED)


def test_subjects_say_which_pairs_are_genuine(tmp_path):
    protocol = made(
        tmp_path,
        "enroll,probe\n"
        "test/bob/VIS.png,test/bob/NIR.png\n"
        "test/bob/VIS.png,./test\\zo\u00e9\\NIR.png\n",
    )
    assert protocol.match.to_pylist() == [
        {
            "fold": None,
            "enroll_template_id": "bob.VIS",
            "probe_template_id": probe,
            "same": same,
        }
        for probe, same in (("bob.NIR", True), ("zoe\u0301.NIR", False))
    ]
    assert protocol.enroll["sample_id"].to_pylist() == ["bob.VIS"]
    assert protocol.train["sample_id"].to_pylist() == ["anna.VIS", "anna.NIR"]
    assert (protocol.name, protocol.kind, protocol.source) == ("lab", Kind.VERIFICATION, "own")
    assert protocol.faults() == []


def test_with_folds_accuracy_is_measured(tmp_path):
    pair = "test/bob/VIS.png;test/bob/NIR.png"
    protocol = made(tmp_path, f"enroll;probe;fold\n{pair};1\n{pair};2\n")
    assert protocol.kind == Kind.PAIR_ACCURACY
    assert protocol.match["fold"].to_pylist() == [1, 2]


def test_who_trains_may_not_be_tested(tmp_path):
    protocol = made(tmp_path, "enroll,probe\ntrain/anna/VIS.png,train/anna/NIR.png\n")
    assert "1 subjects are both trained on and tested, among them anna" in protocol.faults()[0]


def test_people_of_a_frame_are_no_samples_that_a_list_could_lack(tmp_path, monkeypatch):
    own = made(tmp_path, "enroll,probe\ntest/bob/VIS.png,test/bob/NIR.png\n")
    people = template_table([single({"sample_id": "frame#bob", "subject_id": "bob"})])
    frames = replace(own, name="VIS-NIR", source="derived", enroll=people, match=None)
    monkeypatch.setattr(build, "_base", lambda *_: iter([frames]))
    monkeypatch.setattr(build, "_own", lambda *_: iter([("pairs", own)]))
    seen = pa.table({"sample_id": ["bob.VIS", "bob.NIR"]})
    write_sealed(seen, tmp_path / "shard-00000-of-00001.parquet")
    (tmp_path / "rejected").mkdir()
    write_sealed(seen.slice(0, 0), tmp_path / "rejected/shard-00000-of-00001.parquet")
    values = {"build": "band_templates", "rows": "ingest", "seed": 7, "subset": {}}
    built = build.build_protocols(
        "set",
        DatasetParams(reader="folder", root="set", shards=1),
        ProtocolParams.model_validate(values | {"pairs": {"lab": "pairs.csv"}}),
        ShardFolder.open(tmp_path),
    )
    assert [each.name for each in built] == ["VIS-NIR", "lab"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gallery,probe\na,b\n", r"expected the columns enroll, probe .*found \['gallery'"),
        ("enroll,probe,same\na,b,1\n", "expected the columns enroll, probe and perhaps fold"),
        ("enroll,probe\n", "and 0 lines"),
        ("enroll,probe\ntest/bob/VIS.png,bob.png\n", r"line 2: probe 'bob\.png' is no image of"),
        (
            "enroll,probe\ntest/nobody/VIS.png,test/bob/NIR.png\n",
            "line 2: enroll .*shows nobody known",
        ),
        (
            "enroll,probe,fold\ntest/bob/VIS.png,test/bob/NIR.png,0\n",
            r"a fold of 1\.\.1000, found '0'",
        ),
        (
            "enroll,probe\ntest/bob/VIS.png,./test/bob/VIS.png\n",
            "line 2: compares 'test/bob/VIS.png' with itself",
        ),
        ("enroll,probe\n" + "test/bob/VIS.png,test/bob/NIR.png\n" * 2, "1 pairs occur twice"),
    ],
)
def test_a_faulty_list_is_refused(tmp_path, text, message):
    with pytest.raises(ReaderError, match=message):
        made(tmp_path, text)
