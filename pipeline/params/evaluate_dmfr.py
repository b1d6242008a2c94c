"""Params of the stage ``evaluate_dmfr``."""

from typing import Literal, Self

from pydantic import model_validator

from pipeline.params.evaluation import FaceEvaluationParams


class EvaluateDmfrParams(FaceEvaluationParams):
    """One training of ``train_dmfr`` on one protocol."""

    rows: Literal["attributes", "degrade"]
    """Stage whose rows probe."""
    probes: Literal["real", "cyclegan", "photometric"]
    """The probes themselves, or what a generator of ``degrade`` made of them."""

    @property
    def made(self) -> bool:
        """Whether a generator made what probes."""
        return self.rows == "degrade"

    @model_validator(mode="after")
    def _rows_of_probes(self) -> Self:
        expected = "attributes" if self.probes == "real" else "degrade"
        if self.rows != expected:
            raise ValueError(f"rows {self.rows!r}: {self.probes} probes need rows {expected!r}")
        return self
