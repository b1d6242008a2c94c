"""Reads files of tensors that others wrote, whatever is wrong with them."""

import struct
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from pipeline.errors import WeightsError, one_line

BROKEN = (
    *(OSError, EOFError, ImportError, MemoryError, RuntimeError, AssertionError),
    *(ArithmeticError, AttributeError, LookupError, TypeError, ValueError),
    *(UnpicklingError, struct.error),
)
"""What reading a damaged file, or one of another kind, raises: unpickling knows no error of its
own."""


def read_tensors(path: Path, what: str) -> Any:
    """Read what ``torch.save`` wrote; nothing but tensors and plain values is unpickled.

    Args:
        path: the file.
        what: the file holds, for the message, for example ``a state dict of ResFCN256``.

    Raises:
        WeightsError: the file is missing, damaged, or of another kind.
    """
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:  # whose words advise to run the code that a file holds
        raise WeightsError(f"{path}: cannot read {what}: it is damaged, or holds more") from error
    except BROKEN as error:
        raise WeightsError(f"{path}: cannot read {what}: {one_line(error)}") from error
