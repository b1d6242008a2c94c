"""A stage in few numbers: what ``dvc metrics`` and ``dvc exp`` show, and its closing line.

All that a stage measured stands in ``reports/metrics``; here is chosen what of it is the DVC
metric, at most ``MOST`` numbers, so that a table of all stages can be read.
"""

from collections.abc import Iterator, Mapping
from typing import Any

MOST = 8
"""Numbers of a summary, at most."""

_OF_FACES = (
    *("rank1", "map", "accuracy", "eer"),
    *(f"tar_at_far.1e-{power}" for power in range(2, 6)),
    *("tpir_at_fpir.1e-2", "tpir_at_fpir.1e-1"),
    *("pretrained.rank1", "pretrained.accuracy", "pretrained.map"),
    *("sface.rank1", "sface.accuracy", "sface.map", "pretrained.eer", "sface.eer"),
    "tar_at_far.1e-1",
)
"""Of faces, by whatever kind of protocol: none gives more than ``MOST`` without the last one."""

CHOSEN: dict[str, tuple[str, ...]] = {
    "sample": ("share.band.*", "scenes.*.frames"),
    "ingest": ("share.band.*",),
    "protocols": ("*.probe_samples",),
    "detect": ("failure_to_enrol.*",),
    "align": (
        "nme_percent.median",
        "wrong_face.mean",
        "outside_fraction.p95",
        "interocular_px.median",
        "images_with_several_faces",
    ),
    "crops": ("outside_fraction.p95", "interocular_px.median"),
    "parse": ("iou.*.mean", "unlikely_faces"),
    "parts": ("box_iou.*.mean", "mesh_distance_percent.*.median"),
    "attributes": (
        *("separation.*.vis_nir.eer", "separation.*.vis_vis_poses.eer", "quality.VIS.median"),
        *("separation.*.vis_vis.eer", "quality.*.median", "sharpness.*.median"),
    ),
    "detect_bodies": ("bands.*.detection_recall", "bands.*.people_per_image"),
    "label_bodies": ("*.recall_of_faces", "*.precision"),
    "crop_bodies": ("bands.*.crops",),
    "reconstruct": (
        "nme_percent.median",
        "yaw_error_deg.median",
        "residual_percent.all.median",
        "visible_fraction.median",
    ),
    "masks": ("pixels_changed_outside", "region_iou.median", "coverage.all.*"),
    "poses": ("psnr_identity_db.median", "yaw_error_deg.median", "pitch_error_deg.median"),
    "export": ("files", "bytes"),
    "train_degrader": (
        "steps",
        "faces.*",
        "loss.cycle",
        "sharpness.unseen.median",
        "sharpness.unseen_degraded.median",
    ),
    "degrade": ("rows.*", "sharper.*"),
    "pretrain_nir_vis": ("steps", "faces", "subjects", "loss.total"),
    "train_nir_vis": ("steps", "*.faces", "*.loss.total"),
    "pretrain_bodies": ("steps", "images", "subjects", "loss.total"),
    "train_bodies": ("steps", "*.images", "*.subjects", "*.loss.total"),
    "evaluate_bodies": (
        *("trained.*.rank1", "pretrained.*.rank1"),
        *("*.rank1", "*.map", "*.pretrained.rank1"),
    ),
    "train_dmfr": ("steps", "faces", "pairs", "loss.*"),
    "evaluate_dmfr": _OF_FACES,
    "analyse_modality": ("probe_auc.*", "faces", "subjects"),
    "evaluate_nir_vis": _OF_FACES,
}
"""For each stage the numbers shown beside its counts of rows, the first ones first.

A dotted path into the stage's metrics, ``*`` for every key; what a run has not is left out.
"""


LEFT_OUT = frozenset({"band_left_out", "beyond_profile", "not_chosen", "turned_away", "unlabelled"})
"""Reasons that are choices of the params; all others are something about the sample."""


def summary_of(stage: str, metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return a stage's summary by dotted names.

    Args:
        stage: its name; of one that ``CHOSEN`` has not, only rows are counted.
        metrics: what it wrote into ``reports/metrics``.

    Returns:
        ``in``, ``out`` and ``rejected`` where rows were mapped, ``left_out`` where the params leave
        some out, then what ``CHOSEN`` says; of a
        rate its value; no more than ``MOST`` numbers.
    """
    found: dict[str, float] = {}
    if "out" in metrics:
        reasons: Mapping[str, int] = metrics.get("rejected", {})
        chosen = sum(count for reason, count in reasons.items() if reason in LEFT_OUT)
        rejected = sum(reasons.values()) - chosen
        found = {"in": metrics["in"], "out": metrics["out"], "rejected": rejected}
        found |= {"left_out": chosen} if chosen else {}
    for path in CHOSEN.get(stage, ()):
        found |= dict(_numbers(metrics, path.split(".")))
    return dict(list(found.items())[:MOST])


def closing_words(rejected: Mapping[str, int]) -> str:
    """Say how many rows left and why: those that the params leave out apart from the rejected.

    Args:
        rejected: counts by reason.
    """
    groups = {
        "left out by params": {why: n for why, n in rejected.items() if why in LEFT_OUT},
        "rejected": {why: n for why, n in rejected.items() if why not in LEFT_OUT},
    }
    words = []
    for name, counts in groups.items():
        if counts or name == "rejected":
            listed = ", ".join(f"{why} {n}" for why, n in sorted(counts.items()))
            words.append(f"{sum(counts.values())} {name}" + (f" ({listed})" if listed else ""))
    return ", ".join(words)


def _numbers(value: Any, keys: list[str]) -> Iterator[tuple[str, float]]:
    """Yield the numbers below a path, each with its dotted name from there on."""
    if not keys:
        number = value.get("value") if isinstance(value, Mapping) else value
        if isinstance(number, int | float) and not isinstance(number, bool):
            yield "", number
        return
    if not isinstance(value, Mapping):
        return
    for key in value if keys[0] == "*" else [keys[0]]:
        if key in value:
            for name, number in _numbers(value[key], keys[1:]):
                yield f"{key}.{name}" if name else key, number
