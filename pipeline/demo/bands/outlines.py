"""Outlines: where the person ends and what its rim is made of."""

import cv2
import numpy as np

from pipeline.demo.bands.planes import blur, soft_step
from pipeline.ops.guided import guided_upsample
from pipeline.types import Float32

_FRINGE_PX = 4.0
"""How far the person mask, 256 samples a side, may lie off the outline; pixels of the work size."""
_HOLE_CONTRAST = 22.0
"""Sum of differences in L, a and b from which on a hole is no background."""
_PARTS = ("brows", "lips", "eyes", "glasses")


def fill_holes(person: Float32, lab: Float32) -> Float32:
    """Close what the person mask misses inside a person: enclosed, and not the background's colour.

    The image's lower edge closes a hole where the person stands on both sides of it. A gap
    between arm and body shows the background and stays open.
    """
    mask = (person > 0.5).astype(np.uint8)
    below = np.zeros((1, mask.shape[1]), np.uint8)
    columns = np.flatnonzero(mask[-1])
    if len(columns):
        below[0, columns[0] : columns[-1] + 1] = 1
    _, labels = cv2.connectedComponents(1 - np.concatenate([mask, below]), connectivity=4)
    labels = labels[:-1]
    edges = np.concatenate([labels[0], labels[:, 0], labels[:, -1]])
    open_air = np.isin(labels, np.unique(edges[edges > 0]))
    holes = (mask == 0) & ~open_air
    if not holes.any() or not open_air.any():
        return person
    wall = np.median(lab[open_air], axis=0)
    filled = person.copy()
    for label in np.unique(labels[holes]):
        hole = labels == label
        if np.abs(np.median(lab[hole], axis=0) - wall).sum() > _HOLE_CONTRAST:
            filled[hole] = 1.0
    return filled


def clear_fringe(
    person: Float32, maps: dict[str, Float32], lab: Float32
) -> tuple[Float32, dict[str, Float32]]:
    """Settle the outline: without it, background in the mask's flank would pass for clothes.

    In the flank, the share of the person follows from where a pixel's colour lies between the means
    of person and of background nearby; its material is that of the person's inside nearby.
    """

    def near(values: Float32, weights: Float32) -> Float32:
        total = blur(weights, _FRINGE_PX)
        product = values * (weights if values.ndim == 2 else weights[..., None])
        blurred = blur(product, _FRINGE_PX)
        return np.asarray(
            blurred / (total + 1e-4 if values.ndim == 2 else total[..., None] + 1e-4), np.float32
        )

    sure = (cv2.erode(person, np.ones((3, 3), np.uint8), iterations=2) > 0.75).astype(np.float32)
    # Only far off is background sure; the flank's outer half may still be the person's.
    away = (cv2.dilate(person, np.ones((3, 3), np.uint8), iterations=2) < 0.1).astype(np.float32)
    inside, outside = near(lab, sure), near(lab, away)
    axis = inside - outside
    contrast = (axis * axis).sum(axis=2)
    share = np.clip(((lab - outside) * axis).sum(axis=2) / (contrast + 1.0), 0.0, 1.0)
    share = soft_step(share, 0.15, 0.85)
    # Colour speaks where both sides are near and differ by more than their own texture.
    near_sure, near_away = blur(sure, _FRINGE_PX), blur(away, _FRINGE_PX)
    known = near_sure * near_away
    trust = soft_step(known, 0.002, 0.02) * soft_step(contrast, 60.0, 400.0)
    trust = trust * (1 - sure) * (1 - away)
    settled = trust * share + (1 - trust) * soft_step(person, 0.25, 0.75)
    reachable = soft_step(near_sure, 0.01, 0.08)
    borrowed = reachable * (1 - sure)
    moved = {
        name: (1 - borrowed) * values + borrowed * near(values, sure)
        for name, values in maps.items()
    }
    return np.asarray(settled, np.float32), normalised(moved)


def refine(
    maps: dict[str, Float32], person: Float32, small_guide: Float32, guide: Float32
) -> dict[str, Float32]:
    """Take the maps to full resolution: outlines follow the image's edges, small parts do not.

    Brows, eyes and lips are smaller than the guided filter's window and would spread in it.
    """
    height, width = guide.shape[:2]
    face = sum((maps[part] for part in _PARTS), maps["skin"])
    outlines = np.stack([each * person for each in (face, maps["hair"], maps["cloth"])])
    refined = guided_upsample(outlines, small_guide, guide, radius_px=5, epsilon=4e-4)
    np.clip(refined, 0.0, 1.0, out=refined)
    total = refined.sum(axis=0)
    refined /= np.maximum(total, 1.0)
    planes = dict(zip(("skin", "hair", "cloth"), refined, strict=True))
    planes["background"] = 1.0 - np.minimum(total, 1.0)
    whole = planes["skin"].copy()
    for part in _PARTS:
        if not maps[part].any():
            planes[part] = np.zeros((height, width), np.float32)
            continue
        share = cv2.resize(maps[part], (width, height), interpolation=cv2.INTER_LINEAR)
        # The parser's grid is coarse: steeper flanks give its parts back their outlines.
        planes[part] = whole * np.clip(1.8 * share - 0.4, 0.0, 1.0)
        planes["skin"] -= planes[part]
    np.clip(planes["skin"], 0.0, 1.0, out=planes["skin"])
    return planes


def normalised(maps: dict[str, Float32]) -> dict[str, Float32]:
    """Scale maps so that they sum to 1 in each pixel that has any."""
    total = np.maximum(sum(maps.values(), np.zeros_like(maps["skin"])), 1e-3)
    return {name: np.asarray(values / total, np.float32) for name, values in maps.items()}
