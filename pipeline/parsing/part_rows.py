"""What the stage ``parts`` makes of a row: a face with the boxes, masks and crops of its parts."""

import numpy as np

from pipeline.ops.alignment import beyond_image
from pipeline.ops.codec import decode, encode_png
from pipeline.ops.geometry import affine_between, transform_points
from pipeline.params.parts import PartsParams
from pipeline.parsing.hidden import hide_parts
from pipeline.parsing.locate import PartLocations, locate_parts
from pipeline.parsing.measures import part_measures
from pipeline.parsing.parts import crop_part, part_windows
from pipeline.store.ids import file_stem
from pipeline.store.mapping import BatchFunction
from pipeline.types import FACE_PARTS, Row


def part_rows(params: PartsParams) -> BatchFunction:
    """Build the batch function."""
    return lambda rows: [[describe(row, params)] for row in rows]


def located_in(row: Row, params: PartsParams) -> PartLocations:
    """Locate a face's parts; what lies beyond the image is none, where the mesh has it, too."""
    labels = decode(row["labels"]["bytes"])
    located = locate_parts(
        labels,
        transform_points(row["mesh_xyz"][:, :2], row["warp_2x3"]),
        transform_points(row["landmarks_xy"], row["warp_2x3"]),
        backend="mesh" if row["parse_backend"] == "mesh" else params.backend,
        fallback=params.fallback,
        min_pixels=params.min_pixels,
        max_mesh_distance=params.max_mesh_distance,
    )
    if row["source_hw"] is None:
        return located
    beyond = beyond_image(row["warp_2x3"], tuple(row["source_hw"]), labels.shape)
    return hide_parts(located, beyond, min_pixels=params.min_pixels)


def describe(row: Row, params: PartsParams) -> Row:
    """Add a face's parts to its row; where a part is not found its crop and mask stay empty."""
    located = located_in(row, params)
    side = params.window_px
    windows = part_windows(
        located.boxes_xyxy, eye_px=side.eye, nose_px=side.nose, mouth_px=side.mouth
    )
    made = row | {
        "parent_id": row["sample_id"],
        "part_boxes_xyxy": located.boxes_xyxy,
        "part_windows_xyxy": windows,
        "part_backend": located.backends,
        "mesh_distance_percent": located.mesh_distance_percent,
        **part_measures(row, located.boxes_xyxy),
    }
    # From the context image, which is sharper than the crop: one resampling.
    context = decode(row["context"]["bytes"])
    context_to_frame = affine_between(row["context_warp_2x3"], row["warp_2x3"])
    crop_hw = params.crop_px, params.crop_px
    name = file_stem(row["sample_id"])
    for index, part in enumerate(FACE_PARTS):
        if located.backends[index] != "none":
            crop = crop_part(context, context_to_frame, windows[index], crop_hw)
            mask = located.masks[index].astype(np.uint8) * 255
            made[part] = {"bytes": encode_png(crop), "path": f"{name}.{part}.png"}
            made[f"{part}_mask"] = {"bytes": encode_png(mask), "path": f"{name}.{part}_mask.png"}
    return made
