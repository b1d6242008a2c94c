"""Params of the stage ``evaluate_bodies``."""

from typing import Literal, Self

from pydantic import model_validator

from pipeline.params.base import Name, SomeOf
from pipeline.params.evaluation import EvaluationParams


class EvaluateBodiesParams(EvaluationParams):
    """One training of ``train_bodies`` on protocols, beside faces of the same people."""

    face: Name | None = None
    """Of ``train_bodies``, too; None where the data set has no faces."""
    protocols: SomeOf[str]
    templates: Literal["raw", "unit"]
    """A template is the mean of the embeddings as they are, or of these at unit length."""

    @model_validator(mode="after")
    def _bodies_have_no_template(self) -> Self:
        if self.network is not None and self.network.template is not None:
            raise ValueError("network.template is of faces: bodies are not aligned; leave it out")
        return self

    @property
    def trainings(self) -> tuple[str, ...]:
        """All that are tested: that of bodies, and that of faces if there is one."""
        return (self.training,) if self.face is None else (self.training, self.face)
