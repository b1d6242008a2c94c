"""PRAM with a triplet loss on its components: a learner, and how its images are put in."""

from typing import cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor, nn

from models.backbones.lightcnn import SIDE_PX, LightCNN9
from models.losses.conditional import conditional_triplet
from models.pram.losses import mask_iou
from models.pram.network import PRAM, WholeFace
from pipeline.errors import StageError
from pipeline.params.train import PramParams
from pipeline.store.progress import progress
from pipeline.training.backbones import BACKBONES
from pipeline.training.faces import Components, FaceSet
from pipeline.training.identities import TrainingFaces
from pipeline.training.learner import TOTAL, Batch, Learner, in_float32
from pipeline.training.samplers import CrossBandTriplets, Int64

INPUTS = BACKBONES["lightcnn9"].inputs
NORMALISING_FACES = 128
"""How many faces, at most, say where PRAM's own layers start."""
_IMAGES_AT_ONCE = 32


def pram_network(params: PramParams, backbone: nn.Module) -> PRAM | WholeFace:
    """Build the network on a backbone.

    Raises:
        StageError: the backbone is no LightCNN-9.
    """
    if not isinstance(backbone, LightCNN9):
        raise StageError(
            f"PRAM stands on LightCNN-9, not on {type(backbone).__name__}: name a `start` whose "
            "backbone is lightcnn9"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(params.seed)
        return (PRAM if params.relations else WholeFace)(backbone)


def pram_inputs(faces: FaceSet, components: Components | None, chosen: Tensor) -> Tensor:
    """Return middle crops of faces and their parts, float32 (n, 5, 1, 128, 128) in [0, 1]."""
    face = INPUTS.values(INPUTS.cut(_face_pixels(faces, chosen)))
    return torch.cat([face[:, None], _part_images(components, chosen)], dim=1)


class PramLearner(Learner):
    """Trains PRAM, or the whole face alone, by 24·softmax + L_CAT (equation 3).

    The frozen layers' output is kept for each face in a few random crops, the same for all faces,
    and for the parts; a triplet is seen in one crop, so that its masks share a frame.

    Reference:
        PRAM + CAT paper, sections 2 and 3.1.
    """

    def __init__(self, params: PramParams, network: nn.Module, faces: TrainingFaces) -> None:
        super().__init__()
        self.network = cast(PRAM | WholeFace, network)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(params.seed)
            self.classifier = nn.Linear(self.network.dimensions, len(faces.names), bias=False)
        self._params, self._faces = params, faces
        self._sampler = CrossBandTriplets(faces.index, params.bands, params.batch_triplets)
        self._labels = torch.from_numpy(faces.labels)
        self._room = INPUTS.room(faces.faces.crop_px)
        generator = np.random.default_rng(params.seed)
        count = max(1, params.kept_crops)
        self._corners = torch.from_numpy(generator.integers(0, self._room + 1, (count, 2)))
        self._kept: tuple[Tensor, Tensor] | None = None
        self._where = torch.device("cpu"), torch.float32

    def prepare(self, device: torch.device, dtype: torch.dtype) -> None:
        """Keep what the frozen layers make of all faces and parts."""
        self._where = device, dtype
        if self._params.kept_crops:
            self._keep()
        if isinstance(self.network, PRAM) and self._params.steps:
            self._normalise(self.network)

    def _keep(self) -> None:
        everyone = torch.arange(len(self._faces.faces))
        crops = []
        with progress("frozen features, by crop", len(self._corners) + 1) as advance:
            for corner in self._corners:
                crops.append(self._face_cells(everyone, corner))
                advance(1)
            self._kept = torch.stack(crops), self._part_cells(everyone)
            advance(1)

    @torch.no_grad()
    def _normalise(self, network: PRAM) -> None:
        """Start the own layers of components where their vectors are alike in size."""
        generator = np.random.default_rng(self._params.seed)
        drawn = torch.from_numpy(generator.permutation(len(self._faces.faces))[:NORMALISING_FACES])
        device, dtype = self._where
        made = []
        for some in torch.split(drawn, _IMAGES_AT_ONCE):
            if self._kept is None:
                face, parts = self._face_cells(some, self._corners[0]), self._part_cells(some)
            else:
                face, parts = self._kept[0][0, some], self._kept[1][some]
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                made.append(network.relate(_joined(face, parts).to(device)).components.float())
        network.normalise(torch.cat(made))

    def draw(self, generator: np.random.Generator) -> Batch:
        """Draw triplets.

        Returns:
            What the frozen layers make of anchors, positives, negatives (3 t, c, 128, 16, 16),
            their labels (3 t,), and λ (t, c).
        """
        drawn = self._sampler.draw(generator)
        triplets = self._mine(drawn)
        if self._kept is None:
            corners = self._mine(generator.integers(0, self._room + 1, (2, drawn.shape[1]))).T
            flat = triplets.flatten()
            face = self._face_cells(flat, corners.repeat(3, 1))
            parts = self._part_cells(flat)
        else:
            crop = self._mine(generator.integers(0, len(self._corners), (drawn.shape[1],)))
            corners = self._corners[crop]
            face = self._kept[0][crop.repeat(3), triplets.flatten()]
            parts = self._kept[1][triplets.flatten()]
        return (
            _joined(face, parts),
            self._labels[triplets.flatten()],
            self._overlap(triplets, corners),
        )

    def forward(self, *batch: Tensor) -> dict[str, Tensor]:
        """Return the losses ``softmax``, ``triplet`` and their weighted sum."""
        cells, labels, overlap = batch
        related = self.network.relate(cells)
        embedding, components = related.embedding.float(), related.components.float()
        with in_float32(embedding):
            softmax = F.cross_entropy(self.classifier(embedding), labels)
            total = self._params.softmax_weight * softmax
            if self._params.triplet == "none":
                return {TOTAL: total, "softmax": softmax}
            anchor, positive, negative = components.chunk(3)
            each = conditional_triplet(anchor, positive, negative, self._params.triplet_margin)
            triplet = (overlap * each).sum(dim=1).mean()
        return {TOTAL: total + triplet, "softmax": softmax, "triplet": triplet}

    def _mine(self, drawn: Int64) -> Tensor:
        return torch.from_numpy(self.mine(drawn).copy())

    def _overlap(self, triplets: Tensor, corners: Tensor) -> Tensor:
        """Return λ of each component: the masks' IoU for L_CAT, 1 for L_C."""
        count, components = triplets.shape[1], self.network.components
        if self._params.triplet != "adaptive":
            return torch.ones(count, components)
        shown = cast(Components, self._faces.components).masks
        anchor, positive = (torch.from_numpy(shown[rows.numpy()]) for rows in triplets[:2])
        return mask_iou(INPUTS.cut(anchor, corners), INPUTS.cut(positive, corners))

    def _face_cells(self, chosen: Tensor, corners: Tensor) -> Tensor:
        """Run the frozen layers on faces cut at corners (2,) or (n, 2): (n, 16, 16, 128)."""
        made = []
        for at in torch.split(torch.arange(len(chosen)), _IMAGES_AT_ONCE):
            images = _face_pixels(self._faces.faces, chosen[at])
            where = corners.expand(len(chosen), 2)[at]
            made.append(self._cells(INPUTS.values(INPUTS.cut(images, where))[:, None])[:, 0])
        return torch.cat(made)

    def _part_cells(self, chosen: Tensor) -> Tensor:
        """Run the frozen layers on parts: (n, 4, 16, 16, 128), or none for the whole face."""
        if self.network.components == 1:
            return torch.empty(len(chosen), 0, 16, 16, 128, dtype=self._where[1])
        runs = torch.split(chosen, _IMAGES_AT_ONCE)
        return torch.cat([self._cells(_part_images(self._faces.components, run)) for run in runs])

    def _cells(self, images: Tensor) -> Tensor:
        device, dtype = self._where
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            cells = self.network.frozen(images.to(device))
        return cells.permute(0, 1, 3, 4, 2).to("cpu", dtype).contiguous()


def _joined(face: Tensor, parts: Tensor) -> Tensor:
    """Put the cells of faces (n, 16, 16, 128) and parts (n, 4, 16, 16, 128) as ``relate`` takes."""
    return torch.cat([face[:, None], parts], dim=1).permute(0, 1, 4, 2, 3)


def _face_pixels(faces: FaceSet, chosen: Tensor) -> Tensor:
    return torch.from_numpy(faces.images[chosen.numpy()]).permute(0, 3, 1, 2)


def _part_images(components: Components | None, chosen: Tensor) -> Tensor:
    """Return part crops, float32 (n, 4, 1, 128, 128) in [0, 1].

    Raises:
        StageError: there are none, or they have another side.
    """
    if components is None or components.parts.shape[-1] != SIDE_PX:
        side = "none" if components is None else f"{components.parts.shape[-1]} pixels"
        raise StageError(
            f"PRAM takes part crops of {SIDE_PX} pixels, found {side}: set parts.crop_px to "
            f"{SIDE_PX} and run `parts` again"
        )
    parts = torch.from_numpy(components.parts[chosen.numpy()])
    values = INPUTS.values(parts.flatten(0, 1)[:, None])
    return values.reshape(*parts.shape[:2], 1, SIDE_PX, SIDE_PX)
