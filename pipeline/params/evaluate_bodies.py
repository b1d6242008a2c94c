"""Params of the stage ``evaluate_bodies``."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.params.base import Name
from pipeline.params.evaluation import EvaluationParams


class EvaluateBodiesParams(EvaluationParams):
    """One body method of ``train_bodies`` on protocols, beside faces of the same people."""

    face: Name | None = None
    """Of ``train_bodies``, too; None where the data set has no faces."""
    protocols: Annotated[tuple[str, ...], Field(min_length=1)]
    templates: Literal["raw", "unit"]
    """A template is the mean of the embeddings as they are, or of these at unit length."""

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of all trainings that are tested: of bodies, and of faces if there are any."""
        return (self.method,) if self.face is None else (self.method, self.face)
