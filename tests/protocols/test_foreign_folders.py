"""What lies in the folder of protocols and is none."""

from pipeline.protocols.build import write_protocols


def test_a_former_protocol_goes_and_what_anybody_else_put_there_stays(tmp_path):
    cut = ("cut/.enroll.parquet.partial", "cut/.match.parquet.0123abcd.partial")
    for name in ("former/protocol.json", *cut, "mine/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "mine/train.parquet").touch()
    assert write_protocols(tmp_path, iter(())) == {}
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mine", "notes.txt"]
