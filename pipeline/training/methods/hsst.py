"""Heterogeneous semi-siamese training, around ``models.hsst.network.SemiSiamese``."""

from torch import nn

from models.hsst.network import SemiSiamese
from pipeline.errors import StageError
from pipeline.params.train_nir_vis import HsstParams
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.data.samplers import SubjectPairs
from pipeline.training.engine.method import TOTAL, Batch, Losses
from pipeline.training.methods.pairs import PairMethod, PairSampler


class Hsst(PairMethod):
    """Trains a probe-net on pairs of one subject: in two bands, or with one queue in any.

    Reference:
        HSST paper, section II-A and III-B; with one queue, semi-siamese training as it was before.
    """

    params: HsstParams

    def train_on(self, samples: SampleSet) -> None:
        """Label the samples, and build gallery-net and queues.

        Raises:
            StageError: there are fewer subjects than places in a queue and pairs in a batch, or a
                process has one pair of a batch over which the backbone normalises.
        """
        super().train_on(samples)
        params = self.params
        normalises = any(isinstance(each, nn.BatchNorm1d) for each in self.network.modules())
        if normalises and params.batch_pairs < 2 * params.devices:
            raise StageError(
                f"batch_pairs is {params.batch_pairs} with devices {params.devices}: "
                f"{type(self.network).__name__} normalises over a batch, so each process needs two "
                f"pairs; set batch_pairs to {2 * params.devices} or more"
            )
        self.pair = SemiSiamese(
            self.embedder,
            int(self.network.dimensions),  # type: ignore[arg-type]
            prototypes=params.prototypes,
            queues=params.queues,
            momentum=params.ema_momentum,
            loss=params.loss,
            scale=params.scale,
            margin=params.margin,
        )

    def make_sampler(self) -> PairSampler:
        """Return what draws pairs: of two bands for two queues, of any for one."""
        if self.params.queues == 2:
            return super().make_sampler()
        return SubjectPairs(self.labels.index, *self.params.bands, self.params.batch_pairs)

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the loss."""
        first, second, subjects = batch
        return {TOTAL: self.pair(first, second, subjects)}

    def on_step_end(self) -> None:
        """Let the gallery-net follow."""
        self.pair.follow()


METHODS = {"hsst": Hsst}
