"""What methods share that train on people in several bands: who makes a batch, and at which rate.

Reference:
    A. Nanduri, S. Huang, R. Chellappa, Multi-domain biometric recognition using body embeddings,
    2025, section IV-B.
"""

import math
from abc import abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from models.freezing import trainable
from pipeline.errors import StageError
from pipeline.params.body_training import PeopleParams
from pipeline.store.protocols import person_sample
from pipeline.store.shards import ShardFolder
from pipeline.training.data.images import HW
from pipeline.training.data.labels import BandIndex
from pipeline.training.data.people import who_takes_part
from pipeline.training.data.person_augmentation import PersonAugmentation
from pipeline.training.data.sample_set import Part, SampleSet
from pipeline.training.data.samplers import SubjectsInAllBands, SubjectsInAnyBand
from pipeline.training.data.shard_rows import Choice
from pipeline.training.engine.method import Batch, Method
from pipeline.training.engine.optimizers import make_optimizer, stepwise_rate
from pipeline.training.engine.trained import Trained, load_weights
from pipeline.types import Band, Float32, Int64, Row

DESIGN = "network"
"""Key of a trained network's params: what it is built as, where that takes more than a name."""


class PeopleMethod(Method):
    """A method whose network embeds people, by what ``crop_bodies`` cut out.

    Attributes:
        images: image columns of its samples; who lacks the first one takes no part.
        network: what embeds, and what the file of a trained network holds.
        dimensions: of an embedding.
        views: names of the maps of where it looks.
    """

    inputs = ("crop_bodies",)
    images: ClassVar[tuple[str, ...]]
    views: tuple[str, ...] = ()
    params: PeopleParams
    network: nn.Module
    dimensions: int

    @classmethod
    @abstractmethod
    def seeded(cls, params: PeopleParams, hw: HW) -> Self:
        """Build the method of a pretraining, its network with seeded weights.

        Args:
            params: of the pretraining, with what its network is built as.
            hw: height and width of the crops.

        Raises:
            StageError: the network takes no such crops.
        """

    @classmethod
    @abstractmethod
    def seeded_like(cls, params: PeopleParams, pretrained: Trained) -> Self:
        """Build the method on a pretrained network's architecture, with seeded weights.

        Args:
            params: of the training, or of the pretraining itself.
            pretrained: says how its network is built; one that was trained from it does, too.
        """

    def load(self, trained: Trained) -> None:
        """Load a trained network's weights.

        Raises:
            WeightsError: they are another architecture's.
        """
        load_weights(self.network, trained)

    @classmethod
    def open(
        cls,
        folder: ShardFolder,
        ids: Collection[str],
        bands: Collection[Band],
        budget_bytes: int,
    ) -> SampleSet:
        """Open the samples of some people that have what the method reads.

        Args:
            folder: output of ``crop_bodies``.
            ids: as protocols name samples: a row's own, its parent's, or a person's in the parent.
            bands: which.
            budget_bytes: what decoded images may take.

        Raises:
            StageError: nothing is left.
        """
        wanted = frozenset(ids)

        def choice(row: Row) -> bool:
            return row["band"] in bands and named_by(row, wanted) is not None

        return cls.open_where(choice, folder, budget_bytes)

    @classmethod
    def open_where(
        cls,
        choice: Choice,
        folder: ShardFolder,
        budget_bytes: int,
        *,
        unknown_subjects: bool = False,
    ) -> SampleSet:
        """Open the samples of a choice that have what the method reads, as ``open`` does."""
        samples = SampleSet.open(
            [Part(folder, choice)],
            extras=("policy",),
            images=cls.images,
            budget_bytes=budget_bytes,
            asked_by=f"the method {cls.__name__}",
            unknown_subjects=unknown_subjects,
        )
        having = np.flatnonzero(samples.present(cls.images[0]))
        if not len(having):
            raise StageError(
                f"{folder.path}: none of {len(samples)} crops has an image {cls.images[0]!r}: "
                "expected some; the data set annotates no faces, or they are too small"
            )
        return samples.take(having)

    def train_on(self, samples: SampleSet) -> None:
        """Label the samples, and choose how batches are drawn.

        Raises:
            StageError: they don't suffice.
        """
        params = self.params
        self.samples = samples
        names, labels = np.unique(samples.subject_ids, return_inverse=True)
        self.names, self.labels = tuple(names.tolist()), labels.astype(np.int64)
        self.band_codes = _codes(samples.bands.tolist(), [str(band) for band in params.bands])
        index = BandIndex(self.labels, samples.bands.tolist())
        in_bands = params.bands, params.batch_subjects
        if params.sampler == "domain_aware":
            self.sampler: SubjectsInAllBands | SubjectsInAnyBand = SubjectsInAllBands(
                index, *in_bands, params.images_per_band
            )
        else:
            images = params.images_per_band * len(params.bands)
            self.sampler = SubjectsInAnyBand(index, *in_bands, images)
        self.augmentation = PersonAugmentation(params.augmentation)

    def drawn(self, rng: np.random.Generator) -> tuple[Int64, np.ndarray]:
        """Draw this process's part of a batch: samples, and how they are changed."""
        drawn = self.ordered(self.sampler.draw(rng))
        changes = self.augmentation.draw(rng, len(drawn))
        mine = self.shard(np.arange(len(drawn)))
        return drawn[mine], changes[mine]

    def ordered(self, drawn: Int64) -> Int64:
        """Put a batch in the order in which it is dealt out to processes."""
        return drawn

    def codes(self, chosen: Int64) -> tuple[Tensor, Tensor]:
        """Return labels and bands of samples, int64 (n,) each."""
        return torch.from_numpy(self.labels[chosen]), torch.from_numpy(self.band_codes[chosen])

    @abstractmethod
    def network_inputs(self, samples: SampleSet, indices: Int64) -> Batch:
        """Make what ``embed`` takes of samples, at test."""

    @abstractmethod
    def embed(self, *given: Tensor) -> Tensor:
        """Embed what ``network_inputs`` made, (n, …)."""

    @abstractmethod
    def mirrored(self, *given: Tensor) -> Batch:
        """Return what ``network_inputs`` would have made of the mirror images."""

    def fuse(self, made: Float32) -> Float32:
        """Make embeddings (n, d) of what ``embed`` made: as it is, where it made those."""
        return made

    def looks(self, samples: SampleSet, indices: Int64) -> Float32:
        """Return where the network looks in samples, float32 (n, maps, rows, columns) by ``views``.

        Raises:
            StageError: it can't say.
        """
        raise StageError(
            f"{type(self).__name__} has no maps of where it looks: expected a method for bodies"
        )

    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        """Build one optimiser of all that trains."""
        return [make_optimizer(self.params, list(trainable(self)))]

    def learning_rate(self, step: int) -> float:
        """Return the rate of a step: a rise, then tenths or half a cosine."""
        params = self.params
        rate = stepwise_rate(params, step)
        if params.schedule == "milestones" or step < params.warmup_steps:
            return rate
        share = (step - params.warmup_steps) / max(1, params.steps - params.warmup_steps)
        return rate * 0.5 * (1.0 + math.cos(math.pi * share))


def design_of(trained: Trained) -> Any:
    """Return what a network of bodies is built as.

    Raises:
        StageError: its file does not say.
    """
    if DESIGN not in trained.params:
        raise StageError(
            f"{trained.name}: expected its file to say what the network is built as, but it is of "
            "an earlier version: train it again"
        )
    return trained.params[DESIGN]


def named_by(row: Row, wanted: Collection[str]) -> str | None:
    """Return by which of its names a crop is wanted: a person's, its own or its parent's.

    Args:
        row: of ``crop_bodies``, identity columns.
        wanted: as protocols name samples.
    """
    parent, subject = row["parent_id"], row["subject_id"]
    names: tuple[str | None, ...] = (row["sample_id"], parent)
    if parent is not None and subject is not None:
        names = (person_sample(parent, subject), *names)
    return next((name for name in names if name in wanted), None)


@dataclass(frozen=True)
class Chosen:
    """The training subjects that take part, and how many are left out for which reason.

    Attributes:
        samples: of those who take part.
        left_out: numbers of subjects by reason.
    """

    samples: SampleSet
    left_out: dict[str, int]

    @classmethod
    def of(cls, samples: SampleSet, params: PeopleParams) -> Self:
        """Choose as ``who_takes_part`` does: nobody else is a class.

        Raises:
            StageError: see there.
        """
        subjects, bands = samples.subject_ids.tolist(), samples.bands.tolist()
        kept, left_out = who_takes_part(subjects, bands, params)
        wanted = np.isin(samples.subject_ids, kept)
        return cls(samples.take(np.flatnonzero(wanted)), left_out)


def _codes(values: Sequence[str], names: Sequence[str]) -> Int64:
    return np.array([names.index(value) for value in values], np.int64)
