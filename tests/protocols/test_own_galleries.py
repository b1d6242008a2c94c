"""Lists of a gallery and its probes of one's own: what they say, and what is refused."""

import numpy as np
import pytest

from pipeline.errors import ReaderError
from pipeline.evaluation.recognition import recognise
from pipeline.protocols.own_galleries import own_gallery
from pipeline.store.protocols import Kind

LISTED = [
    {
        "sample_id": f"{name}.{number}",
        "path": f"{split}/{name}/{number}.png",
        "split": split,
        "camera_id": "left",
        "media_id": f"{name}-video" if number > 1 else None,
        **({"subject_id": name} if name != "nobody" else {}),
    }
    for name, split in {
        "anna": "train",
        "bob": "test",
        "zo\u00e9": "test",
        "nobody": "test",
    }.items()
    for number in (1, 2, 3)
]
HEADER = "path,side,template\n"


def made(tmp_path, text):
    file = tmp_path / "lab.csv"
    file.write_text(text, encoding="utf-8")
    return own_gallery("lab", file, LISTED)


def test_images_with_a_template_are_one_and_others_are_their_own(tmp_path):
    protocol = made(
        tmp_path,
        HEADER + "test/bob/1.png,gallery,bob\n"
        "test/bob/2.png,gallery,bob\n"
        "./test\\zoe\u0301\\1.png,gallery,\n"
        "test/bob/3.png,probe,\n"
        "test/zo\u00e9/3.png,probe,bob\n",  # a name is its side's
    )
    assert protocol.enroll.select(["template_id", "sample_id", "media_id"]).to_pylist() == [
        {"template_id": template, "sample_id": sample, "media_id": media}
        for template, sample, media in (
            ("bob", "bob.1", "bob.1"),
            ("bob", "bob.2", "bob-video"),
            ("zo\u00e9.1", "zo\u00e9.1", "zo\u00e9.1"),
        )
    ]
    assert protocol.probe["template_id"].to_pylist() == ["bob.3", "bob"]
    assert protocol.train["sample_id"].to_pylist() == ["anna.1", "anna.2", "anna.3"]
    assert (protocol.kind, protocol.source, protocol.match) == (Kind.RECOGNITION, "own", None)
    assert protocol.faults() == []


def test_rank_1_is_measured(tmp_path):
    protocol = made(
        tmp_path,
        "side;path\ngallery;test/bob/1.png\ngallery;test/zo\u00e9/1.png\n"
        "probe;test/bob/2.png\nprobe;test/bob/3.png\nprobe;test/zo\u00e9/2.png\n",
    )
    right, up = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)
    enrolled = {"bob.1": right, "zo\u00e9.1": up}
    probes = {"bob.2": right, "bob.3": up, "zo\u00e9.2": up}  # bob.3 looks like the other one
    metrics = recognise(protocol, enrolled, probes).metrics
    assert metrics["rank1"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert (metrics["genuine"], metrics["impostor"]) == (3, 3)


def test_who_trains_may_not_be_tested(tmp_path):
    protocol = made(tmp_path, "path,side\ntrain/anna/1.png,gallery\ntrain/anna/2.png,probe\n")
    assert "1 subjects are both trained on and tested, among them anna" in protocol.faults()[0]


BOB = "test/bob/1.png,gallery,bob\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,enroll\na,b\n", r"expected the columns path, side and perhaps template, found \["),
        (HEADER.replace("template", "fold") + BOB, "perhaps template, found"),
        ("", "expected the columns path, side and perhaps template, found None"),
        (HEADER, "found 0 of gallery and 0 of probe: list some with side gallery"),
        (HEADER + BOB, "found 1 of gallery and 0 of probe: list some with side probe"),
        (HEADER + BOB + "test/bob/2.png,enroll,\n", "line 3: expected side gallery or probe, f"),
        (HEADER + "bob.png,probe,\n", r"line 2: probe 'bob\.png' is no image of the data set"),
        (HEADER + "test/nobody/1.png,gallery,\n", "line 2: gallery .*shows nobody known"),
        (
            HEADER + BOB + "\n./test/bob/1.png,probe,\n",
            "line 4: .*stands in line 2, too: list each image once, on one side",
        ),
        (HEADER + BOB * 2, "line 3: .*stands in line 2, too"),
        (
            HEADER + BOB + "test/zo\u00e9/1.png,gallery,bob\n",
            "line 3: template 'bob' is of 'bob' in line 2, but this image shows 'zo\u00e9'",
        ),
    ],
)
def test_a_faulty_list_is_refused(tmp_path, text, message):
    with pytest.raises(ReaderError, match=rf"lab\.csv.*{message}"):
        made(tmp_path, text)
