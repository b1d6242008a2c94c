"""Errors reach another process as they are: workers send theirs to the process that waits."""

import inspect
import pickle

import pytest

from pipeline import errors
from pipeline.ops.containers import UndecodableError

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.CrossbandError)
]


@pytest.mark.parametrize("kind", [*KINDS, UndecodableError])
def test_an_error_is_the_same_in_another_process(kind):
    own = kind.__init__ is not Exception.__init__
    needed = list(inspect.signature(kind).parameters) if own else ["message"]
    error = kind(*(f"the {name}" for name in needed))

    sent = pickle.loads(pickle.dumps(error))

    assert type(sent) is kind
    assert str(sent) == str(error)
    assert vars(sent) == vars(error)


def test_words_of_an_error_are_its_message_alone():
    assert str(errors.DamageError("a.parquet: cut short", "a.parquet")) == "a.parquet: cut short"
    assert str(UndecodableError("truncated", "it ends early")) == "it ends early"
