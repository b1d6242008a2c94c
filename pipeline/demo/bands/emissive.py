"""MWIR and LWIR: bands of emitted heat, *simulated* from material maps and a subject's traits.

Skin emits with 0.97–0.98 in both bands (Steketee, Phys. Med. Biol. 18:686, 1973), so an image is
nearly a map of temperature. Faces are at 31–36 °C in a room of 21 °C; clothes and hair lie between;
glass is opaque beyond 3 µm and shows about the room. The temperatures of regions stand in
``traits``; the rest is ours.
"""

import cv2
import numpy as np

from pipeline.demo.bands.planes import Planes, blur, once, smooth_noise, soft_step
from pipeline.demo.bands.traits import TEXTURE_PX, SubjectTraits
from pipeline.types import Float32

ROOM_C = 21.0
BLACK_C, WHITE_C = 18.0, 37.6
"""Temperatures displayed as black and as white: a fixed range, so that images compare."""
_RELIEF_C = 2.8
"""How much warmer a deep hollow is than plain skin where form is known, °C. Form guessed from
lightness, which light may feign, counts for less."""


def lwir_signal(planes: Planes, traits: SubjectTraits) -> Float32:
    """Simulate LWIR imaging (8–14 µm); display values, float32 (h, w), 0 black, 1 white."""
    return _display(_temperature(planes, traits, vessels_c=0.55, relief_c=0.55))


def mwir_signal(planes: Planes, traits: SubjectTraits) -> Float32:
    """Simulate MWIR imaging (3–5 µm): finer vessels, and glints on eyes and skin; as LWIR else."""
    celsius = _temperature(planes, traits, vessels_c=1.25, relief_c=1.1)
    glint = soft_step(planes.luma, 0.45, 0.95) * (planes.maps["eyes"] + 0.2 * planes.maps["skin"])
    celsius += 1.6 * glint - 0.5 * planes.maps["eyes"]
    return _display(celsius)


def face_celsius(face_uv: Float32, traits: SubjectTraits, vessels_c: float) -> Float32:
    """Look a subject's temperature up on the face.

    Args:
        face_uv: float32 (h, w, 2), NaN off the face.
        traits: the subject's.
        vessels_c: how much a vessel warms the skin, °C.

    Returns:
        Difference to ``traits.skin_c``, °C, float32 (h, w); 0 off the face.
    """
    texture = traits.warmth + np.float32(vessels_c) * traits.vessels
    pixels = face_uv * np.float32(TEXTURE_PX) - np.float32(0.5)
    found = cv2.remap(
        texture, pixels[..., 0], pixels[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.where(np.isnan(face_uv[..., 0]), np.float32(0), found)


def _temperature(
    planes: Planes, traits: SubjectTraits, vessels_c: float, relief_c: float
) -> Float32:
    maps = planes.maps
    smooth = _skin(planes, traits, vessels_c)
    if planes.relief is None:
        relief = np.float32(relief_c) * _relief(planes)
        lips = smooth + 0.2 + np.minimum(relief, 0.0)
    else:
        relief = np.float32(_RELIEF_C) * planes.relief
        lips = smooth + 0.2 + relief
    skin = smooth + relief
    inner = depth(planes)
    # Hair insulates: the room outside, the scalp's warmth where it is thin or near the skin.
    near_skin = _near_skin(planes)
    hair = traits.hair_c - 1.8 + 2.4 * inner + 3.2 * near_skin
    folds = _folds(planes)
    slow = smooth_noise(traits.limb_seed + 1, planes.hw, 7)
    cloth = traits.cloth_c - 0.8 + 1.2 * inner + 0.5 * slow + 1.1 * folds + 2.5 * near_skin
    celsius = (
        maps["skin"] * skin
        + maps["lips"] * lips
        + maps["eyes"] * (skin - 0.6)
        + maps["brows"] * (skin - 4.6)
        + maps["hair"] * hair
        + maps["cloth"] * cloth
        + maps["glasses"] * (ROOM_C + 2.8)
        + maps["background"] * _background(planes)
    )
    return np.asarray(celsius, np.float32)


@once
def _near_skin(planes: Planes) -> Float32:
    return blur(planes.maps["skin"], _length(planes, 0.06))


@once
def _lightness(planes: Planes) -> Float32:
    return np.asarray(np.power(np.clip(planes.luma, 1e-4, 1.0), 0.4), np.float32)


def _length(planes: Planes, share: float) -> float:
    """Return a share of the face's height (of a third of the image without a face), ≥ 0.6 px."""
    if planes.head_xyxy is None:
        return max(0.6, share * max(planes.hw) / 3)
    return max(0.6, share * (planes.head_xyxy[3] - planes.head_xyxy[1]))


def _skin(planes: Planes, traits: SubjectTraits, vessels_c: float) -> Float32:
    height = planes.hw[0]
    head = planes.head_xyxy
    rows = np.arange(height, dtype=np.float32)
    if head is None:
        top = int(np.argmax((planes.person > 0.5).any(axis=1)))
        down = (rows - top) / max(0.35 * height, 1.0)
    else:
        down = (rows - head[1]) / max(head[3] - head[1], 1.0)
    # The neck is as warm as the face; towards hands and feet blood cools.
    fall = 0.5 - 0.75 * np.clip(down - 1.6, 0.0, 4.5)
    mottle = smooth_noise(traits.limb_seed, planes.hw, 14)
    elsewhere = fall[:, None] + 0.35 * mottle
    if planes.face_uv is None:
        relative = elsewhere
    else:
        face = face_celsius(planes.face_uv, traits, vessels_c)
        weight = _on_face(planes)
        relative = weight * face + (1 - weight) * elsewhere
    # Surfaces seen at a grazing angle emit less and lie farther from the blood.
    limb = 1.0 - depth(planes, 0.05)
    return np.asarray(traits.skin_c + relative - 1.3 * limb**2, np.float32)


@once
def _on_face(planes: Planes) -> Float32:
    """Return where the mesh lies; it ends inside the face: blended over a band along its rim."""
    if planes.face_uv is None:
        return np.zeros(planes.hw, np.float32)
    valid = (~np.isnan(planes.face_uv[..., 0])).astype(np.float32)
    return soft_step(blur(valid, _length(planes, 0.05)), 0.45, 0.98)


@once
def depth(planes: Planes, share: float = 0.22) -> Float32:
    """Return 0 at a person's outline rising to 1 well inside."""
    distance = _distance(planes)
    if distance is None:
        return np.ones(planes.hw, np.float32)
    return np.asarray(np.minimum(distance / _length(planes, share), 1.0), np.float32)


@once
def _distance(planes: Planes) -> Float32 | None:
    """Return how far a person's pixels are from its outline, None where there is none."""
    mask = (planes.person > 0.5).astype(np.uint8)
    # Where the image cuts the person there is no outline: copy the border before measuring.
    padded = cv2.copyMakeBorder(mask, 2, 2, 2, 2, cv2.BORDER_REPLICATE)
    if padded.all():
        return None
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 3)[2:-2, 2:-2], np.float32)


@once
def _relief(planes: Planes) -> Float32:
    """Return the form of lids, nostrils and lips: band-passed lightness of skin, in [-1, 1]."""
    maps = planes.maps
    inside = maps["skin"] + maps["lips"] + maps["eyes"] + maps["brows"] + 1e-2
    lightness = _lightness(planes)

    def mean(sigma: float) -> Float32:
        blurred = blur(lightness * inside, sigma)
        return np.asarray(blurred / blur(inside, sigma), np.float32)

    fine, wide = mean(_length(planes, 0.012)), mean(_length(planes, 0.09))
    return np.asarray(np.clip((fine - wide) * 4.0, -1.0, 1.0) * np.minimum(inside, 1.0), np.float32)


@once
def _folds(planes: Planes) -> Float32:
    lightness = _lightness(planes)
    inside = planes.maps["cloth"] + 1e-2

    def mean(sigma: float) -> Float32:
        blurred = blur(lightness * inside, sigma)
        return np.asarray(blurred / blur(inside, sigma), np.float32)

    fine, wide = mean(_length(planes, 0.03)), mean(_length(planes, 0.25))
    return np.asarray(np.clip((fine - wide) * 5.0, -1.0, 1.0), np.float32)


@once
def _background(planes: Planes) -> Float32:
    """Return a room nearly flat; a busy background (indoors, a park) keeps blurred large forms."""
    inside = planes.maps["background"] + 1e-2
    lightness = np.power(np.clip(planes.luma, 1e-4, 1.0), 0.45) * inside

    def mean(sigma: float) -> Float32:
        weights = blur(inside, sigma)
        return np.asarray(blur(lightness, sigma) / weights, np.float32)

    form = np.clip(mean(0.008 * max(planes.hw)) - mean(0.12 * max(planes.hw)), -0.35, 0.35)
    slope = np.linspace(-0.5, 0.5, planes.hw[0], dtype=np.float32)[:, None]
    return np.asarray(ROOM_C + 0.8 * slope + 4.5 * form, np.float32)


def _display(celsius: Float32) -> Float32:
    return np.asarray((celsius - BLACK_C) / (WHITE_C - BLACK_C), np.float32)
