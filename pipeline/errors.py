"""The errors crossband raises on purpose: each says what was expected, what was found, what to do.

A bad *sample* is no error: it becomes a row of the stage's rejected table (``types.Rejected``).
"""

import os
from typing import Any

_LONGEST = 300


def one_line(error: BaseException) -> str:
    """Return what an error of a library says, on one line and not too long."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def refusal(error: OSError) -> str:
    """Return what the system refused, on one line, with the file where it is known."""
    told = error.strerror or str(error).splitlines()[0]
    text = os.strerror(error.errno) if error.errno else told
    return f"{error.filename}: {text}" if error.filename else text


class CrossbandError(Exception):
    """Base of every error that crossband raises on purpose."""


class ParamsError(CrossbandError):
    """``params.yaml`` holds a key, a type or a value that no stage accepts."""


class SchemaError(CrossbandError):
    """Rows or shards do not have the columns their schema promises."""


class ReaderError(CrossbandError):
    """A data set's folder does not hold what its official layout promises."""


class WeightsError(CrossbandError):
    """A weight file cannot be had, or is not the file its sha256 names."""


class StageError(CrossbandError):
    """A stage cannot run: its output is locked, its input is missing, a worker died."""


class DamageError(StageError):
    """A file that crossband wrote is no longer as it was written.

    Attributes:
        path: the file, wherever it lies.
    """

    def __init__(self, message: str, path: Any) -> None:
        super().__init__(message, path)
        self.path = path

    def __str__(self) -> str:
        return str(self.args[0])


class OlderError(DamageError):
    """A file is whole, as far as can be told, but of an earlier version of crossband."""


class ExportError(CrossbandError):
    """An export cannot be written, does not read back as it was written, or is not one."""
