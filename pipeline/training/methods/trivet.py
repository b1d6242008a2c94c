"""TRIVET: triplets across two bands, each as anchor."""

from models.losses.triplets import both_ways_triplet
from models.processes import with_all
from pipeline.params.train_nir_vis import TrivetParams
from pipeline.training.engine.method import TOTAL, Batch, Losses, in_float32
from pipeline.training.methods.pairs import PairMethod


class Trivet(PairMethod):
    """Trains a pretrained backbone by triplets alone.

    Reference:
        See ``models.losses.triplets.both_ways_triplet``.
    """

    params: TrivetParams

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the loss."""
        first, second, _ = batch
        near, far = map(with_all, self.both(first, second))  # negatives are of the whole batch
        with in_float32(near):
            return {TOTAL: both_ways_triplet(near, far, self.params.margin).mean()}


METHODS = {"trivet": Trivet}
