"""What DMFR and its baselines share: real and synthetic faces of one band, by domain."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from models.backbones.bn_neck import BNNeck, with_bn_neck
from models.dmfr.loss import COSFACE
from models.losses.margins import CosineClassifier
from models.seeding import seeded
from pipeline.params.train_dmfr import DmfrParams
from pipeline.params.training import TrainingParams
from pipeline.store.shards import ShardFolder
from pipeline.training.data.domain_samplers import DomainSampler
from pipeline.training.data.domains import CONDITIONS, POSES, REAL, domains_of
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.data.sample_set import Part, SampleSet, of_split
from pipeline.training.data.shard_rows import Choice
from pipeline.training.engine.method import Batch
from pipeline.training.methods.first_prototypes import mean_directions, some_of_each
from pipeline.training.methods.recogniser import Recogniser, pixels, refuse_one_person
from pipeline.types import Int64, Split


class DmfrMethod(Recogniser):
    """A method on real faces of ``attributes`` and on synthetic ones of ``poses`` and ``degrade``.

    All draw alike, and start from the same network, so that those of the same ``generators`` differ
    by how they train alone; the filter's are the turned faces. Images are cut at random and not
    changed otherwise: a change of quality or a mirrored pose would be a domain of its own.

    Args:
        params: of the training.
        backbone: what embeds; a LightCNN's features are normalised while it trains.
        preprocess: what the backbone takes.
    """

    inputs = ("attributes", "degrade", "poses")
    optional = CONDITIONS
    params: DmfrParams

    def __init__(self, params: DmfrParams, backbone: nn.Module, preprocess: Preprocess) -> None:
        super().__init__(params, backbone, preprocess)
        self.embedder = with_bn_neck(backbone)

    @classmethod
    def images_of(cls, params: TrainingParams) -> tuple[str, ...]:
        """Return the crop that params choose."""
        return (cast(DmfrParams, params).crop,)

    @classmethod
    def parts(cls, params: DmfrParams, folders: Mapping[str, ShardFolder]) -> list[Part]:
        """Return the rows to train on: the train split's real ones, and the generators'.

        Args:
            params: of the training.
            folders: ``attributes``, and the stages of the generators that are named.
        """
        real = of_split(Split.TRAIN, params.band)
        parts = [Part(folders["attributes"], real)]
        if params.ratio[1]:
            made = made_by(params.generators, real)
            parts += [Part(folders[stage], made) for stage in stages_of(params)]
        return parts

    def train_on(self, samples: SampleSet) -> None:
        """Find the samples' domains, and build the sampler and what only training needs.

        Raises:
            StageError: a synthetic sample's source is not trained on, or some are lacking, or there
                are fewer than two people.
        """
        self._samples = samples
        self.domains = domains_of(samples, self.params.yaw_edges_deg)
        refuse_one_person(len(self.domains.subjects), self.params.band)
        self.sampler = self.make_sampler()
        with seeded(self.params.seed):
            self.build_heads(len(self.domains.subjects))

    def setup(self, device: torch.device, dtype: torch.dtype) -> None:
        """Turn the prototypes to where each subject's real faces lie, if params say so."""
        super().setup(device, dtype)
        if self.params.first_prototypes == "means" and self.params.steps:
            real = np.flatnonzero(self.domains.of == REAL)
            faces = some_of_each(self.domains.labels, real, self.params.seed)
            means = mean_directions(
                self,
                self.classified,
                lambda at: self.network_inputs(self._samples, faces[at]),
                self.domains.labels[faces],
                device,
                dtype,
            )
            for part in self.modules():
                if isinstance(part, CosineClassifier):
                    part.start_at(means)

    def classified(self, images: Tensor) -> Tensor:
        """Return what a classifier of real faces takes of images, float32 (n, d)."""
        features: Tensor = self.embedder(images).float()
        return features

    def make_sampler(self) -> DomainSampler:
        """Return what draws batches: by default real and synthetic samples in their ratio."""
        return DomainSampler(self.domains, *self.params.counts)

    @abstractmethod
    def build_heads(self, subjects: int) -> None:
        """Build classifiers of so many subjects, and what else trains beside the network."""

    def classifier(self, subjects: int, loss: str = COSFACE) -> CosineClassifier:
        """Build a classifier of the network's features."""
        return CosineClassifier(
            subjects,
            int(self.network.dimensions),  # type: ignore[arg-type]
            loss=loss,
            scale=self.params.scale,
            margin=self.params.margin,
        )

    def on_train_end(self, losses: Mapping[str, float]) -> None:
        """Put the features' normalisation into the backbone."""
        if isinstance(self.embedder, BNNeck):
            self.embedder.fold()

    def sample_batch(self, rng: np.random.Generator) -> Batch:
        """Draw images (n, c, h, w), labels int64 (n,) and the number of each one's role."""
        roles = self.sampler.draw(rng)
        corners = self.corners(rng, roles)
        mine = [self.shard(np.arange(len(role))) for role in roles]
        chosen = np.concatenate([role[own] for role, own in zip(roles, mine, strict=True)])
        cut = np.concatenate([each[own] for each, own in zip(corners, mine, strict=True)])
        numbers = np.repeat(np.arange(len(roles)), [len(own) for own in mine])
        found = self.preprocess.cut(pixels(self._samples, chosen), torch.from_numpy(cut))
        labels = torch.from_numpy(self.domains.labels[chosen])
        return self.preprocess.values(found), labels, torch.from_numpy(numbers)

    def corners(self, rng: np.random.Generator, roles: list[Int64]) -> list[Int64]:
        """Draw where images are cut, int64 (n, 2) for each role."""
        count, hw = sum(map(len, roles)), self._samples.hw
        drawn = self.preprocess.random_corners(rng, count, hw)
        return np.split(drawn, np.cumsum([len(role) for role in roles])[:-1])

    def places(self, *names: str, shares: int = 1) -> slice:
        """Return where the samples of neighbouring roles lie in a batch.

        A mask would do, but a GPU is waited for until it has counted one.

        Args:
            names: of the roles, in their order.
            shares: processes that the batch was dealt out to; 1 where it is whole.
        """
        ends = np.cumsum([0, *self.sampler.sizes]) // shares
        return slice(int(ends[self.role(names[0])]), int(ends[self.role(names[-1]) + 1]))

    def role(self, name: str) -> int:
        """Return the number that a batch's samples of a role have."""
        return self.sampler.roles.index(name)

    def of_role(self, roles: Tensor, *names: str) -> Tensor:
        """Tell which samples of a batch have one of some roles, bool (n,)."""
        return torch.stack([roles == self.role(name) for name in names]).any(dim=0)


def made_by(generators: tuple[str, ...], source: Choice) -> Choice:
    """Choose what generators made, as their sources were chosen."""
    return lambda row: row["generator"] in generators and source(row)


def stages_of(params: DmfrParams) -> list[str]:
    """Return the stages whose rows the named generators' samples are."""
    turned = [name == POSES for name in params.generators]
    return ["poses"] * any(turned) + ["degrade"] * (not all(turned))
