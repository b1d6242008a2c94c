"""Params of the stage ``evaluate_nir_vis``."""

from typing import Literal

from pipeline.params.evaluation import FaceEvaluationParams

Rows = Literal["align", "attributes", "parse", "parts", "reconstruct", "masks", "poses", "degrade"]
SYNTHESIS: frozenset[Rows] = frozenset({"reconstruct", "masks", "poses", "degrade"})
"""Those of ``synthesis_datasets`` alone."""
MADE_OF: dict[str, Rows] = {"masks": "parts", "poses": "align", "degrade": "align"}
"""Stages of faces that a program made of others, and the stage of those others."""


class EvaluateNirVisParams(FaceEvaluationParams):
    """One training of ``train_nir_vis`` on one protocol."""

    rows: Rows

    @property
    def gallery_rows(self) -> Rows:
        """Stage whose rows are enrolled: of made faces, what they were made of."""
        return MADE_OF.get(self.rows, self.rows)
