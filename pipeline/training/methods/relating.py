"""What methods share that relate what LightCNN-9's frozen layers see, and train by triplets."""

import hashlib
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor, nn

from models.backbones.lightcnn import SIDE_PX, LightCNN9
from models.backbones.lightcnn_top import LAST_GROUP, Related
from models.losses.conditional import component_adaptive_triplet
from models.processes import from_all, process_count
from models.seeding import seeded
from pipeline.errors import StageError
from pipeline.params.train_nir_vis import RelatingParams
from pipeline.rng import rng_for
from pipeline.store.fingerprint import code_sha256
from pipeline.store.locks import locked
from pipeline.store.networks import load_network, save_network
from pipeline.store.progress import progress
from pipeline.training.data.labels import label
from pipeline.training.data.prefetch import batches, loader_threads
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.data.samplers import CrossBandTriplets
from pipeline.training.engine.devices import near
from pipeline.training.engine.embedding import IMAGES_AT_ONCE
from pipeline.training.engine.method import TOTAL, Batch, Losses, in_float32
from pipeline.training.methods.nir_vis import NirVisMethod
from pipeline.training.methods.recogniser import pixels
from pipeline.types import Int64

_CELLS = 128 * 16 * 16
"""Values that the frozen layers return for an image."""


class RelatingNetwork(Protocol):
    """LightCNN-9 of which the last group trains, and what relates its cells."""

    dimensions: int
    components: int

    def frozen(self, x: Tensor) -> Tensor:
        """Run the layers that never train: (n, c, 1, 128, 128) to (n, c, 128, 16, 16)."""

    def relate(self, cells: Tensor) -> Related:
        """Go on from there."""


class RelatingMethod(NirVisMethod):
    """Trains by softmax and a conditional triplet loss on random crops of faces.

    The frozen layers' output is kept for each face in its middle and a few random crops of its own.
    PRAM adds the parts of faces to it.

    Attributes:
        features: folder where that output is left for other trainings; None leaves none.

    Reference:
        PRAM + CAT paper, sections 2 and 3.1.
    """

    params: RelatingParams
    features: Path | None = None

    def __init__(self, params: RelatingParams, backbone: nn.Module, preprocess: Preprocess) -> None:
        """Build the network on a backbone.

        Raises:
            StageError: the backbone is no LightCNN-9.
        """
        super().__init__(params, backbone, preprocess)
        if not isinstance(backbone, LightCNN9):
            raise StageError(
                f"{type(self).__name__} builds on LightCNN-9, not on {type(backbone).__name__}: "
                "name a `pretrained` whose backbone is lightcnn9"
            )
        with seeded(params.seed):
            self.network = self.make_network(backbone)
        self._kept: tuple[Tensor, Tensor] | None = None
        self._where = torch.device("cpu"), torch.float32

    @abstractmethod
    def make_network(self, backbone: LightCNN9) -> nn.Module:
        """Build a ``RelatingNetwork`` on the backbone."""

    @property
    def _related(self) -> RelatingNetwork:
        return cast(RelatingNetwork, self.network)

    def part_images(self, samples: SampleSet, indices: Int64) -> Tensor:
        """Return the components beside the face, float32 (n, c − 1, 1, 128, 128) in [0, 1]."""
        return torch.empty(len(indices), 0, 1, SIDE_PX, SIDE_PX)

    def overlap(self, triplets: Int64) -> Tensor:
        """Return λ of each component, (t, c), of triplets int64 (3, t)."""
        return torch.ones(triplets.shape[1], self._related.components)

    def train_on(self, samples: SampleSet) -> None:
        """Label the samples, build their classifier and draw the crops that are kept."""
        params = self.params
        self.samples, self.labels = samples, label(samples, params.bands)
        self.sampler = CrossBandTriplets(self.labels.index, params.bands, params.batch_triplets)
        with seeded(params.seed):
            classes = len(self.labels.names)
            self.classifier = nn.Linear(self._related.dimensions, classes, bias=False)
        self._corners = torch.from_numpy(self._draw_corners(max(1, params.kept_crops), samples))

    def _draw_corners(self, crops: int, samples: SampleSet) -> Int64:
        """Return where faces are cut, int64 (crops, n, 2): the middle, then each face's own.

        No seed of params is in it, so that what is kept of a face serves every training.
        """
        room, count = np.array(self.preprocess.room(samples.hw)), len(samples)
        middle = np.broadcast_to(room // 2, (1, count, 2))
        rng = rng_for(0, "kept crops")
        drawn = self.preprocess.random_corners(rng, (crops - 1) * count, samples.hw)
        return np.concatenate([middle, drawn.reshape(crops - 1, count, 2)])

    def setup(self, device: torch.device, dtype: torch.dtype) -> None:
        """Keep what the frozen layers make of all samples.

        Raises:
            StageError: the byte budget doesn't allow it.
        """
        self._where = device, dtype
        if self.params.kept_crops:
            self._keep()

    def _keep(self) -> None:
        count, crops = len(self.samples), len(self._corners)
        images = count * (crops + self._related.components - 1)
        needed = images * _CELLS * self._where[1].itemsize
        self.samples.reserve(needed, f"kept_crops: {crops}")

        def faces() -> Tensor:
            face = torch.empty(crops, count, 16, 16, 128, dtype=self._where[1])
            for place, corners in enumerate(self._corners):
                images = partial(self._cut_faces, corners)
                what = f"frozen features of faces, crop {place + 1} of {crops}"
                self._fill(face[place][:, None], images, what)
            return face

        def parts() -> Tensor:
            cells = torch.empty(count, self._related.components - 1, 16, 16, 128, dtype=face.dtype)
            if self._related.components > 1:
                images = partial(self.part_images, self.samples)
                self._fill(cells, images, "frozen features of parts")
            return cells

        face = self._kept_before(f"faces {self._corners.tolist()}", faces)
        self._kept = face, self._kept_before("parts", parts)

    def _kept_before(self, what: str, make: Callable[[], Tensor]) -> Tensor:
        """Return features that another training of this backbone and these samples left, or make.

        What another version of the code left is not taken.

        Args:
            what: is kept.
            make: makes it.
        """
        if self.features is None or (what == "parts" and self._related.components == 1):
            return make()
        # a face is the same to all methods here, parts are the method's own
        code = code_sha256(__name__, *([type(self).__module__] if what == "parts" else []))
        seen = f"{what} {self._where} {self.preprocess} {self.samples.digest} {code}"
        digest = hashlib.sha256(seen.encode())
        for name, weights in self.state_dict().items():
            if name.startswith(self.frozen()):
                digest.update(weights.detach().cpu().contiguous().numpy().tobytes())
        path = self.features / f"{digest.hexdigest()}.pt"
        with locked(self.features, wait=True):  # other rows, and other processes, share them
            if not path.is_file():
                save_network({"cells": make()}, path)
            cells: Tensor = load_network(path, mapped=True)["cells"]
        return cells

    def _fill(self, cells: Tensor, images: Callable[[Int64], Tensor], what: str) -> None:
        """Run the frozen layers on all samples, while threads read the next images.

        Args:
            cells: (n, c, 16, 16, 128), filled.
            images: makes those of some samples in any thread, (k, c, 1, 128, 128).
            what: name of the work.
        """
        starts = range(0, len(cells), IMAGES_AT_ONCE)

        def draw(number: int) -> tuple[Tensor, ...]:
            run = np.arange(starts[number], min(starts[number] + IMAGES_AT_ONCE, len(cells)))
            return near(self._where[0], [images(run)])

        with (
            batches(draw, range(len(starts)), loader_threads()) as drawn,
            progress(what, len(cells)) as advance,
        ):
            for start, (given,) in zip(starts, drawn, strict=True):
                cells[start : start + len(given)] = self._cells(given)
                advance(len(given))

    def sample_batch(self, rng: np.random.Generator) -> Batch:
        """Draw triplets.

        Returns:
            What the frozen layers make of anchors, positives, negatives (3 t, c, 128, 16, 16), or
            their images (3 t, c, 1, 128, 128), their labels (3 t,), and λ (t, c).
        """
        drawn = self.sampler.draw(rng)
        triplets, count = self.shard(drawn), drawn.shape[1]
        flat = triplets.flatten()
        if self._kept is None:
            low, high = (
                each[:, None, None] for each in self.preprocess.corner_bounds(self.samples.hw)
            )
            found = self.shard(rng.integers(low, high, (2, 3, count)))
            face = self._face_images(flat, torch.from_numpy(found.reshape(2, -1).T))
            seen = torch.cat([face[:, None], self.part_images(self.samples, flat)], dim=1)
        else:
            drawn = self.shard(rng.integers(0, len(self._corners), (3, count)))
            crop, places = torch.from_numpy(drawn.flatten()), torch.from_numpy(flat)
            seen = joined(self._kept[0][crop, places], self._kept[1][places])
        labels = torch.from_numpy(self.labels.labels[flat])
        return seen, labels, self.overlap(triplets)

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the losses ``softmax``, ``triplet`` and their weighted sum.

        With a triplet loss, also the norms of both parts' gradients at the components, where the
        embedding is made of these and all layers below are shared.
        """
        seen, labels, overlap = batch
        cells = self._related.frozen(seen) if seen.shape[2] == 1 else seen
        related = self._related.relate(cells)
        embedding, components = related.embedding.float(), related.components.float()
        with in_float32(embedding):
            softmax = F.cross_entropy(self.classifier(embedding), labels)
            total = self.params.softmax_weight * softmax
            if self.params.triplet == "none":
                return {TOTAL: total, "softmax": softmax}
            anchor, positive, negative = components.chunk(3)
            margin = self.params.triplet_margin
            each = component_adaptive_triplet(anchor, positive, negative, overlap, margin)
            triplet = each.mean()
        losses = {TOTAL: total + triplet, "softmax": softmax, "triplet": triplet}
        return losses | _pulls(related.components, {"softmax": total, "triplet": triplet})

    def frozen(self) -> tuple[str, ...]:
        """Return the names of the trunk's layers that never train."""
        return tuple(f"network.trunk.{group}." for group in range(LAST_GROUP))

    def network_inputs(self, samples: SampleSet, indices: Int64) -> Tensor:
        """Return middle crops of faces and their parts, float32 (n, c, 1, 128, 128) in [0, 1]."""
        faces = super().network_inputs(samples, indices)
        return self.assembled(faces, self.part_images(samples, indices))

    def assembled(self, faces: Tensor, parts: Tensor | None) -> Tensor:
        """Put faces and their parts together, (n, c, 1, 128, 128)."""
        return faces[:, None] if parts is None else torch.cat([faces[:, None], parts], dim=1)

    def embed(self, images: Tensor) -> Tensor:
        """Embed what ``network_inputs`` made, (n, d)."""
        related: Related = self.network(images)
        return related.embedding

    def face_cells(self, chosen: Int64, corners: Tensor) -> Tensor:
        """Run the frozen layers on faces cut at corners (n, 2): (n, 16, 16, 128)."""
        return self._cells(self._face_images(chosen, corners)[:, None])[:, 0]

    def _cut_faces(self, corners: Tensor, chosen: Int64) -> Tensor:
        return self._face_images(chosen, corners[chosen])[:, None]

    def part_cells(self, chosen: Int64) -> Tensor:
        """Run the frozen layers on parts: (n, c − 1, 16, 16, 128)."""
        return self._cells(self.part_images(self.samples, chosen))

    def _face_images(self, chosen: Int64, corners: Tensor) -> Tensor:
        return self.preprocess.values(self.preprocess.cut(pixels(self.samples, chosen), corners))

    def _cells(self, images: Tensor) -> Tensor:
        device, dtype = self._where
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            cells = self._related.frozen(images.to(device))
        return cells.permute(0, 1, 3, 4, 2).to("cpu", dtype).contiguous()


def _pulls(components: Tensor, parts: dict[str, Tensor]) -> Losses:
    """Return the norms of losses' gradients at the components; nothing where one ignores them.

    Of the whole batch, whose mean losses are those of all processes' parts divided by their number.
    """
    found: Losses = {}
    for name, loss in parts.items():
        pulls = torch.autograd.grad(loss, components, retain_graph=True, allow_unused=True)
        (pull,) = cast(tuple[Tensor | None], pulls)
        if pull is None:
            return {}
        found[f"{name}_gradient"] = from_all(pull.float()).norm() / process_count()
    return found


def joined(face: Tensor, parts: Tensor) -> Tensor:
    """Put the cells of faces (n, 16, 16, 128) and parts (n, 4, 16, 16, 128) as ``relate`` takes."""
    return torch.cat([face[:, None], parts], dim=1).permute(0, 1, 4, 2, 3)
