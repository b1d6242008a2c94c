"""Files that appear whole: of several writers at once, and after one that was killed."""

import signal
import subprocess
import sys
import threading

import pytest

from pipeline.store.whole import whole_name, write_whole, written_whole

WRITER = (
    "import sys; from pathlib import Path; from pipeline.store.whole import written_whole\n"
    "with written_whole(Path(sys.argv[1])) as partial:\n"
    "    partial.write_text('half'); print(partial.name, flush=True); sys.stdin.read()\n"
    "    partial.write_text('whole')"
)


def writer(path):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline().strip()


def test_of_two_writers_each_has_its_own_file(tmp_path):
    with written_whole(tmp_path / "a.json") as first:
        first.write_text("the first, and longer")
        with written_whole(tmp_path / "a.json") as second:
            second.write_text("the second")
        assert (tmp_path / "a.json").read_text() == "the second"
    assert (tmp_path / "a.json").read_text() == "the first, and longer"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_many_at_once_leave_what_one_of_them_wrote(tmp_path):
    texts = [f"{number}" * 100_000 for number in range(8)]
    threads = [threading.Thread(target=write_whole, args=(tmp_path / "a", text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a").read_text() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_a_killed_writer_left_goes_and_that_of_a_living_one_stays(tmp_path):
    target = tmp_path / "a.json"
    others = (".b.json.0123abcd.partial", ".a.json.notes.partial", ".a.json.0123ABCD.partial")
    for name in others:
        (tmp_path / name).write_text("of another file, or of the user")
    (tmp_path / ".a.json.partial").write_text("of a version whose partial files were not locked")
    killed, left = writer(target)
    with killed:
        killed.send_signal(signal.SIGKILL)
    assert (tmp_path / left).read_text() == "half"
    living, used = writer(target)
    with living:
        write_whole(target, "meanwhile")
        assert target.read_text() == "meanwhile"
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["a.json", used, *others])
        living.communicate("", timeout=60)
    assert target.read_text() == "whole"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["a.json", *others])


def test_a_link_in_the_place_of_a_partial_file_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("kept")
    (tmp_path / ".a.0123abcd.partial").symlink_to(tmp_path / "mine")
    write_whole(tmp_path / "a", "written")
    assert (tmp_path / "mine").read_text() == "kept"
    assert (tmp_path / "a").read_text() == "written"


def test_a_file_gets_the_rights_that_any_new_one_has(tmp_path):
    (tmp_path / "plain").write_text("")
    write_whole(tmp_path / "a", "")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        (".a.pt.0123abcd.partial", "a.pt"),
        (".a.pt.partial", "a.pt"),
        (".a.0123abcd.4567cdef.partial", "a.0123abcd"),
        ("a.pt", "a.pt"),
        (".partial", ".partial"),
        ("a.partial", "a.partial"),
    ],
)
def test_of_a_name_it_is_known_what_it_becomes(name, whole):
    assert whole_name(name) == whole
