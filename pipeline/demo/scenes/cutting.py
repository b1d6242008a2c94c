"""Cutting people of OpenPeople out of their images, by material maps."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.bands.materials import MaterialEstimator
from pipeline.demo.bands.scene import MATERIALS, Scene
from pipeline.demo.people.openpeople import SourceImage, frames_of, read_image
from pipeline.ops.reduction import reduce_to
from pipeline.types import UInt8

HEIGHT_PX = 384
"""Height of a stored person: more than any frame shows."""
_SHEET_PX = 1024


def cut_out(
    estimator: MaterialEstimator, archive: Path, source: SourceImage
) -> dict[str, NDArray[np.uint8]]:
    """Cut the four body views out of a character sheet.

    Returns:
        By ``<view>/<plane>``: ``rgb`` uint8 (h, w, 3), each of ``MATERIALS`` and ``face`` uint8
        (h, w), 0 to 255; a view that the sheet shows twice keeps the first.
    """
    frames = frames_of(source, read_image(archive, source.member), _SHEET_PX)
    appearance = estimator.learn(estimator.look(frames[0].image))
    planes: dict[str, NDArray[np.uint8]] = {}
    for frame in frames:
        if frame.framing != "body" or f"{frame.view}/rgb" in planes:
            continue
        scene, _ = estimator.estimate(frame.image, appearance)
        planes |= {f"{frame.view}/{name}": plane for name, plane in _planes(scene).items()}
    return planes


def _planes(scene: Scene) -> dict[str, UInt8]:
    """Crop a scene to its person and reduce it to the stored height."""
    person = 1.0 - scene.background
    rows, columns = np.nonzero(person > 0.5)
    top, bottom = max(rows.min() - 3, 0), rows.max() + 4
    left, right = max(columns.min() - 6, 0), columns.max() + 7
    maps = {name: getattr(scene, name) for name in MATERIALS}
    face = np.zeros_like(person)
    if scene.head_xyxy is not None:
        x0, y0, x1, y1 = (max(round(side), 0) for side in scene.head_xyxy)
        bare = sum((maps[name] for name in ("skin", "brows", "eyes", "lips")), np.zeros_like(face))
        face[y0 : y1 + 1, x0 : x1 + 1] = bare[y0 : y1 + 1, x0 : x1 + 1]
    planes = {name: np.rint(values * 255).astype(np.uint8) for name, values in maps.items()}
    planes |= {"rgb": scene.rgb, "face": np.rint(np.clip(face, 0, 1) * 255).astype(np.uint8)}
    return {
        name: reduce_to(np.ascontiguousarray(plane[top:bottom, left:right]), HEIGHT_PX)
        for name, plane in planes.items()
    }
