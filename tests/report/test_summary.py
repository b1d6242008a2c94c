"""The numbers that runs are compared by."""

import pytest

from pipeline.report.summary import CHOSEN, MOST, closing_words, summary_of


def test_counts_come_first_and_rejected_rows_are_added_up():
    metrics = {"in": 7, "out": 4, "rejected": {"no_face": 2, "too_small": 1}, "other": 5}
    assert summary_of("any", metrics) == {"in": 7, "out": 4, "rejected": 3}


def test_a_star_takes_every_key_and_names_say_the_way():
    metrics = {"iou": {"eyes": {"mean": 0.5, "n": 3}, "nose": {"mean": 0.25}, "mouth": {"n": 0}}}
    assert summary_of("parse", metrics) == {"iou.eyes.mean": 0.5, "iou.nose.mean": 0.25}


def test_of_a_rate_its_value_is_taken_and_none_is_left_out():
    metrics = {
        "rank1": {"value": 0.75, "n": 4, "ci95": [0.5, 1.0]},
        "eer": {"value": None, "n": 4},
        "tar_at_far": {"1e-2": {"value": 0.5}},
        "pretrained": {"rank1": {"value": 0.25}},
        "simulated": True,
    }
    assert summary_of("evaluate_nir_vis", metrics) == {
        "rank1": 0.75,
        "tar_at_far.1e-2": 0.5,
        "pretrained.rank1": 0.25,
    }


IJBC_PAIRS = {"eer": 0.1, "tar_at_far": {"1e-1": 0.9, "1e-2": 0.8, "1e-3": 0.7, "1e-4": 0.6}}
IJBC_PAIRS["tar_at_far"] |= {"1e-5": 0.5, "1e-6": None}
IJBC_SEARCH = {"rank1": 0.9, "rank5": 0.95, "tpir_at_fpir": {"1e-1": 0.8, "1e-2": 0.7}}
FOLDS = {"rank1": 0.9, "eer": 0.1, "tar_at_far": {"1e-1": 0.9, "1e-2": 0.8, "1e-3": 0.7}}
BESIDE = ("pretrained", "sface")


@pytest.mark.parametrize("stage", ["evaluate_dmfr", "evaluate_nir_vis"])
@pytest.mark.parametrize(
    ("rates", "names"),
    [
        (
            IJBC_PAIRS,
            [*(f"tar_at_far.1e-{power}" for power in range(1, 6)), "eer", "pretrained.eer",
             "sface.eer"],
        ),
        (
            IJBC_SEARCH,
            ["rank1", "tpir_at_fpir.1e-1", "tpir_at_fpir.1e-2", "pretrained.rank1", "sface.rank1"],
        ),
        (
            FOLDS,
            ["rank1", "eer", "tar_at_far.1e-2", "tar_at_far.1e-3", "pretrained.rank1",
             "sface.rank1", "pretrained.eer", "sface.eer"],
        ),
    ],
    ids=["pairs", "search", "closed set"],
)  # fmt: skip
def test_faces_are_compared_by_what_their_protocol_is_published_with(stage, rates, names):
    """DMFR's numbers on IJB-C are TAR at FAR down to 1e-5; its 1:N is TPIR at FPIR."""
    found = summary_of(stage, rates | dict.fromkeys(BESIDE, rates))
    assert sorted(found) == sorted(names)


VISIBLE_PHOTOS = {
    "parse": {"unlikely_faces": 0, "iou": {"eyes": {"n": 0}}, "present": {"VIS": {"skin": 1.0}}},
    "parts": {
        "mesh_distance_percent": {part: {"median": 1.5, "n": 4} for part in ("nose", "mouth")},
        "box_iou": {"nose": {"n": 0}},
    },
    "attributes": {
        "yaw_deg": {"VIS": {"median": -1.1}},
        "quality": {"VIS": {"median": 12.8}},
        "sharpness": {"VIS": {"median": 0.2}},
        "separation": {"photographs": {"vis_vis": {"eer": 0.1, "rank1": 0.9}}},
    },
}
"""What the stages measure without a ground truth and a second band."""


@pytest.mark.parametrize(
    ("stage", "names"),
    [
        ("parse", ["unlikely_faces"]),
        ("parts", ["mesh_distance_percent.nose.median", "mesh_distance_percent.mouth.median"]),
        (
            "attributes",
            ["quality.VIS.median", "separation.photographs.vis_vis.eer", "sharpness.VIS.median"],
        ),
    ],
)
def test_visible_photos_without_truth_are_compared_by_what_is_measured_of_them(stage, names):
    """Else `dvc metrics diff` shows nothing although every image changed."""
    assert [*summary_of(stage, VISIBLE_PHOTOS[stage])] == names


def test_two_sources_and_five_bands_keep_the_error_rates_across_bands_first():
    rates = {"vis_vis": {"eer": 0.1}, "vis_nir": {"eer": 0.3}, "vis_vis_poses": {"eer": 0.2}}
    medians = {band: {"median": 1.0} for band in ("LWIR", "NIR", "VIS")}
    metrics = {"in": 9, "out": 9, "quality": medians, "sharpness": medians}
    metrics["separation"] = {"openpeople": rates, "procedural": rates}
    assert [*summary_of("attributes", metrics)] == [
        *("in", "out", "rejected"),
        *("separation.openpeople.vis_nir.eer", "separation.procedural.vis_nir.eer"),
        *("separation.openpeople.vis_vis_poses.eer", "separation.procedural.vis_vis_poses.eer"),
        "quality.VIS.median",
    ]


@pytest.mark.parametrize("stage", CHOSEN)
def test_no_summary_has_more_than_eight_numbers(stage):
    assert MOST == 8
    many = {str(number): {"probe_samples": number, "precision": 0.5} for number in range(20)}
    assert len(summary_of(stage, many | {"in": 1, "out": 1, "rejected": {}})) <= MOST


def test_what_the_params_leave_out_is_told_apart_from_what_is_rejected():
    rejected = {"no_face": 2, "band_left_out": 300, "too_small": 1}
    assert closing_words(rejected) == (
        "300 left out by params (band_left_out 300), 3 rejected (no_face 2, too_small 1)"
    )
    assert closing_words({}) == "0 rejected"
    counts = {"in": 303, "out": 0, "rejected": rejected}
    assert summary_of("any", counts) == {"in": 303, "out": 0, "rejected": 3, "left_out": 300}
