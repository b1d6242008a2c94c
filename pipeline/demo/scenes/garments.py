"""Clothes and hair of procedural bodies, on MakeHuman's suit, skirt and scalp.

A body is drawn as its head, hands and feet, the suit about everything else, and what hangs free of
it. Where a garment ends on the suit is decided in each pixel by that pixel's place on the body, so
that hems and sleeves have clean edges whatever the triangles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.people.anny import Anny
from pipeline.demo.people.skeleton import Skeleton
from pipeline.types import Float32, Int32

Codes = NDArray[np.uint8]

SKIN, FACE, HAIR, BROWS, LIPS, EYES, UPPER, LOWER, SHOES, SUIT = range(10)
"""What a triangle is made of; ``SUIT`` becomes skin or a garment in each pixel."""
TRUNK, ARM, HAND, LEG, FOOT, HEAD, NECK = range(7)
"""Which part of the body a vertex belongs to."""

UPPERS = ("t_shirt", "shirt", "coat")
LOWERS = ("trousers", "shorts", "skirt")
HAIR_STYLES = ("short", "full", "long", "cap")

_SLEEVE = {"t_shirt": 0.36, "shirt": 0.92, "coat": 0.95}
"""How far down the arm, shoulder 0 to wrist 1."""
_LEG = {"trousers": 0.97, "shorts": 0.42, "skirt": -0.05}
"""How far down the leg, hip 0 to ankle 1."""
_HANGING = {"skirt": 0.50, "coat": 0.28}
"""Lower edge of what hangs free, hip 0 to ankle 1."""
_WAIST = {"t_shirt": 0.03, "shirt": -0.06, "coat": 0.05}
"""Lower edge of the upper garment on the suit, on the same scale."""
_NECKLINE = 0.12
"""Decimetres above the base of the neck."""
_OFF = {"t_shirt": 0.10, "shirt": 0.07, "coat": 0.22, "trousers": 0.10, "shorts": 0.16}
"""How far the cloth lies off the suit, decimetres."""
_HAIR_OFF = {"short": 0.10, "full": 0.34, "long": 0.16, "cap": 0.16}
_SOLE_OFF = 0.12


@dataclass(frozen=True)
class Places:
    """Where the vertices of the mean body at rest lie, on the body's own scales.

    Attributes:
        limb: uint8 (v,), ``TRUNK`` … ``NECK``.
        down: float32 (v,): of an arm 0 at the shoulder to 1 at the wrist, else 0 at the hip to 1 at
            the ankle, negative above.
        up: float32 (v,): decimetres above the base of the neck.
    """

    limb: NDArray[np.uint8]
    down: Float32
    up: Float32


@dataclass(frozen=True)
class Outfit:
    """Names of what a body wears: of ``UPPERS``, ``LOWERS`` and ``HAIR_STYLES``."""

    upper: str
    lower: str
    hair: str


@dataclass(frozen=True)
class Layers:
    """Triangles that a dressed body shows, into vertices that stand twice: bare, then moved off.

    Attributes:
        triangles: int32 (t, 3).
        material: uint8 (t,).
        off: float32 (v,), how far the second half is moved along its normals, decimetres.
    """

    triangles: Int32
    material: NDArray[np.uint8]
    off: Float32


def places_of(skeleton: Skeleton, mean_xyz: Float32) -> Places:
    """Find the vertices' places on a mean body."""
    heads, _ = skeleton.joints(mean_xyz)
    joint = {name: heads[index] for index, name in enumerate(skeleton.names)}
    limb = np.array([_limb(name) for name in skeleton.names], np.uint8)[skeleton.bones[:, 0]]
    hip, ankle = joint["upperleg01.L"][1], joint["foot.L"][1]
    down = (mean_xyz[:, 1] - hip) / (ankle - hip)
    for side, mirror in (("L", 1), ("R", -1)):
        start, end = joint[f"upperarm01.{side}"], joint[f"wrist.{side}"]
        axis = (end - start) / np.dot(end - start, end - start)
        arm = np.isin(limb, (ARM, HAND)) & (mean_xyz[:, 0] * mirror > 0)
        down = np.where(arm, (mean_xyz - start) @ axis, down)
    return Places(limb, down.astype(np.float32), joint["neck01"][1] - mean_xyz[:, 1])


def dressed(anny: Anny, places: Places, mean_xyz: Float32, outfit: Outfit) -> Layers:
    """Choose the triangles of a dressed body and what they are made of."""
    count = len(mean_xyz)
    suit, skirt = anny.triangles("helper-tights"), anny.triangles("helper-skirt")
    body = anny.triangles("body")
    off = np.zeros(count, np.float32)
    sleeve = (places.limb == ARM) & (places.down < _SLEEVE[outfit.upper])
    trunk = (places.limb == TRUNK) & (places.up < _NECKLINE)
    leg = (places.limb == LEG) & (places.down < _LEG[outfit.lower])
    for name, inside in ((outfit.lower, trunk | leg), (outfit.upper, sleeve | trunk)):
        off[inside] = np.maximum(off[inside], _OFF.get(name, 0.06))
    off[places.limb == FOOT] = _SOLE_OFF
    parts, scalp = _head(anny, places, mean_xyz, body)
    off[np.unique(body[scalp])] = _HAIR_OFF[outfit.hair]
    bare = np.isin(places.limb[body], (HEAD, NECK, HAND)).all(axis=1)
    layers = [(body[bare], parts[bare]), (body[scalp] + count, np.full(scalp.sum(), HAIR))]
    for eye in ("helper-l-eye", "helper-r-eye"):
        faces = anny.triangles(eye)
        layers.append((faces, np.full(len(faces), EYES)))
    worn = ((outfit.upper, UPPER), (outfit.lower, LOWER))
    hanging = next(((name, code) for name, code in worn if name in _HANGING), None)
    if hanging is not None:
        name, code = hanging
        faces = skirt[(places.down[skirt] < _HANGING[name]).all(axis=1)]
        off[np.unique(skirt)] = 0.26 if name == "coat" else 0.08
        layers.append((faces + count, np.full(len(faces), code)))
        under = np.isin(places.limb[suit], (TRUNK, LEG)) & (places.down[suit] > -0.1)
        hidden = under & (places.down[suit] < _HANGING[name] - 0.12)
        suit = suit[~hidden.all(axis=1)]
    feet = (places.limb[suit] == FOOT).all(axis=1)
    layers.append((suit + count, np.where(feet, SHOES, SUIT)))
    triangles = np.concatenate([faces for faces, _ in layers])
    return Layers(triangles, np.concatenate([c for _, c in layers]).astype(np.uint8), off)


def cloth_at(arm: Float32, foot: Float32, down: Float32, up: Float32, outfit: Outfit) -> Codes:
    """Tell what the suit is in each pixel.

    Args:
        arm: float32 (n,), 1 on arms and hands, 0 elsewhere.
        foot: float32 (n,), 1 on feet, 0 elsewhere.
        down: float32 (n,), ``Places.down``.
        up: float32 (n,), ``Places.up``.
        outfit: what the body wears.

    Returns:
        uint8 (n,): ``SKIN``, ``UPPER``, ``LOWER`` or ``SHOES``.
    """
    limb = arm > 0.5
    upper = np.where(limb, down < _SLEEVE[outfit.upper], down < _WAIST[outfit.upper])
    upper &= (up < _NECKLINE) | limb
    lower = ~limb & (down >= _WAIST[outfit.upper]) & (down < max(_LEG[outfit.lower], 0.06))
    cloth = np.where(upper, UPPER, np.where(lower, LOWER, SKIN))
    return np.where(foot > 0.5, SHOES, cloth).astype(np.uint8)


def _limb(bone: str) -> int:
    stem = bone.partition(".")[0].rstrip("0123456789-")
    groups = {
        ARM: ("upperarm", "lowerarm"),
        HAND: ("wrist", "finger", "metacarpal"),
        LEG: ("upperleg", "lowerleg"),
        FOOT: ("foot", "toe"),
        NECK: ("neck",),
        TRUNK: ("root", "pelvis", "spine", "breast", "clavicle", "shoulder"),
    }
    return next((limb for limb, stems in groups.items() if stem in stems), HEAD)


def _head(
    anny: Anny, places: Places, mean_xyz: Float32, body: Int32
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Tell what the triangles of the body's head are, int (t,), and which bear hair, bool (t,)."""
    eye = mean_xyz[np.unique(anny.triangles("helper-l-eye"))].mean(axis=0)
    middle = mean_xyz[body].mean(axis=1)
    up, back = eye[1] - middle[:, 1], middle[:, 2] - eye[2]
    uv = anny.base.texture_uv[anny.base.triangle_uv[anny.base.groups["body"]]].mean(axis=1)
    texel = np.clip((uv * 2048).astype(int), 0, 2047)
    ears, lips = (anny.mask(n)[texel[:, 1], texel[:, 0], 0] > 0.5 for n in ("ears", "lips"))
    limb = places.limb[body]
    head = np.isin(limb, (HEAD, NECK)).all(axis=1)
    # The hair's edge: over the forehead, down before and behind the ear, across the nape.
    edge = np.interp(back, [0.0, 0.55, 0.75, 1.0, 1.3, 1.6], [0.62, 0.5, 0.1, -0.05, -0.75, -0.8])
    scalp = head & ~ears & (up > edge)
    parts = np.full(len(body), SKIN)
    parts[(limb == HEAD).all(axis=1) & ~ears & (back < 0.95)] = FACE
    parts[scalp] = HAIR
    parts[head & lips & (back < 0.3)] = LIPS
    across = np.abs(np.abs(middle[:, 0]) - eye[0])
    parts[head & (across < 0.24) & (up > 0.13) & (up < 0.24) & (back < 0.2)] = BROWS
    return parts, scalp
