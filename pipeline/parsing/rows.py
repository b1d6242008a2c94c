"""What the stage ``parse`` makes of a row: a face with its label map, or why it is no face."""

from pathlib import Path

import numpy as np

from pipeline.ops.alignment import beyond_image, interocular_px, replicated
from pipeline.ops.codec import decode_rgb, encode_png
from pipeline.ops.geometry import affine_between, transform_points
from pipeline.ops.templates import AlignmentTemplate
from pipeline.params.parse import ParseParams
from pipeline.parsing.measures import face_likeness, parsed_measures
from pipeline.parsing.mesh_parts import mesh_labels
from pipeline.parsing.sides import settle_left_right
from pipeline.store.ids import file_stem
from pipeline.store.mapping import BatchFunction, Outcome
from pipeline.types import Rejected, Row, UInt8


def parse_rows(params: ParseParams, template: AlignmentTemplate, weights: Path) -> BatchFunction:
    """Load the network and build the batch function."""
    from pipeline.parsing.bisenet import FaceParser, window_of  # torch: only who parses waits

    parser = FaceParser(
        weights,
        precision=params.precision,
        batch_rows=params.batch_rows,
        device=params.device,
        eye_bias=params.eye_bias,
        window=window_of(template),
    )

    def parse(rows: list[Row]) -> list[Outcome]:
        seen = [row for row in rows if by_network(row, params)]
        parsed = iter(network_labels(seen) if seen else ())
        labels = [next(parsed) if by_network(row, params) else None for row in rows]
        return [
            [believed(described(row, label), params)]
            for row, label in zip(rows, labels, strict=True)
        ]

    def network_labels(rows: list[Row]) -> UInt8:
        crops = np.stack([shown_to_network(row) for row in rows])
        frames = [affine_between(r["context_warp_2x3"], r["warp_2x3"]) for r in rows]
        return parser.labels(parser.logits(crops), np.stack(frames), template.hw)

    return parse


def by_network(row: Row, params: ParseParams) -> bool:
    """Say whether the network labels a face: it knows neither heat nor faces of a few pixels."""
    large = interocular_px(row["landmarks_xy"]) >= params.min_interocular_px
    return large and row["band"] not in params.mesh_bands


def shown_to_network(row: Row) -> UInt8:
    """Return a face's context crop; beyond the image with the image's border."""
    context = decode_rgb(row["context"]["bytes"])
    if row["source_hw"] is None:
        return context
    return replicated(context, row["context_warp_2x3"], tuple(row["source_hw"]))


def described(row: Row, labels: UInt8 | None) -> Row:
    """Add a face's label map to its row: the network's, left and right settled, or the mesh's."""
    if labels is None:
        mesh = transform_points(row["mesh_xyz"][:, :2], row["warp_2x3"])
        settled = mesh_labels(mesh, (row["height_px"], row["width_px"]))
    else:
        points = transform_points(row["landmarks_xy"], row["warp_2x3"])
        settled = settle_left_right(labels, points)
    if row["source_hw"] is not None:
        beyond = beyond_image(row["warp_2x3"], tuple(row["source_hw"]), settled.shape)
        settled = np.where(beyond, np.uint8(0), settled)
    name = f"{file_stem(row['sample_id'])}.labels.png"
    likeness = None if labels is None else face_likeness(row["mesh_presence"], settled)
    return row | {
        "parent_id": row["sample_id"],
        "labels": {"bytes": encode_png(settled), "path": name},
        "parse_backend": "mesh" if labels is None else "parser",
        "face_likeness": likeness,
        **parsed_measures(row, settled),
    }


def believed(row: Row, params: ParseParams) -> Row | Rejected:
    """Return a parsed row, or why what it shows is no face."""
    likeness = row["face_likeness"]
    if likeness is None or likeness >= params.min_face_likeness:
        return row
    return Rejected("not_a_face", f"face likeness by mesh and parser: {likeness:.2f}")
