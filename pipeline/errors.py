"""The errors crossband raises on purpose: each says what was expected, what was found, what to do.

A bad *sample* is no error: it becomes a row of the stage's rejected table (``types.Rejected``).
"""

import os
from typing import Any

_LONGEST = 300
_NO_ROOM = "DefaultCPUAllocator: can't allocate memory"
"""What torch says where the system gives no more, in a plain RuntimeError."""


def one_line(error: BaseException) -> str:
    """Return what an error of a library says, on one line and not too long."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def refusal(error: OSError) -> str:
    """Return what the system refused, on one line, with the file where it is known."""
    told = error.strerror or str(error).splitlines()[0]
    text = os.strerror(error.errno) if error.errno else told
    return f"{error.filename}: {text}" if error.filename else text


def want_of_memory(error: BaseException) -> str | None:
    """Say that memory was short, a GPU's or the machine's, and what to do; None of another error.

    Args:
        error: Python's, or torch's, which is known by its name: to import torch takes seconds.
    """
    if type(error).__name__ == "OutOfMemoryError":
        said = one_line(error).partition(" Including ")[0]  # then it lists what is in use
        return (
            f"the GPU has too little memory ({said}): expected room for a batch; make the batch "
            "smaller (docs/gpu.md says which keys), or end what else runs on the GPU. What is "
            "finished is kept: the same command goes on from there"
        )
    if isinstance(error, MemoryError) or _NO_ROOM in str(error):
        return (
            "out of memory: this machine has, or allows, too little. What is finished is kept: run "
            "the same again with fewer workers (CROSSBAND_WORKERS=1) or a smaller batch"
        )
    return None


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
