"""The note that a training leaves where there was too little to train on."""

from pathlib import Path

_NAME = "untrained.txt"


def leave_note(folder: Path, sharp: int, low: int) -> str:
    """Note how many faces there were, in place of a network; returns what was noted."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in ("generator.pt", "checkpoint.pt"):
        (folder / stale).unlink(missing_ok=True)
    note = f"nothing to train on: {sharp} sharp and {low} low-quality faces"
    (folder / _NAME).write_text(note + "\n")
    return note


def remove_note(folder: Path) -> None:
    """Forget the note of an earlier run."""
    (folder / _NAME).unlink(missing_ok=True)


def read_note(folder: Path) -> str | None:
    """Return what was noted, None where a network was trained or should have been."""
    path = folder / _NAME
    return path.read_text().strip() if path.is_file() else None
