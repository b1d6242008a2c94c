"""Params of the stage ``label_bodies``."""

from typing import Literal

from pipeline.params.base import Fraction, Section


class LabelBodiesParams(Section):
    """Which body is whose."""

    measure: Literal["intersection_over_face", "iou"]
    ambiguous_above: Fraction
    min_overlap: Fraction
    tracker: Literal["none", "bytetrack", "botsort"]
