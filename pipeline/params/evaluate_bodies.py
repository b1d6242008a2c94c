"""Params of the stage ``evaluate_bodies``."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.params.base import Name, Section
from pipeline.params.evaluate_nir_vis import NetworkParams


class EvaluateBodiesParams(Section):
    """One body method on a data set's protocols, beside faces of the same people."""

    method: Name
    """Of ``train_bodies``."""
    face: Name | None = None
    """Of ``train_bodies``, too; None where the data set has no faces."""
    dataset: Name
    protocols: Annotated[tuple[str, ...], Field(min_length=1)]
    templates: Literal["raw", "unit"]
    """A template is the mean of the embeddings as they are, or of these at unit length."""
    network: NetworkParams | None = None
    """One more row of the table: bodies by a network of the user's own, as it is."""
