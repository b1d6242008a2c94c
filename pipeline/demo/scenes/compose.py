"""Frames of a take: people before a background, far ones first, then air and camera."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.demo.bands.exposure import SENSORS
from pipeline.demo.bands.planes import blur
from pipeline.demo.scenes.backdrop import make_backdrop
from pipeline.demo.scenes.camera import CAMERAS, Camera
from pipeline.demo.scenes.figure import Patch, Person
from pipeline.demo.scenes.script import Take
from pipeline.rng import rng_for
from pipeline.types import Band, Float32, UInt8

LEAST_VISIBLE = 0.2
"""Share of a person that has to be seen for a body box."""
LEAST_FACE = 0.5
"""Share of a bare face that has to be seen for a face box."""
_LEAST_FACE_PX = 16
_NOBODY = -1
Int16 = NDArray[np.int16]
_SAMPLED_PX = {Band.SWIR: 640, Band.MWIR: 480, Band.LWIR: 384}
"""Columns that the infra-red sensors really sample; their frames are written larger."""
_HAZE = (0.70, 0.75, 0.82)


@dataclass(frozen=True)
class Seen:
    """What is true of one person in one frame: boxes as left, top, width, height, pixels."""

    subject_id: str
    face_xywh: tuple[int, int, int, int] | None
    body_xywh: tuple[int, int, int, int] | None


@dataclass(frozen=True)
class SceneFrame:
    """A frame with its truth.

    Attributes:
        image: uint8 (h, w, 3) in VIS, (h, w) else.
        people: everybody who is seen.
        owner: int16 (h, w), index of the walk that each pixel shows, −1 for none.
    """

    image: UInt8
    people: tuple[Seen, ...]
    owner: Int16


class _Stage:
    """What a frame is painted on: values, and whom (and whose face) each pixel shows."""

    def __init__(self, values: Float32) -> None:
        self.values = values.copy()
        hw = values.shape[0], values.shape[1]
        self.owner: Int16 = np.full(hw, _NOBODY, np.int16)
        self.face: Int16 = np.full(hw, _NOBODY, np.int16)

    def shade(self, x: float, y: float, wide: float) -> None:
        """Darken the ground where somebody stands."""
        height, width = self.owner.shape
        tall = max(0.22 * wide, 1.0)
        top, bottom = max(int(y - 3 * tall), 0), min(int(y + 3 * tall) + 1, height)
        left, right = max(int(x - 2.5 * wide), 0), min(int(x + 2.5 * wide) + 1, width)
        if top >= bottom or left >= right:
            return
        rows = (np.arange(top, bottom, dtype=np.float32) - y) / tall
        columns = (np.arange(left, right, dtype=np.float32) - x) / wide
        dark = 1 - 0.42 * np.exp(-1.2 * (rows[:, None] ** 2 + columns[None] ** 2))
        part = self.values[top:bottom, left:right]
        part *= dark[..., None] if part.ndim == 3 else dark

    def paint(self, patch: Patch, left: int, top: int, index: int) -> None:
        """Lay a person over what is there."""
        height, width = self.owner.shape
        x0, y0 = max(left, 0), max(top, 0)
        x1 = min(left + patch.alpha.shape[1], width)
        y1 = min(top + patch.alpha.shape[0], height)
        if x0 >= x1 or y0 >= y1:
            return
        source = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        target = np.s_[y0:y1, x0:x1]
        alpha, values = patch.alpha[source], patch.values[source]
        share = alpha[..., None] if values.ndim == 3 else alpha
        self.values[target] += share * (values - self.values[target])
        solid = alpha > 0.5
        self.owner[target][solid] = index
        self.face[target][solid] = np.where(patch.face[source][solid], index, _NOBODY)


def render(
    take: Take, people: Mapping[str, Person], seed: int, frames: int, frames_per_second: float
) -> Iterator[SceneFrame]:
    """Render a take, frame by frame.

    Args:
        take: what to film.
        people: everybody in it.
        seed: of the sample.
        frames: number of frames.
        frames_per_second: of the camera.
    """
    band, camera = CAMERAS[take.folder]
    backdrop = make_backdrop(camera, band, rng_for(seed, f"{take.key}/backdrop"))
    air = _Air(camera, seed, take.key)
    for number in range(frames):
        stage = _Stage(backdrop.values)
        totals: dict[int, tuple[int, int]] = {}
        placed = [(walk.at(number / frames_per_second), i) for i, walk in enumerate(take.walks)]
        for (across, distance, stance), index in sorted(placed, key=lambda item: -item[0][1]):
            person = people[take.walks[index].subject_id]
            scale = camera.scale_at(distance)
            x, y = camera.ground_xy(across, distance)
            shift = x - np.floor(x), y - np.floor(y)
            patch = person.draw(stance, band, scale, shift, backdrop.light)
            if band in (Band.VIS, Band.SWIR):
                stage.shade(x, y, 0.26 * scale)
            left, top = int(np.floor(x) - patch.anchor_xy[0]), int(np.floor(y) - patch.anchor_xy[1])
            stage.paint(patch, left, top, index)
            solid = patch.alpha > 0.5
            totals[index] = int(solid.sum()), int((solid & patch.face).sum())
        rng = rng_for(seed, f"{take.key}/{number}/noise")
        if band is Band.VIS:
            image = air.look_through(stage, number, rng)
        else:
            image = _exposed(stage.values, band, rng)
        yield SceneFrame(image, _ground_truth(stage, totals, take), stage.owner)


def _exposed(signal: Float32, band: Band, rng: np.random.Generator) -> UInt8:
    sensor = replace(SENSORS[band], max_side_px=_SAMPLED_PX[band])
    hw = signal.shape[0], signal.shape[1]
    grid = sensor.grid_hw(hw)
    sampled = cv2.resize(signal, grid[::-1], interpolation=cv2.INTER_AREA)
    return sensor.expose(np.asarray(sampled, np.float32), hw, rng)


class _Air:
    """Half a kilometre of warm air: it bends, blurs and fades what is seen through it.

    The bending is a field of displacements, smooth in space and, as cells of air drift by, in time.
    """

    _CELL_PX, _BENT_PX, _KEPT = 36, 0.9, 0.55

    def __init__(self, camera: Camera, seed: int, key: str) -> None:
        self._hw = camera.height_px, camera.width_px
        self._rng = rng_for(seed, f"{key}/air")
        self._cells = self._drawn()
        y, x = np.mgrid[: self._hw[0], : self._hw[1]].astype(np.float32)
        self._x, self._y = x, y

    def _drawn(self) -> Float32:
        shape = tuple(side // self._CELL_PX + 2 for side in self._hw)
        return self._rng.standard_normal((*shape, 2), dtype=np.float32)

    def look_through(self, stage: _Stage, number: int, rng: np.random.Generator) -> UInt8:
        """Return the image, and bend the stage's own maps alike."""
        if number:
            fresh = float(np.sqrt(1 - self._KEPT**2))
            self._cells = self._KEPT * self._cells + np.float32(fresh) * self._drawn()
        field = cv2.resize(self._cells, self._hw[::-1], interpolation=cv2.INTER_CUBIC)
        x = self._x + self._BENT_PX * field[..., 0]
        y = self._y + self._BENT_PX * field[..., 1]
        bent = cv2.remap(stage.values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

        def moved(whom: Int16) -> Int16:
            edge = cv2.BORDER_REPLICATE
            return np.asarray(cv2.remap(whom, x, y, cv2.INTER_NEAREST, borderMode=edge), np.int16)

        stage.owner, stage.face = moved(stage.owner), moved(stage.face)
        soft = blur(np.asarray(bent, np.float32), float(rng.uniform(0.75, 1.25)))
        hazy = 0.86 * soft + 0.14 * np.array(_HAZE, np.float32)
        noise = rng.standard_normal(hazy.shape, dtype=np.float32)
        return np.asarray(np.clip(hazy + 0.012 * noise, 0, 1) * 255 + 0.5, np.uint8)


def _ground_truth(
    stage: _Stage, totals: dict[int, tuple[int, int]], take: Take
) -> tuple[Seen, ...]:
    seen = []
    for index, walk in enumerate(take.walks):
        body, face = stage.owner == index, stage.face == index
        whole, bare = totals[index]
        body_box = _bounds(body) if body.sum() >= LEAST_VISIBLE * whole else None
        enough = face.sum() >= max(LEAST_FACE * bare, _LEAST_FACE_PX)
        face_box = _bounds(face) if enough else None
        if body_box:
            seen.append(Seen(walk.subject_id, face_box, body_box))
    return tuple(seen)


def _bounds(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1
