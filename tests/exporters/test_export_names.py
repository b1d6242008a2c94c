"""File names of an export stay inside it and are never two alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ExportError
from pipeline.exporters.names import check_inside, extension_of, safe_component, safe_path

IDS = st.text("ab./%#+-=_", min_size=1, max_size=12)


@given(IDS)
def test_a_path_stays_below_the_export_and_has_no_dot(sample_id):
    assert check_inside(safe_path(sample_id)) == safe_path(sample_id)
    assert "." not in safe_path(sample_id)


@given(IDS, IDS)
def test_different_ids_have_different_paths(a, b):
    assert (safe_path(a) == safe_path(b)) == (a == b)


@given(st.text(max_size=12), st.text(max_size=12))
def test_a_component_is_one_name_for_one_text(a, b):
    assert "/" not in check_inside(safe_component(a))
    assert (safe_component(a) == safe_component(b)) == (a == b)


@pytest.mark.parametrize(
    ("sample_id", "path"),
    [
        ("anna/1.VIS", "anna/1%2EVIS"),
        ("a#face0", "a%23face0"),
        ("__x__/1", "%5F_x__/1"),
        ("../../etc/passwd", "%2E%2E/%2E%2E/etc/passwd"),
        ("/etc/passwd", "%2F/etc/passwd"),
    ],
)
def test_what_would_leave_is_encoded(sample_id, path):
    assert safe_path(sample_id) == path


@pytest.mark.parametrize("path", ["", "/a", "../a", "a/../../b", "a//b", "a\\b", "a\0b", "./a"])
def test_a_path_that_leaves_is_refused(path):
    with pytest.raises(ExportError, match="would leave the export"):
        check_inside(path)


@pytest.mark.parametrize(
    ("data", "path", "extension"),
    [
        (b"\xff\xd8\xff\xe0", "x.png", "jpg"),
        (b"\x89PNG\r\n", None, "png"),
        (b"II*\0", "dir.d/x.TIFF", "tiff"),
        (b"?", None, "bin"),
    ],
)
def test_the_extension_is_what_the_bytes_are(data, path, extension):
    assert extension_of(data, path) == extension
