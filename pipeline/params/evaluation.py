"""Params that every evaluation takes, whatever its stage."""

from typing import Annotated, Self

from pydantic import Field, FiniteFloat, model_validator

from pipeline.params.align import BuiltInTemplate
from pipeline.params.base import NEUTRAL, ONNX_PATTERN, Folds, Name, Section, Sha256


class NetworkParams(Section):
    """A network of the user's own, tested as it is."""

    path: Annotated[str, Field(pattern=ONNX_PATTERN), NEUTRAL]
    """It takes images (n, 1 or 3, h, w) and returns embeddings (n, d)."""
    sha256: Sha256
    offset: FiniteFloat | None = None
    """Subtracted from grey or RGB values of 0..255; None for a file that takes uint8."""
    divisor: Annotated[FiniteFloat, Field(gt=0.0)] | None = None
    """By which they are divided then; None for such a file, too."""
    template: BuiltInTemplate | None = None
    """Alignment of the crops it was trained on; None takes the middle of crops as they are."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.offset is None) != (self.divisor is None):
            raise ValueError(
                "expected both offset and divisor, or neither: a file that takes uint8 scales the "
                "values itself"
            )
        return self


class EvaluationParams(Section):
    """A training on a data set."""

    training: Name
    dataset: Name
    cross_dataset: bool = False
    """Whether it may have been trained on another data set than it is tested on."""
    flip_test: bool = False
    """Whether an embedding is the mean of an image's and of its mirror image's."""
    network: NetworkParams | None = None
    """One more row of the table: a network of the user's own, zero-shot."""

    @property
    def trainings(self) -> tuple[str, ...]:
        """All that are tested."""
        return (self.training,)


class FaceEvaluationParams(EvaluationParams):
    """A training on faces, on one protocol."""

    protocol: Annotated[str, Field(min_length=1)]
    folds: Annotated[Folds, Field(min_length=1)] | None = None
    """Which of the protocol's; None takes all."""
    rows: str
    """Stage whose rows probe."""

    @property
    def gallery_rows(self) -> str:
        """Stage whose rows are enrolled."""
        return self.rows

    @property
    def generator(self) -> str | None:
        """Whose rows of a stage that has those of several generators probe; None: all."""
        return None

    @property
    def probes_chosen(self) -> bool:
        """Whether a probe with a face of which nothing was made was not asked for.

        Of turned and masked faces that can't be told: ``reconstruct``, before them, loses some.
        """
        return self.rows == "degrade"
