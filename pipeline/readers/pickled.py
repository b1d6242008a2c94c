"""Lists of images in a pickle, read without unpickling: where each lies, and nothing is executed.

A pickle is a program. Here its steps are followed as far as lists, texts, numbers, bytes and
numpy's arrays of bytes go, and refused where they go further. Of bytes the places are kept.
"""

import pickletools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import ReaderError
from pipeline.ops.containers import UndecodableError
from pipeline.readers.files import read_file

_HEADS = {
    "SHORT_BINBYTES": 2,
    "BINBYTES": 5,
    "BINBYTES8": 9,
    "BYTEARRAY8": 9,
    "SHORT_BINSTRING": 2,
    "BINSTRING": 5,
}
"""Length of what stands before the bytes of a step."""
_ARRAYS = (
    *(f"numpy.{core}.multiarray _reconstruct" for core in ("core", "_core")),
    *(f"numpy.{core}.multiarray scalar" for core in ("core", "_core")),
    *(f"numpy.{core}.numeric _frombuffer" for core in ("core", "_core")),
    *("numpy ndarray", "numpy dtype"),
)
_NUMBERS = ("INT", "BININT", "BININT1", "BININT2", "LONG1")
_TEXTS = ("BINUNICODE", "SHORT_BINUNICODE", "UNICODE")
_PUTS, _GETS = ("PUT", "BINPUT", "LONG_BINPUT"), ("GET", "BINGET", "LONG_BINGET")


@dataclass(frozen=True)
class Span:
    """Bytes in the file: the place of the first, and how many."""

    start: int
    length: int


@dataclass
class Made:
    """What numpy would make: of which arguments, in which state."""

    name: str
    arguments: tuple[Any, ...]
    state: tuple[Any, ...] = ()

    @property
    def span(self) -> Span | None:
        """The array's or number's own bytes."""
        values = self.state or self.arguments
        return next((value for value in values if isinstance(value, Span)), None)


class _Mark:
    """Where a list or tuple begins."""


class _Program:
    """The steps of a pickle, followed."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def follow(self, step: str, argument: Any, place: int) -> None:
        """Follow one step.

        Raises:
            ValueError: it goes further than lists of bytes.
            IndexError, KeyError: the pickle is broken.
        """
        if step in _HEADS:
            self.stack.append(Span(place + _HEADS[step], len(argument)))
        elif step in _NUMBERS or step in _TEXTS:
            self.stack.append(argument)
        elif step in _PUTS:
            self.memo[argument] = self.stack[-1]
        elif step in _GETS:
            self.stack.append(self.memo[argument])
        elif step == "GLOBAL":
            self._name(argument)
        else:
            _STEPS[step](self)

    def _name(self, name: str) -> None:
        if name not in _ARRAYS:
            raise ValueError(f"a call of {name!r}")
        self.stack.append(Made(name, ()))

    def popped(self) -> list[Any]:
        """Take what lies above the last mark, and the mark."""
        taken = []
        while not isinstance(top := self.stack.pop(), _Mark):
            taken.append(top)
        return taken[::-1]

    def top(self, count: int) -> tuple[Any, ...]:
        """Take the uppermost values."""
        if count > len(self.stack):
            raise IndexError("an empty stack")
        taken = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        return taken

    def extend(self, values: Sequence[Any]) -> None:
        """Append to the list that is uppermost."""
        if not isinstance(self.stack[-1], list):
            raise ValueError("values appended to something other than a list")
        self.stack[-1].extend(values)

    def named(self) -> None:
        """Take module and name."""
        module, name = self.top(2)
        self._name(f"{module} {name}")

    def reduce(self) -> None:
        """Note a call of numpy's."""
        called, arguments = self.top(2)
        if not isinstance(called, Made) or not isinstance(arguments, tuple):
            raise ValueError("a call of something other than numpy's arrays")
        self.stack.append(Made(called.name, arguments))

    def build(self) -> None:
        """Note the state of what numpy made."""
        made, state = self.top(2)
        if not isinstance(made, Made) or not isinstance(state, tuple):
            raise ValueError("a state of something other than numpy's arrays")
        made.state = state
        self.stack.append(made)


def _pushed(value: Callable[[], Any]) -> Callable[[_Program], None]:
    return lambda program: program.stack.append(value())


_STEPS: dict[str, Callable[[_Program], None]] = {
    "PROTO": lambda program: None,
    "FRAME": lambda program: None,
    "STOP": lambda program: None,
    "MARK": _pushed(_Mark),
    "EMPTY_LIST": _pushed(list),
    "EMPTY_TUPLE": _pushed(tuple),
    "NONE": _pushed(lambda: None),
    "NEWTRUE": _pushed(lambda: True),
    "NEWFALSE": _pushed(lambda: False),
    "LIST": lambda program: program.stack.append(program.popped()),
    "TUPLE": lambda program: program.stack.append(tuple(program.popped())),
    "TUPLE1": lambda program: program.stack.append(program.top(1)),
    "TUPLE2": lambda program: program.stack.append(program.top(2)),
    "TUPLE3": lambda program: program.stack.append(program.top(3)),
    "APPEND": lambda program: program.extend(program.top(1)),
    "APPENDS": lambda program: program.extend(program.popped()),
    "MEMOIZE": lambda program: program.memo.update({len(program.memo): program.stack[-1]}),
    "STACK_GLOBAL": _Program.named,
    "REDUCE": _Program.reduce,
    "BUILD": _Program.build,
}


def read_pickle(file: Path) -> Any:
    """Return what a pickle holds: lists, tuples, texts and numbers; ``Span`` for bytes.

    Raises:
        ReaderError: it can't be read, is none, is cut, or holds something else.
    """
    program = _Program()
    try:
        for step, argument, place in pickletools.genops(read_file(file)):
            program.follow(step.name, argument, place or 0)
        (whole,) = program.stack
    except OSError as error:
        raise ReaderError(f"{file}: {error.strerror}") from error
    except UndecodableError as error:
        raise ReaderError(f"{file}: {error}") from error
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        found = f"the step {error}" if isinstance(error, KeyError) else str(error)
        raise ReaderError(
            f"{file}: expected a pickle of images (as bytes) and whether each pair is one person, "
            f"found {found}; none of it was executed"
        ) from error
    return whole
