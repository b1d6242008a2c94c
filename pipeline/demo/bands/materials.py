"""Material maps of a photograph, from a person mask, a face parser, a mesh and colour models."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.demo.bands.appearance import TYPICAL, Appearance, ColourModel, learn_appearance
from pipeline.demo.bands.outlines import clear_fringe, fill_holes, normalised, refine
from pipeline.demo.bands.planes import blur, soft_step
from pipeline.demo.bands.scene import Scene
from pipeline.detection.yunet import YuNet
from pipeline.face3d.mesh import FaceMesh
from pipeline.face3d.uv import face_uv
from pipeline.ops.geometry import compose_affine, invert_affine, warp_affine
from pipeline.ops.templates import CONTEXT, CONTEXT_PX, warp_to_template
from pipeline.parsing.bisenet import GRID, FaceParser
from pipeline.types import EYES, FaceClass, Float32, UInt8
from pipeline.weights.tflite import open_tflite

WEIGHTS = ("yunet", "face_mesh_468", "bisenet_r18", "selfie_segmentation")
"""What the maps need, by names of ``weights.yaml``."""

_WORK_PX = 384
"""Longer side at which maps are made; the guided filter takes them to the image's own."""
_PERSON_PX = 256
_ZOOM = 0.75
"""The parser sees a looser crop than usual, to have hair and collar in it."""
_LEAST_PRESENCE = 0.5
_STRANDS_PX = 5.0
"""Within this distance a head seen from behind is skin or hair; pixels of the work size."""
_LEAST_BEARD = 0.2
"""Share of the chin that has to be hair-like."""
_CONFIDENCE = 3.0
"""Power of the parser's probabilities: it is right more often than they say."""
_GROUPS: dict[str, tuple[FaceClass, ...]] = {
    "skin": (
        *(FaceClass.SKIN, FaceClass.NOSE, FaceClass.NECK),
        *(FaceClass.LEFT_EAR, FaceClass.RIGHT_EAR),
    ),
    "hair": (FaceClass.HAIR,),
    "brows": (FaceClass.LEFT_BROW, FaceClass.RIGHT_BROW),
    # Not MOUTH: the order in which probabilities are summed decides their last digit.
    "lips": (FaceClass.UPPER_LIP, FaceClass.LOWER_LIP, FaceClass.MOUTH_INNER),
    "eyes": EYES,
    "glasses": (FaceClass.GLASSES,),
    "cloth": (FaceClass.CLOTH, FaceClass.HAT, FaceClass.EARRING, FaceClass.NECKLACE),
}


@dataclass(frozen=True)
class _Parsed:
    """Class groups of the parser in the working frame, and how far its crop reaches."""

    groups: dict[str, Float32]
    reach: Float32


@dataclass(frozen=True)
class Look:
    """What the networks see in an image.

    Attributes:
        rgb: the image.
        scale: of the working frame against the image.
        small: the image in the working frame.
        lab: its colours, CIE Lab, L 0..100.
        person: probability of a person, working frame.
        five: five landmarks of the largest face, pixels of the image; None where there is none.
        mesh: its mesh, None where it is not believed.
        parsed: the face parser's groups, None without a face.
    """

    rgb: UInt8
    scale: float
    small: UInt8
    lab: Float32
    person: Float32
    five: Float32 | None
    mesh: Float32 | None
    parsed: _Parsed | None


class MaterialEstimator:
    """Estimates the ``Scene`` of photographs of one person each.

    Args:
        weights: the files of ``WEIGHTS``, already verified.

    Raises:
        WeightsError: a file is missing or holds another network.
    """

    def __init__(self, weights: Mapping[str, Path]) -> None:
        self._detector = YuNet(weights["yunet"])
        self._mesh = FaceMesh(weights["face_mesh_468"])
        self._parser = FaceParser(weights["bisenet_r18"])
        self._person = _PersonMask(weights["selfie_segmentation"])

    def estimate(
        self, rgb: UInt8, appearance: Appearance | None = None
    ) -> tuple[Scene, Appearance]:
        """Estimate which material each pixel shows: ``look``, ``learn`` and ``scene`` in one.

        Args:
            rgb: uint8 (h, w, 3), an image of one person.
            appearance: the person's colours, from an image of the same session with a face; used
                where this one shows none (from behind).

        Returns:
            The scene, and the colours that were used: learned here if there is a face.
        """
        look = self.look(rgb)
        colours = self.learn(look, appearance)
        return self.scene(look, colours), colours

    def look(self, rgb: UInt8) -> Look:
        """Run the networks on an image of one person, uint8 (h, w, 3)."""
        height, width = rgb.shape[:2]
        scale = min(1.0, _WORK_PX / max(height, width))
        small_wh = max(8, round(width * scale)), max(8, round(height * scale))
        small = np.asarray(cv2.resize(rgb, small_wh, interpolation=cv2.INTER_AREA), np.uint8)
        lab = np.asarray(cv2.cvtColor(_unit(small), cv2.COLOR_RGB2LAB), np.float32)
        person = np.asarray(cv2.resize(self._person(rgb), small_wh), np.float32)
        five, mesh = self._face(rgb)
        return Look(
            rgb=rgb,
            scale=scale,
            small=small,
            lab=lab,
            person=fill_holes(person, lab),
            five=five,
            mesh=mesh,
            parsed=None if five is None else self._parse(rgb, five, small_wh),
        )

    @staticmethod
    def learn(look: Look, prior: Appearance | None = None) -> Appearance:
        """Learn a person's colours; without a face they are the ``prior``'s or typical ones."""
        colours = prior or TYPICAL
        if look.parsed is None:
            return colours
        skin, hair = (look.parsed.groups[name] * look.person for name in ("skin", "hair"))
        return learn_appearance(look.lab, skin, hair, colours)

    @staticmethod
    def scene(look: Look, colours: Appearance) -> Scene:
        """Tell what each pixel of an image shows, by what the networks saw and by colours."""
        lab, person = look.lab, look.person
        maps = {name: np.zeros(person.shape, np.float32) for name in _GROUPS}
        unknown = np.ones(person.shape, np.float32)
        head = None
        if look.five is not None and look.parsed is not None:
            maps, reach = look.parsed.groups, look.parsed.reach
            person = np.maximum(person, np.clip(2 * reach * maps["hair"] - 1, 0, 1))
            unknown = 1.0 - reach * sum(maps.values(), np.zeros_like(unknown))
            head = _head_box(look.five if look.mesh is None else look.mesh[:, :2])
        skin_prior, hair_prior = _priors(person, head, look.scale)
        smooth_px = 0.0 if head is not None else _STRANDS_PX
        skin, hair = colours.posteriors(lab, skin_prior, hair_prior, smooth_px)
        # What the parser calls background but the mask calls a person (hands, shoulders, far hair)
        # and what its crop does not reach is told by colour.
        maps = {name: values * (1.0 - unknown) for name, values in normalised(maps).items()}
        maps["skin"] = maps["skin"] + unknown * skin
        maps["hair"] = maps["hair"] + unknown * hair
        maps["cloth"] = maps["cloth"] + unknown * (1.0 - skin - hair)
        if head is not None:
            _move_beard(maps, colours.skin, lab, head, look.scale)
        person, maps = clear_fringe(person, maps, lab)
        planes = refine(maps, person, _unit(look.small), _unit(look.rgb))
        uv = None if look.mesh is None else face_uv(look.mesh, look.rgb.shape[:2])
        return Scene(rgb=look.rgb, **planes, face_uv=uv, head_xyxy=head)

    def _face(self, rgb: UInt8) -> tuple[Float32 | None, Float32 | None]:
        """Return the five landmarks and the mesh of the largest face, None where there is none."""
        faces = self._detector.detect(rgb)
        if not len(faces):
            return None, None
        sides = faces.boxes_xyxy[:, 2:] - faces.boxes_xyxy[:, :2]
        five = faces.landmarks_xy[int(np.argmax(sides.prod(axis=1)))]
        try:
            warp_to_template(five, CONTEXT)
        except ValueError:  # points in one place fix no crop
            return None, None
        meshes, presence = self._mesh.points(rgb, five[None])
        return five, meshes[0] if presence[0] >= _LEAST_PRESENCE else None

    def _parse(self, rgb: UInt8, five: Float32, small_wh: tuple[int, int]) -> _Parsed:
        height, width = rgb.shape[:2]
        margin = (1 - _ZOOM) * (CONTEXT_PX - 1) / 2
        zoom = np.array([[_ZOOM, 0, margin], [0, _ZOOM, margin]], np.float32)
        source_to_context = compose_affine(warp_to_template(five, CONTEXT), zoom)
        crop = warp_affine(rgb, source_to_context, (CONTEXT_PX, CONTEXT_PX), border="replicate")
        logits = self._parser.logits(np.asarray(crop, np.uint8)[None])[0]
        exponent = np.exp(logits - logits.max(axis=0))
        probability = exponent / exponent.sum(axis=0)
        cell = (CONTEXT_PX - 1) / (GRID - 1)  # the network's upsampling aligns corners
        cell_to_context = np.array([[cell, 0, 0], [0, cell, 0]], np.float32)
        sx, sy = small_wh[0] / width, small_wh[1] / height
        source_to_small = np.array([[sx, 0, (sx - 1) / 2], [0, sy, (sy - 1) / 2]], np.float32)
        cell_to_small = compose_affine(
            compose_affine(cell_to_context, invert_affine(source_to_context)), source_to_small
        )

        def placed(plane: Float32) -> Float32:
            flags = cv2.INTER_LINEAR
            return np.asarray(cv2.warpAffine(plane, cell_to_small, small_wh, flags=flags))

        ramp = np.clip(np.minimum(np.arange(GRID), np.arange(GRID)[::-1]) / 4, 0, 1)
        groups = {
            name: placed(probability[list(classes)].sum(axis=0)) ** _CONFIDENCE
            for name, classes in _GROUPS.items()
        }
        total = placed(probability[FaceClass.BACKGROUND]) ** _CONFIDENCE
        total = np.maximum(sum(groups.values(), total), 1e-6)
        groups = {name: values / total for name, values in groups.items()}
        return _Parsed(groups, placed(np.outer(ramp, ramp).astype(np.float32)))


class _PersonMask:
    """MediaPipe's selfie segmentation, general model: RGB in [0, 1], squashed to 256 × 256."""

    def __init__(self, weights: Path) -> None:
        self._network = open_tflite(weights, "the person mask")
        self._input = self._network.get_input_details()[0]["index"]
        self._output = self._network.get_output_details()[0]["index"]

    def __call__(self, rgb: UInt8) -> Float32:
        """Return the probability of a person, float32 (256, 256)."""
        side = _PERSON_PX, _PERSON_PX
        squashed = cv2.resize(rgb, side, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        self._network.set_tensor(self._input, squashed[None])
        self._network.invoke()
        return np.asarray(self._network.get_tensor(self._output).reshape(side), np.float32).copy()


def _unit(rgb: UInt8) -> Float32:
    """Return an image in [0, 1]."""
    return np.multiply(rgb, np.float32(1 / 255), dtype=np.float32)


def _head_box(xy: Float32) -> tuple[float, float, float, float]:
    """Return the face's box; about five landmarks it reaches as far as a face does."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    if len(xy) == 5:
        reach = 0.8 * float((high - low).max())
        low, high = low - reach, high + reach
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _priors(
    person: Float32, head_xyxy: tuple[float, float, float, float] | None, scale: float
) -> tuple[Float32, Float32]:
    """Say where skin and hair can be.

    Hair is around the face. A head without a face is seen from behind: hair above, neck below.
    """
    height, width = person.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    if head_xyxy is not None:
        x1, y1, x2, y2 = (side * scale for side in head_xyxy)
        span = max(y2 - y1, x2 - x1)
        dx, dy = (x - (x1 + x2) / 2) / span, (y - (y1 + y2) / 2) / span
        far = np.hypot(dx, dy * np.where(dy > 0, 0.7, 1.0))
        return np.ones_like(person), np.clip(2.2 - 1.2 * far, 0.0, 1.0)
    rows = np.flatnonzero((person > 0.5).any(axis=1))
    columns = np.flatnonzero((person > 0.5).any(axis=0))
    if not len(rows):
        return np.zeros_like(person), np.zeros_like(person)
    down = (y - rows[0]) / (rows[-1] - rows[0] + 1)
    if len(rows) < 1.8 * len(columns):  # head and shoulders
        return np.clip(8 * down - 2.6, 0.02, 1.0), np.ones_like(person)
    return np.clip(60 * down - 4.8, 0.01, 1.0), np.clip(5.0 - 12.0 * down, 0.0, 1.0)


def _move_beard(
    maps: dict[str, Float32],
    skin: ColourModel,
    lab: Float32,
    head_xyxy: tuple[float, float, float, float],
    scale: float,
) -> None:
    """Turn beards, which the parser calls skin, to hair: dark and pale in the lower face."""
    x1, y1, x2, y2 = (side * scale for side in head_xyxy)
    y, x = np.mgrid[: lab.shape[0], : lab.shape[1]].astype(np.float32)
    down, across = (y - y1) / (y2 - y1), np.abs(x - (x1 + x2) / 2) / (x2 - x1)
    lower = np.clip((down - 0.5) * 8, 0, 1) * np.clip((1.2 - down) * 8, 0, 1) * (across < 0.7)
    # Shaded skin keeps its colour and is rarely this dark; hair is both dark and pale.
    lightness, chroma = lab[..., 0], np.hypot(lab[..., 1], lab[..., 2])
    skin_chroma = float(np.hypot(*skin.mean[1:]))
    dark = soft_step(-lightness, -0.48 * skin.mean[0], -0.34 * skin.mean[0])
    pale = soft_step(-chroma, -0.75 * skin_chroma, -0.5 * skin_chroma)
    share = lower * dark * pale
    chin = (down > 0.72) & (down < 0.98) & (across < 0.22)
    if not chin.any() or float(share[chin].mean()) < _LEAST_BEARD:
        return  # what is dark is the shadow under a bare chin
    share = blur(share.astype(np.float32), 1.0)
    for name in ("skin", "lips"):
        moved = maps[name] * share
        maps[name] = maps[name] - moved
        maps["hair"] = maps["hair"] + moved
