"""What changes from image to image: pose, expression, light, camera, clothes, background."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.people.clothes import Cloth, draw_cloth
from pipeline.demo.people.identity import Identity
from pipeline.demo.people.shading import Lights
from pipeline.rng import rng_for, seed_for

IMAGES_PER_SESSION = 4

EXPRESSIONS: dict[str, dict[str, float]] = {
    "neutral": {},
    "smile": {"mouthSmile": 0.7, "cheekSquint": 0.4, "eyeSquint": 0.25},
    "laugh": {
        "mouthSmile": 0.75, "jawOpen": 0.3, "cheekSquint": 0.6, "eyeSquint": 0.35,
        "mouthUpperUp": 0.3,
    },
    "surprise": {"browInnerUp": 0.8, "browOuterUp": 0.7, "eyeWide": 0.6, "jawOpen": 0.4},
    "frown": {"browDown": 0.8, "mouthFrown": 0.55, "eyeSquint": 0.25, "mouthPress": 0.3},
    "pout": {"mouthPucker": 0.6, "browInnerUp": 0.25},
    "speak": {"jawOpen": 0.22, "mouthLowerDown": 0.35},
}  # fmt: skip
"""Strengths of face units; units without a side exist for left and right or as they are."""
_WHOLE = ("browInnerUp", "jawOpen", "mouthPucker")


@dataclass(frozen=True)
class Image:
    """One image of a person, before it is rendered.

    Attributes:
        name: unique within the person: ``p00``.
        session: ``s0``, images of one session share clothes and background's kind of light.
        pose_deg: yaw, pitch and roll of the head.
        body_yaw_deg: of the shoulders.
        expression: one of ``EXPRESSIONS``.
        units: strengths of face units by target.
        gaze: of the eyes against the head, radians to larger x and to larger y.
        lights: light.
        exposure: factor of the camera.
        distance: of the camera from the head's middle, units of the mesh.
        scale: pixels per unit at the head's middle, per pixel of the image's side.
        centre: where the head's middle lies, shares of the side.
        cloth: garment.
        glasses: whether spectacles are worn.
        seed: of background and noise.
    """

    name: str
    session: str
    pose_deg: tuple[float, float, float]
    body_yaw_deg: float
    expression: str
    units: dict[str, float]
    gaze: tuple[float, float]
    lights: Lights
    exposure: float
    distance: float
    scale: float
    centre: tuple[float, float]
    cloth: Cloth
    glasses: bool
    seed: int


def draw_image(
    seed: int, identity: Identity, index: int, *, max_yaw_deg: float, glasses_share: float
) -> Image:
    """Draw the image ``index`` of a person; it does not depend on how many there are.

    Yaws are spread evenly over [-max, max] by a low-discrepancy sequence that starts frontal.
    """
    name, session = f"p{index:02d}", f"s{index // IMAGES_PER_SESSION}"
    subject = identity.subject_id
    whole = rng_for(seed, f"{subject}/{session}")
    cloth = draw_cloth(whole, identity.macros["male"] > 0.5)
    worn = whole.random() < glasses_share
    warmth, ambient = whole.normal(0, 0.10), whole.uniform(0.25, 0.6)
    rng = rng_for(seed, f"{subject}/{name}")
    start = rng_for(seed, f"{subject}/yaws").random()
    turn = 2 * ((0.5 + index * 0.6180339887 + (0.12 * (start - 0.5))) % 1.0) - 1
    yaw = max_yaw_deg * turn
    expression = str(rng.choice(list(EXPRESSIONS), p=(0.4, 0.2, 0.1, 0.07, 0.08, 0.05, 0.1)))
    return Image(
        name=name,
        session=session,
        pose_deg=(
            float(yaw),
            float(np.clip(rng.normal(0, 5.0), -18, 18)),
            float(rng.normal(0, 6)),
        ),
        body_yaw_deg=float(yaw * rng.uniform(0.3, 0.7) + rng.normal(0, 5)),
        expression=expression,
        units=_units(rng, expression),
        gaze=(float(rng.normal(0, 0.10)), float(rng.normal(0, 0.05))),
        lights=_draw_lights(rng, float(warmth), float(ambient)),
        exposure=float(rng.uniform(0.95, 1.35)),
        distance=float(rng.uniform(8.0, 16.0)),
        scale=float(rng.uniform(0.265, 0.325)),
        centre=(float(rng.normal(0.5, 0.022)), float(rng.normal(0.47, 0.018))),
        cloth=cloth,
        glasses=bool(worn),
        seed=seed_for(seed, f"{subject}/{name}/surroundings"),
    )


def _units(rng: np.random.Generator, expression: str) -> dict[str, float]:
    units: dict[str, float] = {}
    blink = float(np.clip(rng.normal(0.06, 0.08), 0.0, 0.3))
    for name, value in ({"eyeBlink": blink} | EXPRESSIONS[expression]).items():
        strength = value * (rng.uniform(0.55, 1.1) if name != "eyeBlink" else 1.0)
        if name in _WHOLE:
            units[f"faceunits/{name}"] = float(strength)
        else:
            for side in ("Left", "Right"):
                units[f"faceunits/{name}{side}"] = float(strength * rng.uniform(0.88, 1.12))
    return units


def _draw_lights(rng: np.random.Generator, warmth: float, ambient: float) -> Lights:
    azimuth, height = rng.normal(0, 0.75), rng.uniform(0.05, 0.95)
    key = np.array(
        [np.sin(azimuth) * np.cos(height), -np.sin(height), -np.cos(azimuth) * np.cos(height)]
    )
    side = -np.sign(azimuth) * rng.uniform(0.6, 1.3)
    fill = np.array([np.sin(side), -0.25, -np.cos(side)])
    tint = np.exp(warmth * np.array([1.0, 0.15, -1.0]))
    cool = np.exp(-0.5 * warmth * np.array([1.0, 0.0, -1.0]))
    level = rng.uniform(0.7, 1.1)
    return Lights(
        key=(key / np.linalg.norm(key)).astype(np.float32),
        key_rgb=(level * tint).astype(np.float32),
        fill=(fill / np.linalg.norm(fill)).astype(np.float32),
        fill_rgb=(rng.uniform(0.08, 0.32) * cool).astype(np.float32),
        sky_rgb=(ambient * cool).astype(np.float32),
        ground_rgb=(ambient * rng.uniform(0.35, 0.75) * tint).astype(np.float32),
    )


def rotation_of(pose_deg: tuple[float, float, float]) -> NDArray[np.float64]:
    """Return the rotation of a pose, (3, 3): Rz(roll) Rx(-pitch) Ry(-yaw) (see ``face3d.pose``)."""
    yaw, pitch, roll = np.radians(pose_deg)
    cy, sy, cp, sp, cr, sr = (f(a) for a in (yaw, pitch, roll) for f in (np.cos, np.sin))
    about_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_x @ about_y, np.float64)
