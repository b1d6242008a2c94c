"""Opacity and colour of hair in an image."""

import numpy as np

from pipeline.demo.people.hair import HairShell
from pipeline.demo.people.image import Image
from pipeline.demo.people.person import Person
from pipeline.demo.people.posed import Posed
from pipeline.demo.people.samples import place_samples
from pipeline.demo.people.shading import shade_hair
from pipeline.demo.people.shadow import ShadowMap, lit_share
from pipeline.ops.raster import rasterise, sample_bilinear, vertex_normals
from pipeline.types import Float32

_BEFORE_PX = 2.0
"""Hair wins over a surface so little before it, pixels of the enlarged image."""
_BIAS = 0.09


def light_hair(
    person: Person,
    shell: HairShell,
    posed: Posed,
    image: Image,
    seen_xyz: Float32,
    depth: Float32,
    shadow: ShadowMap,
) -> tuple[Float32, Float32]:
    """Shade hair.

    Args:
        person: whose hair.
        shell: the hair.
        posed: the geometry.
        image: the image's conditions.
        seen_xyz: float32 (v, 3), the shell in pixels of the enlarged image.
        depth: float32 (2h, 2w), of the opaque layer.
        shadow: of the main light.

    Returns:
        Opacity float32 (h, w), and linear colour times opacity, float32 (h, w, 3).

    Raises:
        ValueError: the person was posed without hair.
    """
    seen = rasterise(seen_xyz, shell.triangles, (depth.shape[0], depth.shape[1]))
    front = seen.covered & (seen.depth < depth + _BEFORE_PX)
    samples = place_samples(np.where(front, np.int8(0), np.int8(-1)))
    carried = samples.gather(seen, shell.triangles, _attributes(shell, posed))
    normals, tangents = _unit(carried[:, :3]), _unit(carried[:, 3:6])
    solid, shade = carried[:, 8], carried[:, 9]
    rim = np.clip(np.abs(normals[:, 2]) * 6 + 0.55, 0, 1)
    inner = normals[:, 2] > 0  # the inside of hair that hangs on the other side
    normals = np.where(inner[:, None], -normals, normals)
    height, width = shell.texture.shape[:2]
    at = np.column_stack([carried[:, 6] % width, carried[:, 7] % height]).astype(np.float32)
    light = sample_bilinear(shell.texture, at)[:, 0]
    beside = sample_bilinear(shell.texture, at + np.array([2.0, 0.0], np.float32))[:, 0]
    normals = _unit(normals + 0.22 * (beside - light)[:, None] * np.cross(tangents, normals))
    t = np.clip(solid + 0.35 * light + 0.15, 0, 1)
    opacity = t * t * (3 - 2 * t) * rim
    tone = np.exp(0.30 * light + 0.5 * person.identity.hair.grey * (light > 1.0))
    albedo = person.hair_rgb * tone[:, None] * np.where(inner, 0.35, 1.0)[:, None]
    world = np.ascontiguousarray(carried[:, 10:13])
    colour = shade_hair(
        np.asarray(normals, np.float32),
        np.asarray(tangents, np.float32),
        np.asarray(albedo, np.float32),
        np.asarray(shade * np.where(inner, 0.4, 1.0), np.float32),
        lit_share(shadow, world, _BIAS, 1.6),
        image.lights,
    )
    spread = samples.spread(np.column_stack([opacity, colour * opacity[:, None]]))
    return np.ascontiguousarray(spread[..., 0]), np.ascontiguousarray(spread[..., 1:])


def _attributes(shell: HairShell, posed: Posed) -> Float32:
    """Return the vertices' normal, tangent, strand, solidity, shade and place, float32 (v, 13)."""
    if posed.hair_world is None:
        raise ValueError("the person was posed without hair")
    columns = [
        vertex_normals(posed.hair_world, shell.triangles),
        shell.tangents @ posed.turn.T.astype(np.float32),
        shell.strand,
        shell.solid,
        shell.shade,
        posed.hair_world,
    ]
    return np.column_stack(columns).astype(np.float32)


def _unit(vectors: Float32) -> Float32:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-6), np.float32)
