"""Templates: all media of a subject in a band become one."""

from pipeline.bodies.templates import TEMPLATES, subject_templates


def sample(sample_id, subject, band, media):
    return {"sample_id": sample_id, "subject_id": subject, "band": band, "media_id": media}


def test_a_template_gathers_all_media_of_a_subject_in_a_band():
    rows = [
        sample("3", "b", "VIS", "m2"),
        sample("2", "a", "VIS", "m2"),
        sample("1", "a", "VIS", "m1"),
        sample("4", "a", "LWIR", "m3"),
        sample("5", None, "VIS", "m1"),
    ]
    table = subject_templates(rows)
    assert table.schema == TEMPLATES
    lines = [(row["template_id"], row["sample_id"]) for row in table.to_pylist()]
    assert lines == [("a.LWIR", "4"), ("a.VIS", "1"), ("a.VIS", "2"), ("b.VIS", "3")]
    assert subject_templates([]).num_rows == 0
