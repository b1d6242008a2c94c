"""Hair as a shell: a grid of strands that grow from a pole, over the skull and down to their tips.

Columns are strands, rows run along them. A strand follows the skull, lifted by the style's
thickness, to the hairline; where the style is long it then hangs. Towards its ends the shell
dissolves into strands by its opacity, so that outlines are clean and soft.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipeline.demo.people.head import SKIN, Head
from pipeline.demo.people.identity import Identity
from pipeline.rng import rng_for
from pipeline.types import Float32, Int32

Array = NDArray[np.float64]

COLUMNS, ROWS, HANGING = 120, 26, 14
STRAND_PX, LENGTH_PX = 1024, 128
_CENTRE = np.array([0.0, -7.6, -0.42])
_STEPS = 90
_SOFT = 0.10
"""Length over which the shell dissolves at the hairline, units of the mesh."""

# Height of the hairline on the mean head by azimuth: forehead, temple, before the ear, above the
# ear, behind it, nape.
_AZIMUTH_DEG = (0, 18, 34, 46, 56, 63, 68, 73, 80, 95, 108, 120, 150, 180)
_HAIRLINE = (
    -8.02,
    -8.03,
    -7.98,
    -7.88,
    -7.70,
    -7.45,
    -7.22,
    -7.20,
    -7.52,
    -7.58,
    -7.45,
    -7.05,
    -6.8,
    -6.76,
)


@dataclass(frozen=True)
class Style:
    """A style: thickness on top and at the sides, and where it hangs.

    Attributes:
        top, side: thickness of the shell, units of the mesh.
        hangs_from_deg: azimuth beyond which it hangs; 180 for none.
        hangs_to: height of the tips on the mean head.
        pole: how far the pole lies to the side of the parting and to the front, radians.
        fringe: how far the hairline of the forehead is lowered.
        curl: how much strands curl beside their natural wave.
        bun: whether a bun sits behind.
    """

    top: float
    side: float
    hangs_from_deg: float = 180.0
    hangs_to: float = 0.0
    pole: tuple[float, float] = (0.0, -0.35)
    fringe: float = 0.0
    curl: float = 0.0
    bun: bool = False


STYLES = {
    "crop": Style(0.035, 0.02),
    "short": Style(0.13, 0.055),
    "side": Style(0.17, 0.07, pole=(0.42, 0.25)),
    "swept": Style(0.2, 0.05, pole=(0.0, 0.95)),
    "afro": Style(0.42, 0.3, curl=1.0),
    "tied": Style(0.06, 0.045, pole=(0.0, -1.0), bun=True),
    "bob": Style(0.17, 0.14, 58.0, -6.35, pole=(0.3, 0.3)),
    "fringe": Style(0.16, 0.13, 58.0, -6.0, pole=(0.0, 0.1), fringe=0.36),
    "long": Style(0.13, 0.11, 62.0, -5.2, pole=(0.22, 0.35)),
}
"""``bald`` has no shell."""


@dataclass(frozen=True)
class HairShell:
    """An identity's hair at rest.

    Attributes:
        vertices_xyz: float32 (v, 3).
        triangles: int32 (t, 3), clockwise from outside.
        strand: float32 (v, 2), pixels of ``texture``: across and along strands.
        solid: float32 (v,), 0 at the rim rising to 1 inside, beyond for safety.
        tangents: float32 (v, 3), towards the tips.
        shade: float32 (v,), how much light reaches there between neighbouring strands.
        texture: float32 (128, 1024, 1), lightness of strands about 0 with unit deviation.
    """

    vertices_xyz: Float32
    triangles: Int32
    strand: Float32
    solid: Float32
    tangents: Float32
    shade: Float32
    texture: Float32


def hairline(azimuth: Array, identity: Identity) -> Array:
    """Return the hairline's height on the mean head at azimuths in radians."""
    hair = identity.hair
    away = np.degrees(np.abs(azimuth))
    height = np.interp(away, _AZIMUTH_DEG, _HAIRLINE)
    recede = 0.10 * hair.hairline * np.exp(-(((away - 30) / 16) ** 2))
    whole = 0.05 * hair.hairline * np.clip(1 - away / 50, 0, 1)
    style = STYLES.get(hair.style)
    fringe = 0.0 if style is None else style.fringe * np.clip((52 - away) / 14, 0, 1)
    found: Array = height - recede - whole + fringe
    return found


def hair_shell(head: Head, identity: Identity, bust_xyz: Float32, seed: int) -> HairShell | None:
    """Grow an identity's hair on its shaped bust; None for a bald one."""
    style = STYLES.get(identity.hair.style)
    if style is None:
        return None
    rng = rng_for(seed, f"{identity.subject_id}/hair/{identity.hair.seed}")
    skull = _skull(head)
    local = np.linspace(-np.pi, np.pi, COLUMNS + 1)
    angles = np.linspace(0.0, 2.5, _STEPS)
    directions = _directions(local, angles, identity.hair.parting, style)
    near, weights = _neighbours(head, skull, directions)
    rest = np.einsum("cak,cakd->cad", weights, head.bust.rest_xyz[near])
    shaped = np.einsum("cak,cakd->cad", weights, bust_xyz[near].astype(np.float64))
    azimuth = np.arctan2(rest[..., 0], _CENTRE[2] - rest[..., 2])
    inside = hairline(azimuth, identity) - rest[..., 1]
    hanging = _smooth((np.degrees(np.abs(azimuth)) - style.hangs_from_deg + 8) / 8)
    level = np.minimum(-7.55, hairline(azimuth, identity) + 9 * (hanging < 0.01))
    ends = np.where(hanging > 0.5, level - rest[..., 1], inside + 0.4 * _SOFT) < 0
    last = np.where(ends.any(axis=1), ends.argmax(axis=1), _STEPS - 1).clip(4)
    rows = np.linspace(0, 1, ROWS)[None] * last[:, None]
    column = np.arange(COLUMNS + 1)[:, None]
    low = np.floor(rows).astype(int).clip(0, _STEPS - 2)
    share = (rows - low)[..., None]

    def along(values: Array) -> Array:
        moved: Array = values[column, low] * (1 - share) + values[column, low + 1] * share
        return moved

    surface, outward = along(shaped), along(directions)
    margin = along(inside[..., None])[..., 0]
    hangs = along(hanging[..., None])[..., 0]
    clumps = _clumps(rng)
    thick = _thickness(style, identity, along(azimuth[..., None])[..., 0], outward)
    edge = np.maximum(_smooth(margin / 0.30) ** 0.7, hangs)
    # Where it hangs its front edge hugs the face.
    away = np.degrees(np.abs(along(azimuth[..., None])[..., 0]))
    hugging = _smooth((away - style.hangs_from_deg + 6) / 30)
    thick = thick * (1 - hangs + hangs * (0.12 + 0.88 * hugging))
    thick = thick * edge * (1 + 0.16 * clumps[:, :ROWS]) + 0.012
    cap = surface + outward * thick[..., None]
    solid = np.maximum(margin / _SOFT, 6 * (hangs - 0.55))
    cap, solid = _mirrored_seam(cap), _mirrored_seam(solid)
    shift = bust_xyz[skull].mean(axis=0) - head.bust.rest_xyz[skull].mean(axis=0)
    ears = np.unique(head.bust.triangles[head.bust.ear != 0])
    reach = float(np.abs(bust_xyz[ears, 0]).max()) + 0.05
    cap = cap - shift
    curtain, curtain_solid = _hang(cap, hangs[:, -1], style, identity, rng)
    if style.hangs_from_deg < 180:
        cap, curtain = _outside_ears(cap, reach), _outside_ears(curtain, reach)
    cap, curtain = cap + shift, curtain + shift
    grid = np.concatenate([cap, curtain], axis=1)
    solids = np.concatenate([solid, curtain_solid], axis=1)
    return _shell(grid, solids, style, identity, rng)


def scalp_cover(azimuth: Float32, height: Float32, identity: Identity) -> Float32:
    """Return how far texels of the scalp look like hair from above, in [0, 1]."""
    inside = hairline(azimuth.astype(np.float64), identity) - height
    style = STYLES.get(identity.hair.style)
    fringe = 0.0 if style is None else style.fringe
    away = np.degrees(np.abs(azimuth))
    inside = inside - fringe * np.clip((52 - away) / 14, 0, 1) if fringe else inside
    return np.asarray(_smooth(inside / 0.14 + 0.1), np.float32)


def _skull(head: Head) -> Int32:
    bust = head.bust
    plain = (bust.part == SKIN) & (bust.ear == 0)
    vertices = np.unique(bust.triangles[plain])
    rest = bust.rest_xyz[vertices]
    eared = np.unique(bust.triangles[bust.ear != 0])
    high = (rest[:, 1] < -6.5) & ~np.isin(vertices, eared)
    found: Int32 = vertices[high].astype(np.int32)
    return found


def _directions(local: Array, angles: Array, parting: float, style: Style) -> Array:
    """Return unit vectors (columns, steps, 3) about a tilted pole."""
    c, a = local[:, None], angles[None]
    rays = np.stack(
        np.broadcast_arrays(np.sin(a) * np.sin(c), -np.cos(a), -np.sin(a) * np.cos(c)), axis=-1
    )
    side, front = style.pole[0] * np.sign(parting) * abs(parting), style.pole[1]
    cs, sn = np.cos(front), np.sin(front)
    about_x = np.array([[1, 0, 0], [0, cs, -sn], [0, sn, cs]])
    cs, sn = np.cos(side), np.sin(side)
    about_z = np.array([[cs, -sn, 0], [sn, cs, 0], [0, 0, 1]])
    turned: Array = rays @ (about_z @ about_x).T
    return turned


def _neighbours(head: Head, skull: Int32, directions: Array) -> tuple[Int32, Array]:
    offsets = head.bust.rest_xyz[skull] - _CENTRE
    rays = offsets / np.linalg.norm(offsets, axis=1, keepdims=True)
    distance, index = cKDTree(rays).query(directions, k=8)
    weights = 1.0 / (distance**2 + 0.002)
    weights /= weights.sum(axis=-1, keepdims=True)
    near: Int32 = skull[index]
    return near, weights


def _thickness(style: Style, identity: Identity, azimuth: Array, outward: Array) -> Array:
    up = np.clip(-outward[..., 1], 0, 1)
    plain = style.side + (style.top - style.side) * _smooth(up * 1.5 - 0.3)
    back = 1 + 0.25 * _smooth((np.abs(azimuth) - 1.6) / 1.0)
    thick: Array = plain * (0.65 + 0.6 * identity.hair.volume) * back
    return thick


def _hang(
    cap: Array,
    hangs: Array,
    style: Style,
    identity: Identity,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Return points (columns, rows, 3) of the hanging part, and how solid it is."""
    t = np.linspace(0, 1, HANGING + 1)[None, 1:]
    start = cap[:, -1]
    if style.hangs_from_deg >= 180:
        still = np.repeat(start[:, None], HANGING, axis=1)
        return still, np.full(still.shape[:2], -9.0)
    azimuth = np.arctan2(start[:, 0], _CENTRE[2] - start[:, 2])
    radius = np.hypot(start[:, 0], start[:, 2] - _CENTRE[2])
    away = np.degrees(np.abs(azimuth))[:, None]
    fall = style.hangs_to - start[:, 1]
    tips = 1 + 0.04 * _smooth_columns(rng)[:, None]
    shrink = 1 - 0.10 * t * np.clip(np.abs(azimuth) / np.pi, 0, 1)[:, None]
    flare = 1 + 0.14 * (identity.hair.volume - 0.3) * t
    wave = 0.035 * identity.hair.wave * np.sin(9 * t + 4 * _smooth_columns(rng)[:, None])
    r = radius[:, None] * shrink * flare + wave * t
    y = start[:, 1:2] + fall[:, None] * tips * t
    points = np.stack(
        [r * np.sin(azimuth)[:, None], y, _CENTRE[2] - r * np.cos(azimuth)[:, None]], -1
    )
    front = (away - style.hangs_from_deg) / 7.0
    solid = np.minimum(np.broadcast_to(front, r.shape), (1.0 - t) / 0.12)
    solid = np.where(hangs[:, None] > 0.05, solid, -9.0)
    return points, solid


def _outside_ears(points: Array, reach: float) -> Array:
    """Push hair sideways so that it lies over the ears."""
    azimuth = np.arctan2(points[..., 0], _CENTRE[2] - points[..., 2])
    away = np.degrees(np.abs(azimuth))
    share = _smooth((away - 66) / 26) * _smooth((150 - away) / 25)
    share *= _smooth((points[..., 1] + 8.15) / 0.7) * _smooth((-5.6 - points[..., 1]) / 1.2)
    wide = np.maximum(reach + 0.03 - np.abs(points[..., 0]), 0.0)
    pushed = points.copy()
    pushed[..., 0] += np.sign(points[..., 0]) * wide * share
    return pushed


def _shell(
    grid: Array, solid: Array, style: Style, identity: Identity, rng: np.random.Generator
) -> HairShell:
    columns, rows = grid.shape[:2]
    index = np.arange(columns * rows).reshape(columns, rows)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    triangles = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    tangents = np.gradient(grid, axis=1)
    tangents /= np.maximum(np.linalg.norm(tangents, axis=-1, keepdims=True), 1e-6)
    lengths = np.cumsum(np.linalg.norm(np.diff(grid, axis=1, prepend=grid[:, :1]), axis=-1), axis=1)
    across = np.repeat(np.arange(columns)[:, None] * (STRAND_PX / COLUMNS), rows, axis=1)
    strand = np.stack([across, lengths / 4.5 * LENGTH_PX], axis=-1)
    shade = np.clip(0.55 + 0.45 * solid / 3, 0.4, 1.0)
    parts = [grid, strand, solid[..., None], tangents, shade[..., None]]
    flat = [np.asarray(each.reshape(columns * rows, -1), np.float32) for each in parts]
    triangles = triangles[_worth_drawing(solid.reshape(-1)[triangles])]
    if style.bun:
        flat, triangles = _with_bun(flat, triangles, grid)
    vertices, strands, solids, directions, shades = flat
    return HairShell(
        vertices,
        np.ascontiguousarray(triangles, np.int32),
        strands,
        solids[:, 0],
        directions,
        shades[:, 0],
        _strands(identity, style, rng),
    )


def _worth_drawing(solid: Array) -> NDArray[np.bool_]:
    """Return which triangles are not wholly transparent, by how solid their corners are."""
    worth: NDArray[np.bool_] = (solid.max(axis=1) > -0.3) & (solid.min(axis=1) > -4)
    return worth


def _with_bun(flat: list[Float32], triangles: Array, grid: Array) -> tuple[list[Float32], Array]:
    """Add a ball of hair behind the crown."""
    around, down = np.linspace(-np.pi, np.pi, 33)[:, None], np.linspace(0, np.pi, 15)[None]
    ball = np.stack(
        np.broadcast_arrays(
            np.sin(down) * np.sin(around), -np.sin(down) * np.cos(around), np.cos(down)
        ),
        -1,
    )
    pole = grid[0, 0]
    centre = pole + np.array([0.0, 0.02, 0.12])
    points = centre + ball * np.array([0.30, 0.27, 0.24])
    index = np.arange(33 * 15).reshape(33, 15) + len(flat[0])
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    more = np.concatenate([np.stack([a, c, b], -1), np.stack([a, d, c], -1)]).reshape(-1, 3)
    tangents = np.stack(
        np.broadcast_arrays(np.cos(around), np.sin(around), np.zeros_like(around + down)), -1
    )
    strand = np.stack(
        [
            np.repeat(np.linspace(0, 450, 15)[None], 33, 0),
            np.repeat(np.linspace(0, 100, 33)[:, None], 15, 1),
        ],
        -1,
    )
    ones = np.ones((33, 15, 1))
    added = [points, strand, 5 * ones, tangents, 0.9 * ones]
    joined = [
        np.concatenate([old, new.reshape(33 * 15, -1).astype(np.float32)])
        for old, new in zip(flat, added, strict=True)
    ]
    return joined, np.concatenate([triangles, more])


def _strands(identity: Identity, style: Style, rng: np.random.Generator) -> Float32:
    """Draw the lightness of strands, wavy along their length; seamless across."""
    total = np.zeros((LENGTH_PX, STRAND_PX), np.float32)
    stretch = 11.0 * (1.0 - 0.75 * style.curl)
    for across, share in ((0.5, 0.8), (1.3, 0.7), (4.5, 0.55), (15.0, 0.3)):
        white = rng.standard_normal((LENGTH_PX, STRAND_PX), dtype=np.float32)
        wide = np.concatenate([white[:, -64:], white, white[:, :64]], axis=1)
        wide = cv2.GaussianBlur(wide, (0, 0), sigmaX=across, sigmaY=stretch * (1 + across / 10))
        layer = wide[:, 64:-64]
        total += share * layer / layer.std()
    along = np.arange(LENGTH_PX, dtype=np.float32)[:, None]
    bend = 7.0 * identity.hair.wave + 13.0 * style.curl
    phase = 5.0 * np.repeat(_smooth_columns(rng, STRAND_PX)[None], LENGTH_PX, 0)
    shift = bend * np.sin(2 * along * (0.16 + 0.25 * style.curl) + phase)
    x = (np.arange(STRAND_PX, dtype=np.float32)[None] + shift) % STRAND_PX
    y = np.repeat(along, STRAND_PX, 1)
    moved = cv2.remap(total, x.astype(np.float32), y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    strands = moved / moved.std()
    if identity.mirrored:
        strands = strands[:, ::-1]
    return np.ascontiguousarray(strands[..., None], np.float32)


def _clumps(rng: np.random.Generator) -> Array:
    coarse = rng.standard_normal((18, 6)).astype(np.float32)
    grid = cv2.resize(coarse, (ROWS, COLUMNS + 1), interpolation=cv2.INTER_CUBIC)
    return _mirrored_seam(np.asarray(grid, np.float64))


def _smooth_columns(rng: np.random.Generator, count: int = COLUMNS + 1) -> Array:
    """Return smooth noise over columns, equal at both ends."""
    angle = np.linspace(-np.pi, np.pi, count)
    waves = [rng.normal() * np.sin(k * angle + rng.uniform(0, 6.3)) / k**0.5 for k in (2, 5, 9, 14)]
    total: Array = np.sum(waves, axis=0) / 1.2
    return total


def _mirrored_seam(values: Array) -> Array:
    """Make the last column equal to the first: the grid closes behind."""
    closed = values.copy()
    closed[-1] = closed[0]
    return closed


def _smooth(values: Array) -> Array:
    t = np.clip(values, 0.0, 1.0)
    smoothed: Array = t * t * (3.0 - 2.0 * t)
    return smoothed
