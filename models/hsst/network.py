"""Heterogeneous semi-siamese training: two networks, two queues of prototypes.

Reference:
    HSST paper, section II-A, equations 1–3 and figure 2; semi-siamese training itself: H. Du et
    al., Semi-Siamese Training for Shallow Face Learning, ECCV 2020.
"""

import copy
from typing import Self, cast

import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor, nn

from models.freezing import freeze
from models.losses.margins import prototype_loss
from models.losses.triplets import hardest_prototype_triplet
from models.processes import from_all

MOMENTUM = 0.999
"""Weight of the gallery-net's former state in its moving average."""
PROTOTYPES = 128
"""Length of each queue."""
UNFILLED = -1
"""Subject of a place in a queue that was not filled yet."""


class PrototypeQueue(nn.Module):
    """The newest features of one band, first in, first out.

    Args:
        length: number of prototypes kept.
        dimensions: of a feature.
    """

    features: Tensor
    subjects: Tensor
    position: Tensor

    def __init__(self, length: int, dimensions: int) -> None:
        super().__init__()
        self.register_buffer("features", torch.zeros(length, dimensions))
        self.register_buffer("subjects", torch.full((length,), UNFILLED))
        self.register_buffer("position", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def push(self, features: Tensor, subjects: Tensor) -> None:
        """Put features (n, d) of subjects int64 (n,) in the place of the oldest ones."""
        length = len(self.subjects)
        features, subjects = features[-length:], subjects[-length:]
        places = (self.position + torch.arange(len(subjects), device=subjects.device)) % length
        self.features[places] = features.detach().to(self.features.dtype)
        self.subjects[places] = subjects
        self.position.copy_((self.position + len(subjects)) % length)

    def negatives(self, subjects: Tensor) -> Tensor:
        """Return bool (length,): the places whose subject is none of these, and filled."""
        return ~torch.isin(self.subjects, subjects) & (self.subjects != UNFILLED)


class SemiSiamese(nn.Module):
    """Probe-net, gallery-net and prototype queues.

    Each pair shows one subject in two bands. Each of its images goes through the probe-net, which
    learns, and through the gallery-net, which follows as a moving average of all its state. A
    probe's feature is held against its partner's of the gallery-net, and against the queue of the
    *partner's* band, whose places of the batch's own subjects are left out exactly. Only the
    probe-net is used at test. More arguments because each is a param of the method.

    The gallery-net drops nothing: two features of one image would else be no prototypes of it. It
    normalises over the batch, as the probe-net does.

    Args:
        probe: the network to train.
        dimensions: of its features.
        prototypes: length of each queue.
        queues: 2 for HSST (one per band); 1 for plain semi-siamese training, which mixes the bands.
        momentum: weight of the former state in the moving average.
        loss: a name in ``margins.MARGINS``, or ``triplet``.
        scale: s of the softmax losses.
        margin: m of the loss.
    """

    def __init__(
        self,
        probe: nn.Module,
        dimensions: int,
        *,
        prototypes: int = PROTOTYPES,
        queues: int = 2,
        momentum: float = MOMENTUM,
        loss: str = "softmax",
        scale: float = 30.0,
        margin: float = 0.0,
    ) -> None:
        super().__init__()
        self.probe = probe
        self.gallery = copy.deepcopy(probe)
        freeze(self.gallery)
        self.queues = nn.ModuleList(PrototypeQueue(prototypes, dimensions) for _ in range(queues))
        self.momentum, self.loss, self.scale, self.margin = momentum, loss, scale, margin

    def train(self, mode: bool = True) -> Self:
        """Set the mode of training; the gallery-net's dropout stays off."""
        super().train(mode)
        for layer in self.gallery.modules():
            if isinstance(layer, nn.Dropout):
                layer.eval()
        return self

    def forward(self, first: Tensor, second: Tensor, subjects: Tensor) -> Tensor:
        """Compute a batch's loss and put the gallery's features into the queues.

        Args:
            first: images of the first band, (n, c, h, w).
            second: images of the second band, (n, c, h, w).
            subjects: int64 (n,), the subject of each pair; no subject twice.

        Returns:
            ½ (L(N, V) + L(V, N)), the mean over the batch: "minimized simultaneously".

        Raises:
            ValueError: a subject stands twice in the batch.
        """
        if torch.unique(subjects).numel() != subjects.numel():
            raise ValueError("a batch of semi-siamese training holds a subject twice")
        probe = self.probe(torch.cat([first, second]))
        with torch.no_grad():
            gallery = self.gallery(torch.cat([second, first]))
        with torch.autocast(probe.device.type, enabled=False):
            return self._compare(_unit(probe), _unit(gallery), torch.cat([subjects, subjects]))

    def _compare(self, probe: Tensor, gallery: Tensor, subjects: Tensor) -> Tensor:
        """Return the loss of unit features, and put the gallery's into the queues.

        Where several processes share a batch, each queue takes, and leaves out, all of it.

        Args:
            probe: (2 n, d), the first bands' before the second's.
            gallery: (2 n, d), of their partners.
            subjects: int64 (2 n,).
        """
        bands = torch.arange(len(subjects), device=subjects.device) < len(subjects) // 2
        bands = bands.long() if len(self.queues) == 2 else torch.zeros_like(subjects)  # partners'
        everyone, theirs, their_bands = map(from_all, (subjects, gallery, bands))
        positive = (probe * gallery).sum(dim=1)
        losses = probe.new_zeros(len(subjects))
        queues = cast(list[PrototypeQueue], list(self.queues))
        for band, queue in enumerate(queues):
            members = bands == band
            # A copy: the queue is written before the gradient runs back through the product.
            negatives = probe[members] @ queue.features.to(probe.dtype, copy=True).T
            allowed = queue.negatives(everyone).expand_as(negatives)
            losses[members] = self._loss(positive[members], negatives, allowed)
        for band, queue in enumerate(queues):
            queue.push(theirs[their_bands == band], everyone[their_bands == band])
        return losses.mean()

    def _loss(self, positive: Tensor, negatives: Tensor, allowed: Tensor) -> Tensor:
        if self.loss == "triplet":
            return hardest_prototype_triplet(positive, negatives, allowed, self.margin)
        return prototype_loss(
            positive, negatives, allowed, loss=self.loss, scale=self.scale, margin=self.margin
        )

    @torch.no_grad()
    def follow(self) -> None:
        """Move the gallery-net towards the probe-net: after each step of the optimiser."""
        ours, theirs = self.gallery.state_dict(), self.probe.state_dict()
        for name, value in ours.items():
            if value.is_floating_point():
                value.lerp_(theirs[name], 1.0 - self.momentum)
            else:
                value.copy_(theirs[name])


def _unit(features: Tensor) -> Tensor:
    """Scale to unit length, in float32 or better."""
    return F.normalize(features.to(torch.promote_types(features.dtype, torch.float32)))
