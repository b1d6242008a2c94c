"""The errors crossband raises on purpose: each says what was expected, what was found, what to do.

A bad *sample* is no error: it becomes a row of the stage's rejected table (``types.Rejected``).
"""


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


class ExportError(CrossbandError):
    """An export cannot be written, does not read back as it was written, or is not one."""
