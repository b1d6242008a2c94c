"""PRAM with a triplet loss on its components."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.backbones.lightcnn import SIDE_PX, LightCNN9
from models.pram.losses import mask_iou
from models.pram.network import COMPONENTS, PRAM, WholeFace
from pipeline.errors import StageError
from pipeline.params.train_nir_vis import PramParams
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.engine.embedding import IMAGES_AT_ONCE
from pipeline.training.methods.relating import RelatingMethod, joined
from pipeline.types import MOUTH, NOSE, FaceClass, Int64

PARTS = COMPONENTS[1:]
FACE_CLASSES = (*range(FaceClass.SKIN, FaceClass.GLASSES + 1), *NOSE, *MOUTH)
"""Label classes whose union is the mask of the component ``face``."""
_MIRRORED = [COMPONENTS.index(name) for name in ("face", "right_eye", "left_eye", "nose", "mouth")]
NORMALISING_FACES = 128
"""How many faces, at most, say where PRAM's own layers start."""


class Pram(RelatingMethod):
    """Trains PRAM, or the whole face alone, by 24·softmax + L_CAT (equation 3).

    The parts' frozen features are kept beside the faces'.

    Reference:
        PRAM + CAT paper, sections 2 and 3.1.
    """

    images = ("image", "labels", *PARTS, *(f"{part}_mask" for part in PARTS))
    params: PramParams
    network: PRAM | WholeFace

    def make_network(self, backbone: LightCNN9) -> nn.Module:
        """Build PRAM, or the row "fine-tuned"."""
        return (PRAM if self.params.relations else WholeFace)(backbone)

    @property
    def beside(self) -> tuple[str, ...]:
        """The parts, unless the whole face is taken alone."""
        return PARTS if isinstance(self.network, PRAM) else ()

    def setup(self, device: torch.device, dtype: torch.dtype) -> None:
        """Keep what the frozen layers make of all faces and parts; normalise the components."""
        super().setup(device, dtype)
        if isinstance(self.network, PRAM) and self.params.steps:
            self._normalise(self.network)

    @torch.no_grad()
    def _normalise(self, network: PRAM) -> None:
        """Start the own layers of components where their vectors are alike in size."""
        rng = np.random.default_rng(self.params.seed)
        drawn = rng.permutation(len(self.samples))[:NORMALISING_FACES]
        device, dtype = self._where
        made = []
        for at in range(0, len(drawn), IMAGES_AT_ONCE):
            some = drawn[at : at + IMAGES_AT_ONCE]
            if self._kept is None:
                face = self.face_cells(some, self._corners[0, some])
                parts = self.part_cells(some)
            else:
                face, parts = self._kept[0][0, some], self._kept[1][some]
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                made.append(network.relate(joined(face, parts).to(device)).components.float())
        network.normalise(torch.cat(made))

    def part_images(self, samples: SampleSet, indices: Int64) -> Tensor:
        """Return part crops, float32 (n, 4, 1, 128, 128) in [0, 1], black where a face has none.

        Raises:
            StageError: they have another side.
        """
        if not isinstance(self.network, PRAM):
            return super().part_images(samples, indices)
        parts = np.zeros((len(indices), len(PARTS), SIDE_PX, SIDE_PX), np.uint8)
        for place, part in enumerate(PARTS):
            if not samples.present(part).any():
                continue
            if (hw := samples.image_hw(part)) != (SIDE_PX, SIDE_PX):
                raise StageError(
                    f"PRAM takes part crops of {SIDE_PX} pixels, found {hw[0]}×{hw[1]}: set "
                    f"parts.crop_px to {SIDE_PX} and run `parts` again"
                )
            parts[:, place] = samples.read(indices, part, grey=True)
        values = self.preprocess.values(torch.from_numpy(parts).flatten(0, 1)[:, None])
        return values.reshape(*parts.shape[:2], 1, SIDE_PX, SIDE_PX)

    def mirrored(self, images: Tensor) -> Tensor:
        """Return the mirror images: a left eye is a right one then."""
        flipped = super().mirrored(images)
        return flipped[:, _MIRRORED] if isinstance(self.network, PRAM) else flipped

    def overlap(self, triplets: Int64) -> Tensor:
        """Return λ of each component: the masks' IoU for L_CAT, 1 for L_C.

        In the middle of the aligned crops, which is one frame; the IoU of masks cut as the faces
        are would measure how far apart these cuts lie.
        """
        if self.params.triplet != "adaptive":
            return super().overlap(triplets)
        shown = (torch.from_numpy(component_masks(self.samples, rows)) for rows in triplets[:2])
        anchor, positive = (self.preprocess.cut(masks) for masks in shown)
        return mask_iou(anchor, positive)


def component_masks(samples: SampleSet, indices: Int64) -> NDArray[np.bool_]:
    """Return the masks of all five components, bool (n, 5, h, w), in the frame of the crop."""
    masks = np.zeros((len(indices), len(COMPONENTS), *samples.hw), np.bool_)
    masks[:, 0] = np.isin(samples.read(indices, "labels", grey=True), FACE_CLASSES)
    for place, part in enumerate(PARTS, start=1):
        if samples.present(f"{part}_mask").any():
            masks[:, place] = samples.read(indices, f"{part}_mask", grey=True) > 0
    return masks


METHODS = {"pram": Pram}
