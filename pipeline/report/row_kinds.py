"""What a row shows, as its columns tell: tiles and legends are chosen by it."""

from enum import StrEnum

from pipeline.types import Row


class RowKind(StrEnum):
    """Kinds of rows by the column that tells them, the latest stage's first.

    A row has columns of the stages before its own, too, so the first that is there decides.
    """

    PEOPLE = "bodies"
    BODY = "body_region_boxes_xyxy"
    MASKED_FACE = "mask_alpha"
    MESH = "position_map"
    PARTS = "part_boxes_xyxy"
    LABELS = "labels"
    CROP = "template"
    """An aligned face, or one that was made of it."""
    FACES = "faces"
    IMAGE = "image"


def kind_of(row: Row) -> RowKind:
    """Return what a row shows."""
    return next(kind for kind in RowKind if kind in row)
