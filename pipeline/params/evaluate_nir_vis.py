"""Params of the stage ``evaluate_nir_vis``."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.params.base import NEUTRAL, Folds, Name, Section, Sha256

Rows = Literal["align", "attributes", "parse", "parts", "reconstruct", "masks", "poses", "degrade"]
SYNTHESIS: frozenset[Rows] = frozenset({"reconstruct", "masks", "poses", "degrade"})
"""Those of ``synthesis_datasets`` alone."""
MADE_OF: dict[str, Rows] = {"masks": "parts", "poses": "align", "degrade": "align"}
"""Stages of faces that a program made of others, and the stage of those others."""


class NetworkParams(Section):
    """A network of the user's own, tested as it is."""

    path: Annotated[str, Field(pattern=r"(?i)\.onnx$"), NEUTRAL]
    """It takes images (n, 1 or 3, h, w) and returns embeddings (n, d)."""
    sha256: Sha256
    offset: float
    """Subtracted from grey or RGB values of 0..255."""
    divisor: Annotated[float, Field(gt=0.0)]
    """By which they are divided then."""


class EvaluateParams(Section):
    """One method on one protocol."""

    method: Name
    dataset: Name
    protocol: Annotated[str, Field(min_length=1)]
    rows: Rows
    """Stage whose rows are embedded."""
    cross_dataset: bool = False
    """Whether the method may have been trained on another data set than it is tested on."""
    folds: Annotated[Folds, Field(min_length=1)] | None = None
    """Which of the protocol's; None takes all."""
    flip_test: bool = False
    """Whether embeddings of an image and of its mirror image are added."""
    network: NetworkParams | None = None
    """One more row of the table, zero-shot as SFace's."""

    @property
    def gallery_rows(self) -> Rows:
        """Stage whose rows are enrolled: of made faces, what they were made of."""
        return MADE_OF.get(self.rows, self.rows)

    @property
    def probes_chosen(self) -> bool:
        """Whether a probe with a face of which nothing was made was not asked for.

        Of turned and masked faces that can't be told: ``reconstruct``, before them, loses some.
        """
        return self.rows == "degrade"
