"""What methods share that train a network to embed."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import pyarrow as pa
import torch
from torch import Tensor, nn

from models.freezing import trainable
from pipeline.errors import StageError
from pipeline.params.training import TrainingParams, only_one
from pipeline.training.backbones import backbone_named, make_backbone
from pipeline.training.data.images import HW
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.data.sample_set import Part, SampleSet
from pipeline.training.engine.method import Method
from pipeline.training.engine.optimizers import make_optimizer, stepwise_rate
from pipeline.training.engine.trained import Trained, load_weights
from pipeline.types import Band, Int64


class Recogniser(Method):
    """A method whose network embeds.

    Built from params, a backbone and what that takes, it can embed; ``train_on`` lets it train.

    Attributes:
        images: image columns of its samples.
        extras: further columns of its samples.
        optional: further ones by type that a stage it reads may lack.
        network: what embeds, and what the file of a trained network holds.
        preprocess: what the backbone takes.
    """

    images: ClassVar[tuple[str, ...]] = ("image",)
    extras: ClassVar[tuple[str, ...]] = ()
    optional: ClassVar[Mapping[str, pa.DataType]] = {}
    params: TrainingParams
    network: nn.Module

    def __init__(self, params: TrainingParams, backbone: nn.Module, preprocess: Preprocess) -> None:
        """Build the network on a backbone; here it is the backbone itself.

        Raises:
            StageError: the method can't stand on this backbone.
        """
        super().__init__(params)
        self.network, self.preprocess = backbone, preprocess

    @classmethod
    def seeded(cls, params: TrainingParams, backbone: str, hw: HW) -> Self:
        """Build the method on a backbone with seeded weights.

        Args:
            params: of the training.
            backbone: its name.
            hw: height and width of the crops.

        Raises:
            StageError: the backbone takes no such crops, or the method can't stand on it.
        """
        network = make_backbone(backbone, hw, params.seed)
        return cls(params, network, backbone_named(backbone).preprocess)

    @classmethod
    def start_from(cls, params: TrainingParams, pretrained: Trained) -> Self:
        """Build the method on a pretrained backbone, with its weights.

        Raises:
            StageError: the method can't stand on it.
            WeightsError: the weights are another architecture's.
        """
        network = make_backbone(pretrained.backbone, pretrained.crop_hw, params.seed)
        load_weights(network, pretrained)
        return cls(params, network, backbone_named(pretrained.backbone).preprocess)

    @classmethod
    def images_of(cls, params: TrainingParams) -> tuple[str, ...]:
        """Return the image columns that params ask for, the face first."""
        return cls.images

    @classmethod
    def open(
        cls, parts: Sequence[Part], params: TrainingParams, *, unknown_subjects: bool = False
    ) -> SampleSet:
        """Open samples with all that the method reads of them.

        Args:
            parts: which rows of which stages.
            params: of the training, which say what decoded images may take.
            unknown_subjects: whether rows of unknown subjects are taken, too.

        Raises:
            StageError: nothing is left, or a stage lacks what the method reads.
        """
        return SampleSet.open(
            parts,
            extras=(*cls.extras, "template"),
            images=cls.images_of(params),
            optional=cls.optional,
            budget_bytes=params.image_budget_mb << 20,
            asked_by=f"the method {cls.__name__}",
            unknown_subjects=unknown_subjects,
        )

    @abstractmethod
    def train_on(self, samples: SampleSet) -> None:
        """Take the samples to train on: label them, and build what only training needs.

        Raises:
            StageError: they don't suffice.
        """

    def network_inputs(self, samples: SampleSet, indices: Int64) -> Tensor:
        """Make the network's input of samples at test: the middle of each image."""
        return whole_images(self.preprocess, samples, indices)

    @property
    def beside(self) -> tuple[str, ...]:
        """Image columns that the network takes beside a face, in grey: here none."""
        return ()

    def assembled(self, faces: Tensor, parts: Tensor | None) -> Tensor:
        """Put together what the network takes: here faces alone.

        Args:
            faces: (n, c, h, w), as ``preprocess`` makes them.
            parts: (n, p, 1, h, w), those of ``beside``, likewise; None where there are none.
        """
        return faces

    def embed(self, images: Tensor) -> Tensor:
        """Embed what ``network_inputs`` made, (n, d)."""
        embeddings: Tensor = self.network(images)
        return embeddings

    def mirrored(self, images: Tensor) -> Tensor:
        """Return what ``network_inputs`` would have made of the mirror images."""
        return images.flip(-1)

    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        """Build one optimiser of all that trains."""
        return [make_optimizer(self.params, list(trainable(self)))]

    def learning_rate(self, step: int) -> float:
        """Return the rate of a step: a rise, then tenths."""
        return stepwise_rate(self.params, step)


def refuse_one_person(found: int, band: Band) -> None:
    """Refuse a classifier of one class: its loss is 0, and nothing is learned.

    Raises:
        StageError: fewer than two people are there.
    """
    if told := only_one(found, band):
        raise StageError(told)


def whole_images(preprocess: Preprocess, samples: SampleSet, indices: Int64) -> Tensor:
    """Return the middle of images, as a backbone takes them."""
    return preprocess.values(preprocess.cut(pixels(samples, indices)))


def pixels(samples: SampleSet, indices: Int64) -> Tensor:
    """Return images, uint8 (n, 3, h, w), RGB."""
    return torch.from_numpy(samples.read(indices)).permute(0, 3, 1, 2)
