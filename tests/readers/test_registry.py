"""The list of readers, and what params allow."""

from typing import get_args

from pipeline.params.datasets import DatasetParams
from pipeline.readers import READERS


def test_params_allow_exactly_the_readers_there_are():
    assert set(get_args(DatasetParams.model_fields["reader"].annotation)) == set(READERS)
