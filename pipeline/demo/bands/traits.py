"""What a subject's infra-red images have in common: vessels, temperatures, reflectances.

Everything here is *simulated*: plausible values drawn by a seed, never measured on a person.
Textures lie in the canonical face's coordinates (u to the image's right, v down), so that
a vessel crosses the same place of the face in each image of a subject.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.rng import rng_for
from pipeline.types import Float32

Points = NDArray[np.float64]

TEXTURE_PX = 256

# (u, v) of the canonical face, width as a standard deviation in u and in v, degrees against the
# cheeks. Warm: inner canthi, orbits, forehead, mouth, temples. Cool: nose, cheeks, chin. Signs and
# rough sizes after E.F.J. Ring, K. Ammer, Infrared thermal imaging in medicine, Physiol. Meas. 33,
# 2012; the shapes are ours. Noses and cheeks differ most between people, and one cheek from the
# other, on real LWIR images: from barely cooler to the darkest skin by far.
_REGIONS: tuple[tuple[str, float, float, float, float, float], ...] = (
    ("forehead", 0.50, 0.16, 0.22, 0.10, 1.1),
    ("right canthus", 0.425, 0.365, 0.030, 0.028, 1.5),
    ("left canthus", 0.575, 0.365, 0.030, 0.028, 1.5),
    ("right orbit", 0.33, 0.36, 0.09, 0.05, 0.6),
    ("left orbit", 0.67, 0.36, 0.09, 0.05, 0.6),
    ("nose tip", 0.50, 0.565, 0.055, 0.060, -2.9),
    ("nose bridge", 0.50, 0.44, 0.040, 0.07, -0.8),
    ("right cheek", 0.27, 0.58, 0.10, 0.11, -1.0),
    ("left cheek", 0.73, 0.58, 0.10, 0.11, -1.0),
    ("mouth", 0.50, 0.73, 0.09, 0.035, 0.6),
    ("chin", 0.50, 0.92, 0.10, 0.06, -0.7),
    ("right temple", 0.10, 0.34, 0.07, 0.12, 0.6),
    ("left temple", 0.90, 0.34, 0.07, 0.12, 0.6),
)

_SPREAD = {"nose tip": (0.15, 1.85), "right cheek": (0.3, 1.7), "left cheek": (0.3, 1.7)}
_USUAL_SPREAD = (0.7, 1.3)
"""Factors between which a region's strength is drawn, evenly."""

# Superficial vessels: where they start, where they head (u, v), how many tributaries they have.
_VESSELS: tuple[tuple[tuple[float, float], tuple[float, float], int], ...] = (
    ((0.44, 0.30), (0.40, 0.02), 3),  # supratrochlear, right
    ((0.56, 0.30), (0.60, 0.02), 3),
    ((0.36, 0.29), (0.27, 0.05), 2),  # supraorbital, right
    ((0.64, 0.29), (0.73, 0.05), 2),
    ((0.04, 0.44), (0.17, 0.10), 3),  # superficial temporal, right
    ((0.96, 0.44), (0.83, 0.10), 3),
    ((0.43, 0.38), (0.30, 0.86), 3),  # angular and facial, right
    ((0.57, 0.38), (0.70, 0.86), 3),
    ((0.28, 0.46), (0.16, 0.70), 2),  # infraorbital to cheek, right
    ((0.72, 0.46), (0.84, 0.70), 2),
)


@dataclass(frozen=True)
class SubjectTraits:
    """What a subject keeps from image to image.

    Attributes:
        warmth: face temperature against the region's mean, °C, float32 (256, 256) over the
            canonical face's texture; vessels not included.
        vessels: float32 (256, 256) in [0, 1]: how strongly a vessel warms the skin there.
        skin_c: temperature of the cheeks, °C.
        hair_c: temperature of hair's outside, °C.
        cloth_c: temperature of clothes, °C.
        nir_skin: reflectance of skin at 0.85 µm.
        swir_skin: reflectance of skin at 1.55 µm.
        swir_hair: reflectance of hair at 1.55 µm.
        dye_phase: three angles that make the infra-red reflectance of a dyed cloth a function of
            its colour, which is unrelated to its visible lightness.
        limb_seed: seed of the mottle of arms and legs.
    """

    warmth: Float32
    vessels: Float32
    skin_c: float
    hair_c: float
    cloth_c: float
    nir_skin: float
    swir_skin: float
    swir_hair: float
    dye_phase: tuple[float, float, float]
    limb_seed: int


def draw_traits(seed: int, subject_id: str) -> SubjectTraits:
    """Draw a subject's traits; equal arguments give equal traits."""
    rng = rng_for(seed, f"{subject_id}/traits")
    return SubjectTraits(
        warmth=_warmth(rng),
        vessels=_vessels(rng),
        skin_c=float(33.9 + 0.35 * rng.standard_normal()),
        hair_c=float(25.9 + 0.4 * rng.standard_normal()),
        cloth_c=float(28.4 + 0.6 * rng.standard_normal()),
        nir_skin=float(0.60 + 0.03 * rng.standard_normal()),
        swir_skin=float(0.075 + 0.008 * rng.standard_normal()),
        swir_hair=float(0.42 + 0.04 * rng.standard_normal()),
        dye_phase=tuple(rng.uniform(0, 2 * np.pi, 3).tolist()),
        limb_seed=int(rng.integers(2**31)),
    )


def _warmth(rng: np.random.Generator) -> Float32:
    v, u = (np.mgrid[:TEXTURE_PX, :TEXTURE_PX].astype(np.float32) + 0.5) / TEXTURE_PX
    warmth = np.zeros_like(u)
    for name, u0, v0, su, sv, degrees in _REGIONS:
        strength = degrees * rng.uniform(*_SPREAD.get(name, _USUAL_SPREAD))
        du, dv = rng.normal(0, 0.2 * su), rng.normal(0, 0.2 * sv)
        warmth += strength * np.exp(-0.5 * (((u - u0 - du) / su) ** 2 + ((v - v0 - dv) / sv) ** 2))
    for deviation_px, degrees in ((26.0, 0.45), (9.0, 0.22)):
        mottle = rng.standard_normal((TEXTURE_PX, TEXTURE_PX), dtype=np.float32)
        blurred = cv2.GaussianBlur(mottle, (0, 0), deviation_px, borderType=cv2.BORDER_REFLECT)
        warmth = warmth + degrees * blurred / blurred.std()
    return np.asarray(warmth, np.float32)


def _vessels(rng: np.random.Generator) -> Float32:
    """Draw branching walks; thick vessels are blurred more, as deeper ones look."""
    canvas = np.zeros((2 * TEXTURE_PX, 2 * TEXTURE_PX), np.float32)
    fine = np.zeros_like(canvas)
    for start, goal, branches in _VESSELS:
        if rng.random() < 0.12:  # not everyone shows every vessel
            continue
        path = _walk(rng, np.array(start) + rng.normal(0, 0.02, 2), np.array(goal))
        _draw(canvas, path, 1.0, 4)
        for _ in range(branches + int(rng.integers(0, 2))):
            origin = path[int(rng.integers(3, len(path) - 2))]
            reach = rng.normal(0, 0.13, 2) + 0.4 * (np.array(goal) - start)
            _draw(fine, _walk(rng, origin, origin + reach), 0.8, 2)
    deep = cv2.GaussianBlur(canvas, (0, 0), 3.6)
    shallow = cv2.GaussianBlur(fine, (0, 0), 2.2)
    merged = np.clip(deep * 1.3 + shallow * 1.1, 0.0, 1.0)
    side = TEXTURE_PX, TEXTURE_PX
    return np.asarray(cv2.resize(merged, side, interpolation=cv2.INTER_AREA), np.float32)


def _walk(rng: np.random.Generator, start: Points, goal: Points, steps: int = 14) -> Points:
    """Return a wandering path (steps, 2) from start to the neighbourhood of goal."""
    along = np.linspace(0, 1, steps)[:, None]
    wander = np.cumsum(rng.normal(0, 0.012, (steps, 2)), axis=0)
    return np.asarray(start + along * (goal - start) + wander, np.float64)


def _draw(canvas: Float32, path: Points, level: float, width_px: int) -> None:
    points = np.rint(path * canvas.shape[0]).astype(np.int32)
    cv2.polylines(canvas, [points], False, level, width_px, cv2.LINE_AA)
