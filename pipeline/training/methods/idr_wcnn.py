"""IDR and W-CNN: what two bands share is embedded, what is a band's own is kept apart."""

import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor, nn

from models.idr_wcnn.losses import wasserstein
from models.idr_wcnn.network import SharedSubspace
from models.processes import with_all
from models.seeding import seeded
from pipeline.errors import StageError
from pipeline.params.train_nir_vis import SubspaceParams, WcnnParams
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.engine.method import TOTAL, Batch, Losses, in_float32
from pipeline.training.methods.pairs import PairMethod, cosine_classifier


class Idr(PairMethod):
    """Classifies [W f; P f] of each band by one classifier, with W and P orthogonal.

    Reference:
        IDR, equations 3 and 5 (see ``models.idr_wcnn.losses``). It minimises by turns; here all
        trains at once.
    """

    params: SubspaceParams
    network: SharedSubspace

    def __init__(self, params: SubspaceParams, backbone: nn.Module, preprocess: Preprocess) -> None:
        """Divide the backbone's features.

        Raises:
            StageError: they have no more dimensions than are to be shared.
        """
        super().__init__(params, backbone, preprocess)
        width = int(backbone.dimensions)  # type: ignore[arg-type]
        if params.shared_dimensions >= width:
            raise StageError(
                f"shared_dimensions is {params.shared_dimensions}, the backbone's features have "
                f"{width}: expected fewer, so that each band has some of its own"
            )
        with seeded(params.seed):
            self.network = SharedSubspace(backbone, width, params.shared_dimensions)

    def train_on(self, samples: SampleSet) -> None:
        """Label the samples, and build their classifier."""
        super().train_on(samples)
        width, classes = self.network.shared.shape[1], len(self.labels.names)
        self.classifier = cosine_classifier(self.params, self.params.loss, classes, width)

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the losses by name and their weighted sum."""
        first, second, subjects = batch
        features = self.embedder(torch.cat([first, second])).float()
        with in_float32(features):
            near, far = features.chunk(2)
            divided = torch.cat([self.network.divided(near, 0), self.network.divided(far, 1)])
            classify = self.classifier(divided, subjects.repeat(2))
            orthogonal = self.network.orthogonality()
            losses = {"classify": classify, "orthogonality": orthogonal}
            more = self.of_bands(near, far)
            total = classify + self.params.orthogonal_weight * orthogonal
            for weight, loss in more.values():
                total = total + weight * loss
        return {TOTAL: total} | losses | {name: loss for name, (_, loss) in more.items()}

    def of_bands(self, near: Tensor, far: Tensor) -> dict[str, tuple[float, Tensor]]:
        """Return further losses of both bands' features (n, d) by name, with their weights."""
        return {}


class Wcnn(Idr):
    """IDR that also brings the bands' distributions of W f together.

    Of unit length, as they are compared at test, so that the term cannot fall by shrinking all
    features.

    Reference:
        W-CNN, equation 7 (see ``models.idr_wcnn.losses``).
    """

    params: WcnnParams

    def of_bands(self, near: Tensor, far: Tensor) -> dict[str, tuple[float, Tensor]]:
        """Return the distance of both bands' distributions."""
        shared = (F.normalize(self.network.project(with_all(each))) for each in (near, far))
        return {"wasserstein": (self.params.wasserstein_weight, wasserstein(*shared))}


METHODS = {"idr": Idr, "wcnn": Wcnn}
