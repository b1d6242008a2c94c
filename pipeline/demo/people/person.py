"""An identity made flesh: geometry and textures that all its images share."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.demo.people.atlas import Atlas, azimuth_height
from pipeline.demo.people.clothes import THICKNESS
from pipeline.demo.people.glasses import Spectacles, fit_spectacles
from pipeline.demo.people.hair import HairShell, hair_shell, scalp_cover
from pipeline.demo.people.head import CLOTH, Head
from pipeline.demo.people.identity import Identity
from pipeline.demo.people.shadow import openness
from pipeline.demo.people.skin import SkinTextures, hair_colour, skin_textures
from pipeline.demo.people.surface import smoothed
from pipeline.ops.raster import vertex_normals
from pipeline.types import Float32

_ARMS_DOWN_DEG = 32.0


@dataclass(frozen=True)
class Person:
    """A person at rest, looking into the camera.

    Attributes:
        identity: who.
        bust_xyz: float32 (v, 3), vertices of ``Head.bust``.
        joints_xyz: float32 (4, 3), of the neck.
        open_share: float32 (v,), see ``shadow.openness``.
        eyes_xyz: float32 (2, 3), centres of the right and the left eyeball.
        paint: float32 (h, w, 5), textures of reflectance, gloss and relief, of half an image's
            detail; the scalp is painted under hair.
        relief: float32 (h, w, 1), the last of them.
        cover: float32 (h, w, 4), how far brows, lashes, beard and hair cover the skin.
        hair: the shell, None for bald heads.
        hair_rgb: reflectance of the hair.
        spectacles: the person's own.
    """

    identity: Identity
    bust_xyz: Float32
    joints_xyz: Float32
    open_share: Float32
    eyes_xyz: Float32
    paint: Float32
    relief: Float32
    cover: Float32
    hair: HairShell | None
    hair_rgb: Float32
    spectacles: Spectacles


def build_person(head: Head, atlas: Atlas, identity: Identity, seed: int) -> Person:
    """Shape, paint and comb an identity."""
    bust = head.bust
    shaped = head.anny.shaped(identity.strengths)
    angle = np.radians(_ARMS_DOWN_DEG)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    lowered = head.skeleton.pose(shaped, {"upperarm01.L": turn, "upperarm01.R": turn.T})
    bust_xyz = lowered[bust.vertices]
    skin = bust.triangles[bust.part != CLOTH]
    garment = bust.triangles[bust.part == CLOTH]
    normals = vertex_normals(bust_xyz, bust.triangles)
    bust_xyz = bust_xyz + normals * (THICKNESS * bust.thick)[:, None]
    bust_xyz = smoothed(bust_xyz, garment, 4)
    normals = vertex_normals(bust_xyz, bust.triangles)
    open_share = openness(bust_xyz, normals, skin)
    hair = hair_shell(head, identity, bust_xyz, seed)
    textures = skin_textures(atlas, identity, seed)
    azimuth, height = azimuth_height()
    scalp = scalp_cover(azimuth, height, identity) * (0.0 if hair is None else 1.0)
    face = head.canonical.on(bust_xyz)
    paint = _paint(textures, np.asarray(scalp, np.float32), hair_colour(identity))
    return Person(
        identity=identity,
        bust_xyz=bust_xyz,
        joints_xyz=head.neck_joints(lowered),
        open_share=open_share,
        eyes_xyz=np.stack([_middle(bust_xyz[each]) for each in head.eyes]),
        paint=paint,
        relief=np.ascontiguousarray(paint[..., 4:]),
        cover=np.dstack([textures.brows, textures.lashes, textures.beard, scalp]).astype("f4"),
        hair=hair,
        hair_rgb=hair_colour(identity),
        spectacles=fit_spectacles(identity.glasses, face, _ear_roots(head, bust_xyz)),
    )


def _middle(eye_xyz: Float32) -> Float32:
    """Return the centre of the sphere that fits an eyeball."""
    points = eye_xyz.astype(np.float64)
    system = np.column_stack([2 * points, np.ones(len(points))])
    solution = np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=None)[0]
    return np.asarray(solution[:3], np.float32)


def _ear_roots(head: Head, bust_xyz: Float32) -> Float32:
    """Return where the right and the left ear meet the head above: float32 (2, 3)."""
    bust = head.bust
    roots = []
    for side in (-1, 1):
        ear = np.unique(bust.triangles[bust.ear == side])
        front = ear[np.argsort(bust.rest_xyz[ear, 2] + 0.8 * bust.rest_xyz[ear, 1])[:8]]
        roots.append(bust_xyz[front].mean(axis=0) + np.array([0.0, -0.02, 0.1]))
    return np.array(roots, np.float32)


def _paint(textures: SkinTextures, scalp: Float32, hair_rgb: Float32) -> Float32:
    """Stack textures; the scalp is darkened by hair, so that partings look natural."""
    share = (0.8 * scalp)[..., None]
    albedo = textures.albedo * (1 - share) + hair_rgb * share
    gloss = textures.gloss * (1 - 0.9 * scalp)
    layers = np.dstack([albedo, gloss, textures.relief]).astype(np.float32)
    # Images have about half the textures' resolution.
    return np.asarray(cv2.blur(layers, (2, 2)), np.float32)
