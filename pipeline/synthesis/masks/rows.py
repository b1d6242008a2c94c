"""What the stage ``masks`` makes of a row: the face with each mask that it is dealt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ops.codec import as_grey, decode, encode_png
from pipeline.ops.geometry import (
    affine_between,
    invert_affine,
    scale_of,
    transform_mesh,
    warp_affine,
)
from pipeline.params.masks import MasksParams
from pipeline.rng import rng_for, seed_for
from pipeline.store.columns import image_columns
from pipeline.store.ids import counted
from pipeline.store.mapping import BatchFunction, Outcome
from pipeline.synthesis.masks.apply import (
    MaskedCrop,
    coverage,
    encode_layer,
    intersection_over_union,
    mask_crop,
)
from pipeline.synthesis.masks.design import MaskDesign
from pipeline.synthesis.masks.files import load_design
from pipeline.synthesis.masks.fit import Placement, choose_fit, place
from pipeline.synthesis.masks.front import hair_of, in_front
from pipeline.synthesis.masks.photograph import Photograph, face_window, photograph_of
from pipeline.synthesis.masks.render import MaskLayer, composite, draw_mask
from pipeline.synthesis.masks.scene import Scene
from pipeline.types import HEAT_BANDS, Band, Float32, Rejected, Row, UInt8

Hide = Callable[[Row, NDArray[np.bool_], UInt8], Row]
"""From a face's row, what of its crop is covered, and its context crop as it looks now, to the
columns of what is left to see of its parts: ``pipeline.parsing.hidden.hidden_columns``."""


def mask_rows(params: MasksParams, hide: Hide) -> BatchFunction:
    """Load the designs and build the batch function.

    Args:
        params: of the stage.
        hide: takes from the face's parts what a mask covers.
    """
    designs = {name: load_design(name, params.own) for name in params.designs}

    def mask(row: Row) -> Outcome:
        if row["band"] not in params.bands:
            return [Rejected("band_left_out", f"masks.bands does not name {row['band']}")]
        face = FaceToMask.of_row(row)
        bare = {name: value for name, value in row.items() if name != "context"}
        made: list[Row] = []
        for number in range(params.per_face):
            drawn, provenance = dealt(row["sample_id"], face, number, params, designs)
            hidden = hide(row, drawn.covered, drawn.context)
            made.append(bare | hidden | drawn.columns(row["image"]["path"]) | provenance)
        return made

    return lambda rows: [mask(row) for row in rows]


def dealt(
    face_id: str,
    face: "FaceToMask",
    number: int,
    params: MasksParams,
    designs: Mapping[str, MaskDesign],
) -> tuple["MaskedFace", Row]:
    """Put one mask on a face: which, worn how, follows from the face's id.

    A face wears each design once before it wears one again.

    Args:
        face_id: sample id of the face.
        face: the same, decoded.
        number: of the mask, counted from 0.
        params: of the stage.
        designs: those that ``params`` name.

    Returns:
        The masked face, and the columns that say what it was made from.
    """
    sample_id = f"{face_id}#{counted('mask', number)}"
    seed = seed_for(params.seed, sample_id)
    rng = np.random.default_rng(seed)
    order = rng_for(params.seed, face_id).permutation(len(params.designs))
    design = designs[params.designs[order[number % len(order)]]]
    fit = choose_fit(params.fit.model_dump(), rng)
    placement = place(design, fit, params.jitter, rng)
    loops = bool(rng.uniform() < params.loops_share)
    drawn = face.mask(design, placement, loops=loops, seed=seed)
    made_from = {"sample_id": sample_id, "parent_id": face_id, "simulated": True}
    return drawn, made_from | {"generator": f"mask:{design.name}", "seed": seed}


@dataclass(frozen=True)
class MaskedFace:
    """A masked face.

    Attributes:
        design: what it fits.
        placement: how.
        crop: the aligned crop, masked.
        layer: the mask in the context frame.
        context: uint8, the context crop, masked.
        covered: bool (h, w), pixels of the crop that are more mask than not.
        coverage: float32 (4,), of ``COVERAGE_PARTS``.
        region_iou: overlap with the mask drawn from the true geometry, None where none is known.
    """

    design: MaskDesign
    placement: Placement
    crop: MaskedCrop
    layer: MaskLayer
    context: UInt8
    covered: NDArray[np.bool_]
    coverage: Float32
    region_iou: float | None

    def columns(self, path: str) -> Row:
        """Return the columns that ``MASKS`` adds or changes; ``path`` is the crop's file name."""
        image, layer = self.crop.image, self.crop.layer
        name = path.removesuffix(".png")
        return image_columns(encode_png(image), (image.shape[0], image.shape[1]), path) | {
            "mask_design": self.design.name,
            "mask_kind": self.design.kind,
            "mask_colour": self.design.colour,
            "mask_fit": self.placement.fit,
            "mask_alpha": {"bytes": encode_png(layer.alpha), "path": f"{name}.alpha.png"},
            "mask_region": {"bytes": encode_png(layer.region), "path": f"{name}.region.png"},
            "mask_layer": {"bytes": encode_layer(self.layer), "path": f"{name}.layer.png"},
            "mask_coverage": self.coverage,
            "pixels_changed_outside": self.crop.changed_outside,
            "region_iou": self.region_iou,
        }


@dataclass(frozen=True)
class FaceToMask:
    """A face of the ``reconstruct`` stage, decoded once for all its masks.

    Attributes:
        crop: uint8, the aligned crop.
        context: uint8, the context crop.
        labels: uint8, ``FaceClass`` in the crop's frame.
        mesh_xyz: float32 (468, 3), pixels of the context crop.
        true_xyz: likewise, the true one where it is known.
        context_to_crop: (2, 3).
        band: the image's.
        known: uint8 (h, w), 255 where the context crop shows the image, 0 beyond its border.
        photo: how the image was taken, in pixels of the context crop.
    """

    crop: UInt8
    context: UInt8
    labels: UInt8
    mesh_xyz: Float32
    true_xyz: Float32 | None
    context_to_crop: Float32
    band: Band
    known: UInt8
    photo: Photograph

    @classmethod
    def of_row(cls, row: Row) -> Self:
        """Decode a row."""
        to_context = row["context_warp_2x3"]
        true = row.get("truth_mesh_xyz")
        context = decode(row["context"]["bytes"])
        mesh_xyz = transform_mesh(row["mesh_xyz"], to_context)
        shown = np.full(row["source_hw"], 255, np.uint8)
        known = np.asarray(warp_affine(shown, to_context, context.shape[:2]), np.uint8)
        around = face_window(mesh_xyz, context.shape[:2])
        return cls(
            crop=decode(row["image"]["bytes"]),
            context=context,
            labels=decode(row["labels"]["bytes"]),
            mesh_xyz=mesh_xyz,
            true_xyz=None if true is None else transform_mesh(true, to_context),
            context_to_crop=affine_between(to_context, row["warp_2x3"]),
            band=Band(row["band"]),
            known=known,
            photo=photograph_of(context[around], known[around], scale_of(to_context)),
        )

    def mask(
        self, design: MaskDesign, placement: Placement, *, loops: bool, seed: int = 0
    ) -> MaskedFace:
        """Put a mask on; ``seed`` draws its grain.

        It is drawn on the context crop, whose pixels are three times as fine, and carried to the
        aligned crop as colour and alpha: there too, what it does not touch is not resampled.
        """
        hw, grey = self.context.shape[:2], as_grey(self.context)
        crop_to_context = invert_affine(self.context_to_crop)
        # Beyond the crop, hair goes on as at its border.
        hair = warp_affine(hair_of(self.labels), crop_to_context, hw, border="replicate")
        bare_lips = placement.fit == "chin"
        front = in_front(
            self.labels, self.mesh_xyz, self.context_to_crop, grey, bare_lips=bare_lips
        )
        scene = Scene(hair, front, self.known, self.photo, seed)
        layer = draw_mask(
            self.context, self.mesh_xyz, design, placement, band=self.band, loops=loops, scene=scene
        )
        crop = mask_crop(self.crop, layer, self.context_to_crop)
        covered = crop.layer.region > 127
        iou = None
        if self.true_xyz is not None:
            iou = self._overlap(layer.region, design, placement, loops, scene)
        return MaskedFace(
            design,
            placement,
            crop,
            layer,
            composite(self.context, layer),
            covered,
            coverage(self.labels, covered),
            iou,
        )

    def _overlap(
        self, region: UInt8, design: MaskDesign, placement: Placement, loops: bool, scene: Scene
    ) -> float:
        """Compare a mask's region with that drawn from the true geometry, at half the side."""
        if self.true_xyz is None:
            raise ValueError("expected a face with ground-truth geometry")
        wh = (region.shape[1] // 2, region.shape[0] // 2)

        def halved(image: NDArray[Any] | None) -> Any:
            return None if image is None else cv2.resize(image, wh, interpolation=cv2.INTER_AREA)

        halving = np.array([[0.5, 0.0, -0.25], [0.0, 0.5, -0.25]], np.float32)
        true = draw_mask(
            halved(as_grey(self.context)),  # the region counts, not its colour
            transform_mesh(self.true_xyz, halving),
            design,
            placement,
            band=self.band if self.band in HEAT_BANDS else Band.VIS,
            loops=loops,
            scene=Scene(halved(scene.hair), halved(scene.front), halved(scene.known)),
        )
        return intersection_over_union(halved(region), true.region)
