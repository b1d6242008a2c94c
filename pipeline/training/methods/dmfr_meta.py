"""DMFR by meta-learning: a virtual step by some domains has to serve one that took no part."""

from models.dmfr.meta import MetaStep
from models.processes import from_all, with_all
from pipeline.params.train_dmfr import MetaParams
from pipeline.training.data.domain_samplers import MetaSampler
from pipeline.training.data.domains import halved
from pipeline.training.engine.method import TOTAL, Batch, Losses, in_float32
from pipeline.training.methods.dmfr import DmfrMethod


class Meta(DmfrMethod):
    """Real samples and all generative domains but one train, that one tests, drawn for each step.

    Reference:
        DMFR paper, section "Meta-learning-based DMFR".
    """

    params: MetaParams

    def make_sampler(self) -> MetaSampler:
        """Return what leaves a domain out of each batch; an only one is halved if that is asked."""
        params = self.params
        if params.halves and len(self.domains.names) == 1:
            self.domains = halved(self.domains, self._samples, params.seed)
        return MetaSampler(self.domains, *params.counts, params.meta_test_images)

    def build_heads(self, subjects: int) -> None:
        """Build the prototypes, and say how their virtual step is taken."""
        params = self.params
        self.head = self.classifier(subjects)
        self.step = MetaStep(
            params.meta_rate, params.meta_weight, params.scale, params.margin, params.first_order
        )

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the losses ``meta_train``, ``meta_test`` and their weighted sum."""
        images, labels, _ = batch
        features = with_all(self.classified(images))
        labels = from_all(labels)  # one virtual step of all processes
        trained, tested = self.places("real", "synthetic"), self.places("tested")
        with in_float32(features):
            total, train, test = self.step.objective(
                self.head.weight,
                (features[trained], labels[trained]),
                (features[tested], labels[tested]),
            )
        return {TOTAL: total, "meta_train": train, "meta_test": test}


METHODS = {"meta": Meta}
