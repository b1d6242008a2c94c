"""What the stage ``parts`` shows: parts found, their distance from the mesh's, truth."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from pipeline.ops.boxes import iou
from pipeline.parsing.parts import part_boxes, part_masks
from pipeline.report.ground_truth import LEAST_PIXELS, known_labels, measured
from pipeline.report.grouped import (
    Measured,
    by_band_and_yaw,
    mean_summary,
)
from pipeline.report.metrics import quantiles
from pipeline.store import ShardFolder
from pipeline.types import FACE_PARTS, Float32


def parts_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``parts`` output.

    Returns:
        ``found``: share of faces in which the parser itself found each part, by band, over all
        faces and over those turned by less than 40°; ``mesh_distance_percent``: distance of the
        part's centre from the mesh's, % of the inter-ocular distance; and ``parts_ground_truth``.
    """
    columns = ["band", "part_backend", "mesh_distance_percent", "pose_deg"]
    found: dict[str, dict[str, list[list[bool]]]] = defaultdict(lambda: defaultdict(list))
    distances: list[Float32] = []
    backends: Counter[str] = Counter()
    for row in folder.rows(columns):
        flags = [backend == "parser" for backend in row["part_backend"]]
        groups = ["all", "frontal"] if abs(float(row["pose_deg"][0])) < 40 else ["all"]
        for group in groups:
            found[group][row["band"]].append(flags)
        distances.append(row["mesh_distance_percent"])
        backends.update(row["part_backend"])
    table = np.asarray(distances).reshape(-1, len(FACE_PARTS))
    return {
        "found": {
            group: {band: _part_shares(rows) for band, rows in sorted(bands.items())}
            for group, bands in found.items()
        },
        "mesh_distance_percent": {
            part: quantiles(table[:, index].tolist()) for index, part in enumerate(FACE_PARTS)
        },
        "backend": dict(sorted(backends.items())),
    } | parts_ground_truth(folder)


def parts_ground_truth(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``parts`` output by the truth.

    Returns:
        ``box_iou``: by part, mean overlap of the part's box with that of its known pixels; 0 where
        the stage found none.
    """
    overlaps: dict[str, list[Measured]] = {part: [] for part in FACE_PARTS}
    for row, known in known_labels(folder, ["part_boxes_xyxy"]):
        boxes = part_boxes(part_masks(known), min_pixels=LEAST_PIXELS)
        for part, box, ours in zip(FACE_PARTS, boxes, row["part_boxes_xyxy"], strict=True):
            if np.isfinite(box).all():
                overlap = float(np.nan_to_num(iou(box, ours)[0, 0]))
                overlaps[part].append(measured(row, overlap))
    return {
        "box_iou": {
            part: by_band_and_yaw(values, mean_summary) for part, values in overlaps.items()
        }
    }


def _part_shares(rows: list[list[bool]]) -> dict[str, float | int]:
    flags = np.asarray(rows)
    named = {
        part: round(float(s), 4) for part, s in zip(FACE_PARTS, flags.mean(axis=0), strict=True)
    }
    both_eyes = round(float(flags[:, :2].all(axis=1).mean()), 4)
    return {**named, "both_eyes": both_eyes, "n": len(rows)}
