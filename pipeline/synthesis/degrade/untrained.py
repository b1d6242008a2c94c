"""The note that a training leaves where there is no network: why not."""

from pathlib import Path

from pipeline.store.whole import write_whole

NOT_ASKED = "no network is trained: train_degrader.steps is 0"
"""The note where params want none."""

_NAME = "untrained.txt"


def too_few(sharp: int, low: int) -> str:
    """Return the note where there are not faces of both qualities."""
    return f"nothing to train on: {sharp} sharp and {low} low-quality faces"


def leave_note(folder: Path, note: str) -> None:
    """Leave a note in place of a network; one of an earlier run goes."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in ("generator.pt", "checkpoint.pt"):
        (folder / stale).unlink(missing_ok=True)
    write_whole(folder / _NAME, f"{note}\n")


def remove_note(folder: Path) -> None:
    """Forget the note of an earlier run."""
    (folder / _NAME).unlink(missing_ok=True)


def read_note(folder: Path) -> str | None:
    """Return what was noted, None where a network was trained or should have been."""
    path = folder / _NAME
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None
