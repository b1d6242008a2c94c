"""Names of files in an export: safe on any disk and in any object store, and never two alike."""

from pathlib import PurePosixPath
from urllib.parse import quote

from pipeline.errors import ExportError

MAGIC = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png"}
"""First bytes of the formats that crossband stores, and their usual extension."""


def safe_path(sample_id: str) -> str:
    """Make a relative path of a sample id, its slashes as folders.

    Anything but ``A–Z a–z 0–9 / - _ = +`` is percent-encoded: dots too, because WebDataset ends a
    sample's key at the first one, and so that no ``..`` climbs out of the export. Different ids
    give different paths.
    """
    encoded = (quote(part, safe="-_=+").replace(".", "%2E") for part in sample_id.split("/"))
    return "/".join(part or "%2F" for part in encoded)


def safe_component(text: str) -> str:
    """Make one folder or file name of any text, percent-encoded; ``.`` alone is too."""
    encoded = quote(text, safe=" -_=+") or "%00"
    return encoded.replace(".", "%2E") if not encoded.strip(".") else encoded


def extension_of(data: bytes, path: str | None = None) -> str:
    """Return the extension of an encoded image, by its first bytes.

    Args:
        data: the file's bytes.
        path: its former name, which decides where the bytes tell nothing.
    """
    for magic, extension in MAGIC.items():
        if data.startswith(magic):
            return extension
    return (PurePosixPath(path or "").suffix[1:] or "bin").lower()


def check_inside(path: str) -> str:
    """Refuse the path of a file that would lie outside the export.

    Raises:
        ExportError: the path is absolute, empty, or climbs.
    """
    parts = path.split("/")
    if "\\" in path or "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise ExportError(f"{path!r} would leave the export: expected a relative path below it")
    return path
