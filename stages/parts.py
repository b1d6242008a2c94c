"""Stage ``parts``: left eye, right eye, nose and mouth of each face: masks, boxes and crops."""

from functools import partial

import numpy as np

from pipeline.ops.alignment import interocular_px
from pipeline.ops.codec import decode, encode_png
from pipeline.ops.geometry import compose_affine, invert_affine, transform_points
from pipeline.params import PartsParams
from pipeline.parsing import (
    PARTS,
    centre_distance_percent,
    crop_part,
    mesh_part_boxes,
    mesh_part_masks,
    part_boxes,
    part_masks,
    part_windows,
)
from pipeline.report import contact_sheet, parts_metrics
from pipeline.store import PARTS as SCHEMA
from pipeline.store.mapping import BatchFunction
from pipeline.types import Row
from stages.run import StageRun, stage_main


def make(params: PartsParams) -> BatchFunction:
    """Build the batch function."""
    return lambda rows: [[describe(row, params)] for row in rows]


def describe(row: Row, params: PartsParams) -> Row:
    """Add a face's parts to its row; where a part is not found its crop and mask stay empty."""
    labels = decode(row["labels"]["bytes"])
    mesh_xy = transform_points(row["mesh_xyz"][:, :2], row["warp_2x3"])
    parsed, meshed = part_masks(labels), mesh_part_masks(mesh_xy, labels.shape[:2])
    parsed_boxes = part_boxes(parsed, min_pixels=params.min_pixels)
    mesh_boxes = mesh_part_boxes(mesh_xy)
    found = np.array(np.isfinite(parsed_boxes).all(axis=-1) & (params.backend == "parser"))
    filled = ~found & ("mesh" in (params.backend, params.fallback))
    boxes = np.where(found[:, None], parsed_boxes, np.where(filled[:, None], mesh_boxes, np.nan))
    masks = np.where(found[:, None, None], parsed, meshed & filled[:, None, None])
    window = params.window_px
    windows = part_windows(
        boxes.astype(np.float32), eye_px=window.eye, nose_px=window.nose, mouth_px=window.mouth
    )
    points = transform_points(row["landmarks_xy"], row["warp_2x3"])
    return {
        **row,
        **_pictures(row, masks, windows, found | filled, params.crop_px),
        "parent_id": row["sample_id"],
        "part_boxes_xyxy": boxes,
        "part_windows_xyxy": windows,
        "part_backend": np.select([found, filled], ["parser", "mesh"], "none").tolist(),
        "mesh_distance_percent": centre_distance_percent(
            parsed_boxes, mesh_boxes, interocular_px(points)
        ),
    }


def _pictures(
    row: Row, masks: np.ndarray, windows: np.ndarray, known: np.ndarray, crop_px: int
) -> Row:
    """Cut the crops out of the loose picture, and encode them and the masks."""
    loose = decode(row["loose"]["bytes"])
    loose_to_frame = compose_affine(invert_affine(row["loose_warp_2x3"]), row["warp_2x3"])
    name = row["sample_id"].rpartition("/")[2]
    columns: Row = {}
    for part, mask, window, there in zip(PARTS, masks, windows, known, strict=True):
        if there:
            crop = crop_part(loose, loose_to_frame, window, (crop_px, crop_px))
            binary = mask.astype(np.uint8) * 255
            columns[part] = {"bytes": encode_png(crop), "path": f"{name}.{part}.png"}
            columns[f"{part}_mask"] = {
                "bytes": encode_png(binary),
                "path": f"{name}.{part}_mask.png",
            }
    return columns


def run(stage: StageRun) -> None:
    """Cut the parts of a data set's faces."""
    params = stage.params.parts
    output = stage.map(stage.source("parse"), SCHEMA, partial(make, params), sections=[params])
    stage.write_metrics(parts_metrics(output))
    contact_sheet(output, stage.report("contact", ".png"))


if __name__ == "__main__":
    stage_main("parts", run)
