"""The table of ``crossband weights``."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.weights.fetcher import read_record
from pipeline.weights.registry import WeightFile
from pipeline.weights.verify import mismatch

if TYPE_CHECKING:
    from rich.table import Table


def status_table(registry: Mapping[str, WeightFile], folder: Path) -> "Table":
    """Show which weight files there are, what they may be used for and where they came from.

    Args:
        registry: what ``load_registry`` returned.
        folder: where the files lie (``weights/``).

    Returns:
        A table with one row per entry: name, role, licence, length, presence (yes, no, wrong or
        unreadable: every file is hashed) and the source that was used.
    """
    from rich.table import Table  # here: each stage imports this package, and one command shows it

    table = Table(title=f"Weight files in {folder}")
    table.add_column("name", no_wrap=True)
    table.add_column("role", overflow="fold")
    table.add_column("licence", overflow="fold")
    table.add_column("MB", justify="right", no_wrap=True)
    table.add_column("present", no_wrap=True)
    table.add_column("source used", overflow="fold")
    for row in status_rows(registry, folder):
        licence = row["licence"] if row["commercial"] else f"{row['licence']} (non-commercial)"
        megabytes = f"{row['bytes'] / 1e6:.1f}"
        table.add_row(row["name"], row["role"], licence, megabytes, row["present"], row["source"])
    return table


def status_rows(registry: Mapping[str, WeightFile], folder: Path) -> list[dict[str, Any]]:
    """Return what ``status_table`` shows: name, role, licence, commercial, bytes, present, source.

    ``source`` is empty where the file is not there.
    """
    record = read_record(folder)
    rows = []
    for name, entry in registry.items():
        presence = _presence(folder / entry.file, entry)
        rows.append(
            {
                "name": name,
                "role": entry.role,
                "licence": entry.licence,
                "commercial": entry.commercial,
                "bytes": entry.bytes,
                "present": presence,
                "source": record.get(name, "unknown") if presence == "yes" else "",
            }
        )
    return rows


def _presence(path: Path, entry: WeightFile) -> str:
    try:
        wrong = mismatch(path, entry)
    except FileNotFoundError:
        return "no"
    except OSError:
        return "unreadable"
    return "wrong sha256" if wrong else "yes"
