"""CDL: a classifier for each band, coupled, and a ranking across bands."""

import torch

from models.cdl.losses import coupling
from models.losses.triplets import both_ways_triplet
from models.processes import with_all
from pipeline.params.train_nir_vis import CdlParams
from pipeline.rng import seed_for
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.engine.method import TOTAL, Batch, Losses, in_float32
from pipeline.training.methods.pairs import PairMethod, cosine_classifier


class Cdl(PairMethod):
    """Classifies each band by its own classifier; their rows are coupled by a trace norm.

    Reference:
        See ``models.cdl.losses``. The ranking takes the triplets of TRIVET.
    """

    params: CdlParams

    def train_on(self, samples: SampleSet) -> None:
        """Label the samples, and build the classifiers.

        They start apart: of equal ones the trace norm has a kink, whose gradient rounding chooses.
        """
        super().train_on(samples)
        width, classes = int(self.network.dimensions), len(self.labels.names)  # type: ignore[arg-type]
        seeds = (self.params.seed, seed_for(self.params.seed, "second classifier"))
        each = [self.params.model_copy(update={"seed": seed}) for seed in seeds]
        self.classifiers = torch.nn.ModuleList(
            cosine_classifier(params, params.loss, classes, width) for params in each
        )

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the losses ``classify``, ``coupling``, ``ranking`` and their weighted sum."""
        first, second, subjects = batch
        both = self.both(first, second)
        with in_float32(both[0]):
            pairs = zip(self.classifiers, both, strict=True)
            classify = torch.stack([own(features, subjects) for own, features in pairs]).mean()
            rows = [own.weight for own in self.classifiers]
            coupled = coupling(rows[0], rows[1])  # type: ignore[arg-type]
            near, far = map(with_all, both)  # negatives are of the whole batch
            ranking = both_ways_triplet(near, far, self.params.ranking_margin).mean()
            total = classify + self.params.coupling_weight * coupled
            total = total + self.params.ranking_weight * ranking
        return {TOTAL: total, "classify": classify, "coupling": coupled, "ranking": ranking}


METHODS = {"cdl": Cdl}
