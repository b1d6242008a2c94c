"""What the stage ``poses`` makes of a row: the face turned by each yaw and pitch asked for.

The rows of turned faces are like those of ``align``, so that every later stage takes them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.face3d.mesh import FaceMesh, five_landmarks
from pipeline.face3d.pose import pose_deg
from pipeline.ops.alignment import outside_fraction
from pipeline.ops.codec import as_rgb, decode, encode_jpeg, encode_png
from pipeline.ops.contours import FACE_LOOP
from pipeline.ops.geometry import (
    affine_between,
    compose_affine,
    invert_affine,
    transform_mesh,
    transform_points,
    warp_affine,
)
from pipeline.ops.polygons import filled
from pipeline.ops.templates import CONTEXT, DMFR, AlignmentTemplate, warp_to_template
from pipeline.params.poses import PosesParams
from pipeline.rng import rng_for
from pipeline.schemas.align import ALIGN
from pipeline.schemas.sample import IMAGES
from pipeline.store.columns import image_columns
from pipeline.store.ids import file_stem
from pipeline.store.mapping import BatchFunction
from pipeline.synthesis.poses.layers import layers_of_labels
from pipeline.synthesis.poses.render import PosableHead, posable_head
from pipeline.types import Float32, Rejected, Row, UInt8

GENERATOR = "head_mesh"
"""Name that stands in the column ``generator``."""

_GROUND_TRUTH = {name: None for name in IMAGES.names if name.startswith("truth_")}
"""What was true of the image is not true of the turned one."""


def pose_rows(params: PosesParams, template: AlignmentTemplate, weights: Path) -> BatchFunction:
    """Load the network that measures what was drawn, and build the batch function.

    Args:
        params: of the stage.
        template: of the aligned crops.
        weights: of the mesh's network.
    """
    network = FaceMesh(weights)
    turns = sorted(product(params.yaw_deg, params.pitch_deg), key=lambda turn: pose_name(*turn))

    def turned(row: Row) -> Iterator[Row | Rejected]:
        if why := not_turned(row, params):
            yield why
            return
        try:
            face = FacePoser.of_row(row)
        except ValueError as error:
            yield Rejected("no_mesh", str(error))
            return
        yaw, quality = float(row["pose_deg"][0]), params.context_jpeg_quality
        chance = rng_for(params.seed, f"measured/{row['sample_id']}").uniform()
        measures = network if chance < params.measured_share else None
        for turn in turns:
            if abs(yaw + turn[0]) > params.max_yaw_deg:
                detail = f"yaw {yaw:.0f}° turned by {turn[0]:.0f}° is beyond max_yaw_deg"
                yield Rejected("beyond_profile", detail, pose_name(*turn))
                continue
            try:
                yield face.turned(*turn, template=template, network=measures, jpeg_quality=quality)
            except ValueError as error:  # seen from there, a template may find no place for them
                yield Rejected("degenerate_landmarks", str(error), pose_name(*turn))

    return lambda rows: [list(turned(row)) for row in rows]


def not_turned(row: Row, params: PosesParams) -> Rejected | None:
    """Say why a face is turned by nothing at all, if it is not."""
    yaw, outside = float(row["pose_deg"][0]), float(row["outside_fraction"])
    if not abs(yaw) <= params.max_source_yaw_deg:
        return Rejected("turned_away", f"yaw {yaw:.0f}°: too little of one half is visible")
    if not outside <= params.max_outside_fraction:
        return Rejected("cut_by_border", f"{outside:.0%} of the crop lies outside the image")
    return None


@dataclass(frozen=True)
class FacePoser:
    """Turns the face of one row.

    Attributes:
        row: with the columns of ``schemas.align.ALIGN``.
        head: its head.
        mesh: float32 (468, 3), pixels of the context crop.
    """

    row: Row
    head: PosableHead
    mesh: Float32

    @classmethod
    def of_row(cls, row: Row) -> "FacePoser":
        """Make a poser.

        Args:
            row: with the columns of ``schemas.align.ALIGN``, ``labels`` and ``mesh_xyz``.

        Raises:
            ValueError: the mesh is not finite or has no extent.
        """
        mesh = transform_mesh(row["mesh_xyz"], row["context_warp_2x3"])
        context = decode(row["context"]["bytes"])
        crop_to_context = affine_between(row["warp_2x3"], row["context_warp_2x3"])
        layers = layers_of_labels(decode(row["labels"]["bytes"]), crop_to_context, context)
        return cls(row, posable_head(context, mesh, layers), mesh)

    def turned(
        self,
        yaw_deg: float,
        pitch_deg: float,
        *,
        template: AlignmentTemplate,
        network: FaceMesh | None,
        jpeg_quality: int,
    ) -> Row:
        """Turn the face.

        More lines because a row has many columns.

        Args:
            yaw_deg: what is added to its yaw.
            pitch_deg: what is added to its pitch.
            template: of the aligned crop.
            network: measures the pose in the image that was drawn; None does not.
            jpeg_quality: of the context crop.

        Returns:
            A row of ``POSES``; its geometry is in the source's pixels, as if a camera with the
            source's frame had seen the turned face.

        Raises:
            ValueError: the turned points are degenerate.
        """
        row = self.row
        context_to_source = invert_affine(row["context_warp_2x3"])
        mesh = self.head.turned_points(self.mesh, yaw_deg, pitch_deg).astype(np.float32)
        turned = self._turned_fives(mesh, yaw_deg, pitch_deg)
        source_landmarks = turned["landmarks_xy"]
        to_context = warp_to_template(source_landmarks, CONTEXT)
        drawn = self.head.render(
            yaw_deg, pitch_deg, compose_affine(context_to_source, to_context), CONTEXT.hw
        )
        to_crop = warp_to_template(source_landmarks, template)
        crop = _crop(drawn, to_context, to_crop, template.hw)
        source_mesh = transform_mesh(mesh, context_to_source)
        name = pose_name(yaw_deg, pitch_deg)
        file = f"{file_stem(row['sample_id'])}.{name}"
        context = encode_jpeg(drawn, jpeg_quality)
        columns: dict[str, Any] = {
            "sample_id": f"{row['sample_id']}#{name}",
            "parent_id": row["sample_id"],
            "simulated": True,
            "generator": GENERATOR,
            "seed": None,
            "template": template.name,
            "warp_2x3": to_crop,
            "context": {"bytes": context, "path": f"{file}.context.jpg"},
            "context_warp_2x3": to_context,
            **_dmfr_columns(drawn, to_context, source_landmarks, file),
            **turned,
            "mesh_xyz": source_mesh,
            "box_xyxy": self._box(source_mesh),
            "pose_deg": pose_deg(source_mesh[None])[0],
            "outside_fraction": outside_fraction(
                affine_between(to_context, to_crop), CONTEXT.hw, template.hw
            ),
            "yaw_added_deg": yaw_deg,
            "pitch_added_deg": pitch_deg,
            "source_pose_deg": row["pose_deg"],
        }
        if network:
            there = transform_points(source_landmarks, to_context)
            measured = pose_deg(network.points(as_rgb(drawn), there[None])[0])[0]
            errors = measured - row["pose_deg"] - np.array([yaw_deg, pitch_deg, 0.0], np.float32)
            columns["measured_pose_deg"] = measured
            columns["yaw_error_deg"], columns["pitch_error_deg"] = map(float, errors[:2])
        if yaw_deg == 0.0 and pitch_deg == 0.0:
            inside = _face_mask(transform_points(source_mesh[:, :2], to_crop), template.hw)
            if inside.any():
                columns["psnr_identity_db"] = psnr_db(decode(row["image"]["bytes"]), crop, inside)
        image = image_columns(encode_png(crop), template.hw, f"{file}.png")
        kept = {column: row[column] for column in ALIGN.names if column in row}
        return kept | _GROUND_TRUTH | image | columns

    def _five(self, column: str, mesh: Float32, yaw_deg: float, pitch_deg: float) -> Float32:
        """Turn a column's five landmarks, which keep their place beside the mesh's."""
        before = five_landmarks(self.mesh[None])[0]
        beside = transform_points(self.row[column], self.row["context_warp_2x3"]) - before
        solid = np.column_stack([beside, np.zeros(5)])
        turned = solid @ self.head.pose.turn(yaw_deg, pitch_deg).T
        landmarks: Float32 = (five_landmarks(mesh[None])[0] + turned[:, :2]).astype(np.float32)
        return landmarks

    def _turned_fives(self, mesh: Float32, yaw_deg: float, pitch_deg: float) -> dict[str, Float32]:
        """Return both kinds of five landmarks, turned, in pixels of the source."""
        context_to_source = invert_affine(self.row["context_warp_2x3"])
        return {
            column: transform_points(
                self._five(column, mesh, yaw_deg, pitch_deg), context_to_source
            )
            for column in ("landmarks_xy", "detected_xy")
        }

    def _box(self, mesh: Float32) -> Float32:
        """Turn the detector's box, whose sides keep their distance from the mesh's extent."""
        before = _extent(transform_mesh(self.mesh, invert_affine(self.row["context_warp_2x3"])))
        box: Float32 = (_extent(mesh) + self.row["box_xyxy"] - before).astype(np.float32)
        return box


def _dmfr_columns(
    drawn: UInt8, to_context: Float32, source_landmarks: Float32, file: str
) -> dict[str, Any]:
    """Return the crop that DMFR takes, and its warp from the source."""
    to_dmfr = warp_to_template(source_landmarks, DMFR)
    crop = encode_png(_crop(drawn, to_context, to_dmfr, DMFR.hw))
    return {"dmfr": {"bytes": crop, "path": f"{file}.dmfr.png"}, "dmfr_warp_2x3": to_dmfr}


def pose_name(yaw_deg: float, pitch_deg: float) -> str:
    """Name a turn, for ids: ``pose.+030.00-010.00`` is yaw 30°, pitch −10°."""
    return f"pose.{yaw_deg:+07.2f}{pitch_deg:+07.2f}"


def psnr_db(reference: UInt8, image: UInt8, inside: UInt8) -> float:
    """Return the peak signal-to-noise ratio within a mask, decibel; at most 99, NaN of no pixel.

    Args:
        reference: uint8 (h, w) or (h, w, 3).
        image: likewise.
        inside: (h, w), not 0 where it is measured.
    """
    if not np.any(inside):
        return float("nan")
    squared = (as_rgb(reference).astype(np.float64) - as_rgb(image))[inside > 0] ** 2
    return min(99.0, float(10 * np.log10(255.0**2 / max(float(squared.mean()), 1e-9))))


def _face_mask(mesh_xy: Float32, hw: tuple[int, int]) -> UInt8:
    """Fill the face's outline, uint8 (h, w), 0 or 1."""
    return filled(mesh_xy[list(FACE_LOOP)].astype(np.float64), hw).astype(np.uint8)


def _crop(drawn: UInt8, to_context: Float32, to_crop: Float32, hw: tuple[int, int]) -> UInt8:
    context_to_crop = affine_between(to_context, to_crop)
    return np.asarray(warp_affine(drawn, context_to_crop, hw, border="reflect"), np.uint8)


def _extent(mesh: Float32) -> Float32:
    xy = mesh[:, :2]
    return np.concatenate([xy.min(axis=0), xy.max(axis=0)])
