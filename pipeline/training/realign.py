"""Crops of another alignment template, cut out of aligned ones."""

import numpy as np

from pipeline.ops.geometry import affine_between, warp_affine
from pipeline.ops.templates import AlignmentTemplate, warp_to_template
from pipeline.training.data.sample_set import SampleSet
from pipeline.types import Int64, UInt8

GEOMETRY = ("landmarks_xy", "warp_2x3")
"""Columns by which ``realigned`` cuts."""


def realigned(samples: SampleSet, indices: Int64, template: AlignmentTemplate) -> UInt8:
    """Return faces aligned by a template, whatever template their crops are aligned by.

    What lies beyond these crops repeats their border.

    Args:
        samples: with the extras ``GEOMETRY``.
        indices: which of them, int64 (n,).
        template: the wanted one.

    Returns:
        uint8 (n, h, w, 3) of the template's size.
    """
    chosen = samples.take(indices)
    landmarks, warps = (np.asarray(chosen.column(name)) for name in GEOMETRY)
    crops = []
    for image, points, source_to_crop in zip(samples.read(indices), landmarks, warps, strict=True):
        source_to_target = warp_to_template(points, template)
        crop_to_target = affine_between(source_to_crop, source_to_target)
        crops.append(warp_affine(image, crop_to_target, template.hw, border="replicate"))
    return np.stack(crops)
