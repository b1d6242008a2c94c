"""Opens TFLite networks, without what their library says of itself."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ai_edge_litert.interpreter import Interpreter

from pipeline.errors import WeightsError

_STDERR = 2
_CHATTER = b"INFO: "


def open_tflite(weights: Path, what: str) -> Interpreter:
    """Open a network that runs on one thread, its tensors allocated.

    Args:
        weights: the file.
        what: whose weights these are, for messages.

    Raises:
        WeightsError: the file is missing or holds no network.
    """
    if not weights.is_file():
        raise WeightsError(f"{what}'s weights are missing: {weights}")
    try:
        network = Interpreter(model_path=str(weights), num_threads=1)
        with _without_chatter():
            network.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise WeightsError(f"{weights} is not a TFLite network: {error}") from error
    return network


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Hold back lines that native code writes to standard error for information.

    No option of the library's Python interface says so. All other lines follow afterwards.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        kept = os.dup(_STDERR)
        os.dup2(held.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)
            held.seek(0)
            for line in held:
                if not line.startswith(_CHATTER):
                    os.write(_STDERR, line)
