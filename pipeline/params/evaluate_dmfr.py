"""Params of the stage ``evaluate_dmfr``."""

from typing import Literal, Self

from pydantic import model_validator

from pipeline.params.evaluation import FaceEvaluationParams


class EvaluateDmfrParams(FaceEvaluationParams):
    """One training of ``train_dmfr`` on one protocol."""

    rows: Literal["attributes", "degrade"]
    probes: Literal["real", "cyclegan", "photometric"]
    """The probes themselves, or what a generator of ``degrade`` made of them."""

    @property
    def gallery_rows(self) -> str:
        """Stage whose rows are enrolled: real faces, whatever probes."""
        return "attributes"

    @property
    def generator(self) -> str | None:
        """Who made what probes; None: nobody."""
        return None if self.probes == "real" else self.probes

    @model_validator(mode="after")
    def _rows_of_probes(self) -> Self:
        expected = "attributes" if self.probes == "real" else "degrade"
        if self.rows != expected:
            raise ValueError(
                f"rows {self.rows!r}: expected {expected!r}, which has {self.probes} probes"
            )
        return self
