"""Params of the stage ``analyse_modality``."""

from typing import Annotated

from pydantic import Field

from pipeline.params.base import Name, Section, Seed, SomeOf


class AnalyseModalityParams(Section):
    """How large the modality of synthetic faces is, before and after trainings."""

    trainings: SomeOf[Name]
    """Entries of ``train_dmfr`` with one start, crop and data set."""
    faces: Annotated[int, Field(ge=4, le=100_000)]
    """Real faces of held-out subjects, at most, with all that was made of each."""
    probe_folds: Annotated[int, Field(ge=2, le=100)]
    """Parts of the subjects that take turns to be held out from the linear probe."""
    decoder_steps: Annotated[int, Field(ge=0, le=1_000_000)]
    """Steps of the decoders that draw what disentangled features keep; 0 draws nothing."""
    seed: Seed
