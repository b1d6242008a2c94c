"""The sheet of protocols: it shows who is enrolled and who probes."""

import numpy as np
from report_rows import make_image

from pipeline.ops.codec import decode, encode_png
from pipeline.report.protocols import chosen_of, protocol_sheet
from pipeline.schemas.sample import IMAGES
from pipeline.store import ShardFolder, image_columns
from pipeline.store.protocols import (
    Protocol,
    Provenance,
    template_table,
    train_table,
    write_protocol,
)
from pipeline.store.shards import ShardWriter


def template(subject, name):
    return (None, f"{subject}.{name}", subject, name, "m", "c")


def protocol(enrolled, probing):
    tables = [template_table([template(*pair) for pair in side]) for side in (enrolled, probing)]
    return Protocol("VIS-NIR", Provenance.DERIVED, "", *tables, match=None, train=train_table([]))


def test_a_line_shows_an_enrolled_image_and_two_probes_of_the_same_subject():
    made = protocol(
        [("a", "a/0"), ("b", "b/0"), ("alone", "z/0")],
        [("a", "a/1"), ("a", "a/2"), ("a", "a/3"), ("b", "b/1"), ("nobody", "n/1")],
    )
    assert chosen_of(made) == [
        [("a", "a/0"), ("a", "a/1"), ("a", "a/3")],
        [("b", "b/0"), ("b", "b/1")],
    ]


def test_where_nobody_both_enrols_and_probes_those_who_do_either_are_shown():
    made = protocol([("a", "a/0")], [("b", "b/0"), ("b", "b/1")])
    assert chosen_of(made) == [[("a", "a/0")], [None, ("b", "b/0"), ("b", "b/1")]]
    assert chosen_of(protocol([], [])) == []


def drawn_of(tmp_path, places):
    """A grey image of one person enrolled; as probe, the first of two people in a frame.

    ``places`` says where each one's box begins; the frame has something at 10 and at 60.
    """
    frame = np.zeros((100, 100, 3), np.uint8)
    frame[20:60, 10:40], frame[20:60, 60:90] = (0, 0, 200), (200, 0, 0)
    people = [
        {
            "subject_id": name,
            "split": None,
            "face_xyxy": None,
            "body_xyxy": np.float32([x, 20, x + 30, 60]),
        }
        for name, x in zip("ab", places, strict=True)
    ]
    grey = encode_png(np.full((100, 100, 3), 90, np.uint8))
    rows = [
        make_image("a/0", known=False) | image_columns(grey, (100, 100), "x"),
        make_image("f", known=False, subject=None)
        | image_columns(encode_png(frame), (100, 100), "x")
        | {"truth_people": people, "media_id": "film/one", "frame_index": 7},
    ]
    shards = ShardFolder(tmp_path / "rows", 1)
    with ShardWriter(shards.shard(0).path, IMAGES) as writer:
        writer.write(rows)
    write_protocol(tmp_path / "protocols", protocol([("a", "a/0")], [("a", "f#a")]))
    protocol_sheet(tmp_path / "protocols", shards, tmp_path / "sheet.png")
    return decode((tmp_path / "sheet.png").read_bytes())


def seen(probe):
    return [(probe == colour).all(axis=-1).sum() for colour in ((0, 0, 200), (200, 0, 0))]


def test_gallery_and_probes_are_told_apart_and_people_are_cut_out(tmp_path):
    drawn = drawn_of(tmp_path, (10, 60))
    gallery, probe = drawn[36:140, :104], drawn[36:140, 104:208]
    assert (gallery == (64, 160, 255)).all(axis=-1).sum() > 500
    assert (gallery == 90).all(axis=-1).sum() > 80 * 80
    assert (probe == (255, 170, 60)).all(axis=-1).sum() > 400
    blue, red = seen(probe)
    assert blue > 2000
    assert red == 0


def test_of_a_person_whose_box_lies_beyond_the_frame_all_of_it_is_shown(tmp_path):
    blue, red = seen(drawn_of(tmp_path, (-50, 60))[36:140, 104:208])
    assert blue == red > 500
