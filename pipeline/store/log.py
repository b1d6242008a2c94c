"""A stage's log file: all that its process says, beside where it says it."""

import logging
import sys
import time
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO, cast

from pipeline.params.installed import installed_version
from pipeline.store.fingerprint import PROJECT_PACKAGES


def keep_log(path: Path) -> None:
    """Show log records, and from now on add what this process says to a file, with the time.

    That is standard output and error, and with them an error that ends the process. The bars that
    are drawn again and again on a terminal are not added. A log that can't be written, for want of
    room or of rights, keeps nothing from being done or said.

    Args:
        path: the file; its folder is made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab", buffering=0)
    except OSError:
        show_records()
        return
    # A file's name may hold bytes that are no UTF-8, and Python's sign for them is no text.
    log = TextIOWrapper(file, "utf-8", "backslashreplace", write_through=True)
    _add(log, f"crossband {installed_version()}: {' '.join(sys.argv)}")
    sys.stdout, sys.stderr = (
        cast(TextIO, _Tee(stream, log)) for stream in (sys.stdout, sys.stderr)
    )
    show_records(log)


def show_records(log: TextIO | None = None) -> None:
    """Let log records be lines on standard error, above a bar that is shown there.

    Those of the project from INFO on, those of libraries from WARNING on.

    Args:
        log: where they are kept as well, if they are.
    """
    handler = _Records(log)
    handler.addFilter(_is_shown)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _is_shown(record: logging.LogRecord) -> bool:
    ours = record.name.partition(".")[0] in PROJECT_PACKAGES
    return ours or record.levelno >= logging.WARNING


class _Records(logging.Handler):
    """Writes to what standard error is at that moment: a bar takes its place."""

    def __init__(self, log: TextIO | None) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        print(text, file=sys.stderr, flush=True)
        if self._log and not isinstance(sys.stderr, _Tee):
            _add(self._log, text)


class _Tee:
    """A text stream that adds whole lines to a log; all else is the stream's own."""

    def __init__(self, stream: TextIO, log: TextIO) -> None:
        self._stream, self._log, self._begun = stream, log, ""

    def write(self, text: str) -> int:
        if "\x1b" not in text:  # with one, a bar is drawn
            *lines, self._begun = (self._begun + text).split("\n")
            for line in filter(None, lines):
                _add(self._log, line)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def _add(log: TextIO, line: str) -> None:
    with suppress(OSError):
        log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")
