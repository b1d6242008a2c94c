"""IDR and W-CNN: what two bands share is embedded, what is a band's own is kept apart."""

from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor, nn

from models.idr_wcnn.losses import wasserstein
from models.idr_wcnn.network import SharedSubspace
from pipeline.errors import StageError
from pipeline.params.train import InvariantParams
from pipeline.training.backbones import Inputs
from pipeline.training.identities import TrainingFaces
from pipeline.training.learner import TOTAL, in_float32
from pipeline.training.methods.pairs import PairLearner, cosine_classifier
from pipeline.training.samplers import CrossBandPairs


def invariant_network(params: InvariantParams, backbone: nn.Module) -> SharedSubspace:
    """Divide a backbone's features.

    Raises:
        StageError: they have no more dimensions than are to be shared.
    """
    width = int(backbone.dimensions)  # type: ignore[arg-type]
    if params.shared_dimensions >= width:
        raise StageError(
            f"shared_dimensions is {params.shared_dimensions}, the backbone's features have "
            f"{width}: expected fewer, so that each band has some of its own"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(params.seed)
        return SharedSubspace(backbone, width, params.shared_dimensions)


class InvariantLearner(PairLearner):
    """Classifies [W f; P f] of each band by one classifier, with W and P orthogonal.

    W-CNN also brings the bands' distributions of W f together: of unit length, as they are
    compared at test, so that the term cannot fall by shrinking all features.

    Reference:
        IDR, equations 3 and 5; W-CNN, equation 7 (see ``models.idr_wcnn.losses``). Both minimise
        by turns; here all trains at once.
    """

    def __init__(
        self, params: InvariantParams, network: nn.Module, inputs: Inputs, faces: TrainingFaces
    ) -> None:
        divided = cast(SharedSubspace, network)
        super().__init__(
            divided.backbone,
            inputs,
            faces,
            CrossBandPairs(faces.index, *params.bands, params.batch_pairs),
        )
        self.network, self._params = divided, params
        width = self.network.shared.shape[1]
        self.classifier = cosine_classifier(params, params.loss, len(faces.names), width)

    def forward(self, *batch: Tensor) -> dict[str, Tensor]:
        """Return the losses by name and their weighted sum."""
        first, second, subjects = batch
        features = self.embedder(torch.cat([first, second])).float()
        with in_float32(features):
            near, far = features.chunk(2)
            divided = torch.cat([self.network.divided(near, 0), self.network.divided(far, 1)])
            classify = self.classifier(divided, subjects.repeat(2))
            orthogonal = self.network.orthogonality()
            total = classify + self._params.orthogonal_weight * orthogonal
            losses = {"classify": classify, "orthogonality": orthogonal}
            if self._params.wasserstein_weight:
                shared = (F.normalize(self.network.project(each)) for each in (near, far))
                distance = wasserstein(*shared)
                total = total + self._params.wasserstein_weight * distance
                losses["wasserstein"] = distance
        return {TOTAL: total} | losses
