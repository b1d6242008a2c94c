"""Params of the stage ``evaluate_bodies``."""

from typing import Literal

from pipeline.params.base import Name, SomeOf
from pipeline.params.evaluation import EvaluationParams


class EvaluateBodiesParams(EvaluationParams):
    """One body method of ``train_bodies`` on protocols, beside faces of the same people."""

    face: Name | None = None
    """Of ``train_bodies``, too; None where the data set has no faces."""
    protocols: SomeOf[str]
    templates: Literal["raw", "unit"]
    """A template is the mean of the embeddings as they are, or of these at unit length."""

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of all trainings that are tested: of bodies, and of faces if there are any."""
        return (self.method,) if self.face is None else (self.method, self.face)
