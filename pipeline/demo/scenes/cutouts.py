"""People of OpenPeople in the scenes: an image for each view, moved as if it walked."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.demo.bands.exposure import BAND_MODELS
from pipeline.demo.bands.planes import sample_scene, soft_step
from pipeline.demo.bands.scene import MATERIALS, Scene
from pipeline.demo.bands.traits import draw_traits
from pipeline.demo.scenes.cutting import HEIGHT_PX
from pipeline.demo.scenes.figure import Light, Patch, Stance
from pipeline.ops.reduction import reduce_to
from pipeline.rng import rng_for
from pipeline.types import Band, Float32, UInt8

VIEWS = ("front", "left", "back", "right")
_HIP = 0.52
"""Where the legs begin, of the height."""
_LIFT = 0.06
"""How far a foot is raised, of the height."""
_HEADINGS = {"front": 0.0, "left": 90.0, "back": 180.0, "right": 270.0}
_TINTS = np.array(
    [
        *((1.0, 1.0, 1.0), (0.30, 0.36, 0.55), (0.62, 0.20, 0.20), (0.28, 0.42, 0.30)),
        *((0.85, 0.68, 0.35), (0.32, 0.32, 0.34), (0.55, 0.40, 0.60), (0.35, 0.60, 0.65)),
    ]
)
"""Colours that white clothes are dyed with."""


@dataclass(frozen=True)
class _Drawn:
    """One view in one band at one of the stored sizes: colour or signal, alpha and face."""

    values: Float32
    alpha: Float32
    face: Float32


class Cutout:
    """One person of OpenPeople.

    Args:
        planes: of ``cutting.cut_out``.
        seed: of the sample.
        subject_id: whose traits to draw.
    """

    def __init__(self, planes: Mapping[str, NDArray[np.uint8]], seed: int, subject_id: str) -> None:
        self._planes, self._traits = planes, draw_traits(seed, subject_id)
        rng = rng_for(seed, f"{subject_id}/look")
        self.height_m = float(rng.uniform(1.58, 1.84))
        self._tint = _TINTS[int(rng.integers(len(_TINTS)))]
        self._known: dict[tuple[str, Band, bool], _Drawn] = {}

    @cached_property
    def views(self) -> tuple[str, ...]:
        """The views that the sheet shows."""
        return tuple(view for view in VIEWS if f"{view}/rgb" in self._planes)

    def draw(
        self,
        stance: Stance,
        band: Band,
        pixels_per_m: float,
        shift_xy: tuple[float, float],
        light: Light,
    ) -> Patch:
        """See ``figure.Person``; the view nearest to the heading is taken."""
        turns = {v: abs((stance.heading_deg - _HEADINGS[v] + 180) % 360 - 180) for v in self.views}
        view = min(turns, key=lambda name: turns[name])
        height = pixels_per_m * self.height_m
        drawn = self._view(view, band, height < HEIGHT_PX / 2)
        columns = drawn.alpha.shape[1]
        ends = np.flatnonzero((drawn.alpha > 0.5).any(axis=1))
        middle = float(np.mean(np.flatnonzero((drawn.alpha > 0.5).any(axis=0))[[0, -1]]))
        scale = height / (ends[-1] - ends[0] + 1)
        anchor = float(np.ceil(columns * scale / 2) + 3), float(np.ceil(ends[-1] * scale) + 2)
        wh = int(2 * anchor[0]) + 1, int(anchor[1]) + 4
        x, y = np.meshgrid(*(np.arange(side, dtype=np.float32) for side in wh))
        u = (x - anchor[0] - shift_xy[0]) / scale + middle
        v = (y - anchor[1] - shift_xy[1]) / scale + ends[-1] + 0.5
        if stance.moving:
            u, v = _stepped(u, v, ends, middle, stance.phase, legs=view in ("front", "back"))

        u, v = u.astype(np.float32), v.astype(np.float32)

        def placed(plane: Float32) -> Float32:
            return np.asarray(cv2.remap(plane, u, v, cv2.INTER_LINEAR), np.float32)

        alpha = placed(drawn.alpha)
        if drawn.values.ndim == 3:
            tone = 0.93 * (0.6 + 0.4 * np.array(light.warmth, np.float32))
            values = placed(drawn.values * drawn.alpha[..., None]) * tone
            values = values / np.maximum(alpha, 1e-3)[..., None]
        else:
            values = placed(drawn.values * drawn.alpha) / np.maximum(alpha, 1e-3)
        return Patch(np.clip(values, 0, 1), alpha, placed(drawn.face) > 0.5, anchor)

    def _view(self, view: str, band: Band, small: bool) -> _Drawn:
        key = (view, band, small)
        if key not in self._known:
            self._known[key] = self._made(view, band, small)
        return self._known[key]

    def _made(self, view: str, band: Band, small: bool) -> _Drawn:
        planes = {
            name: reduce_to(self._planes[f"{view}/{name}"], HEIGHT_PX // 2 if small else 1024)
            for name in (*MATERIALS, "rgb", "face")
        }
        maps = {name: _unit(planes[name]) for name in MATERIALS}
        cloth = maps["cloth"][..., None]
        dyed = planes["rgb"] * (1 - cloth + cloth * self._tint)
        rgb = np.asarray(np.clip(dyed, 0, 255), np.uint8)
        face = _unit(planes["face"])
        alpha = soft_step(1.0 - maps["background"], 0.2, 0.8)
        if band is Band.VIS:
            return _Drawn(_unit(rgb), alpha, face)
        rows, columns = np.nonzero(face > 0.5)
        head = None
        if len(rows):
            ends = [float(end) for end in (columns.min(), rows.min(), columns.max(), rows.max())]
            head = ends[0], ends[1], ends[2], ends[3]
        scene = Scene(rgb=rgb, **maps, head_xyxy=head)
        return _Drawn(
            BAND_MODELS[band](sample_scene(scene, alpha.shape), self._traits), alpha, face
        )


def _unit(plane: UInt8) -> Float32:
    """Return a plane in [0, 1]."""
    return np.multiply(plane, np.float32(1 / 255), dtype=np.float32)


def _stepped(
    u: Float32, v: Float32, ends: NDArray[np.intp], middle: float, phase: float, *, legs: bool
) -> tuple[Float32, Float32]:
    """Bend the coordinates of a standing image so that it seems to walk.

    The body sways; seen from the front or the back, the feet are raised in turn.
    """
    top, bottom = float(ends[0]), float(ends[-1])
    height = bottom - top
    down = (v - top) / height
    u = u + np.float32(0.012 * np.sin(phase) * height) * (1 - down)
    if legs:
        side = np.clip((u - middle) / (0.03 * height), -1.0, 1.0)
        lift = _LIFT * np.maximum(0.0, np.sin(phase) * side)
        stretch = 1 / (1 - lift / (1 - _HIP))
        v = np.where(down > _HIP, top + height * (_HIP + (down - _HIP) * stretch), v)
    return u, v
