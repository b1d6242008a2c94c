"""Names of files in an export: safe on any disk and in any object store, and never two alike."""

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote, unquote_to_bytes

from pipeline.errors import ExportError
from pipeline.types import Row

MAGIC = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png"}
"""First bytes of the formats that crossband stores, and their usual extension."""

MOST_BYTES = 200
"""Of a name: disks take 255, and an extension and a digest come behind it."""

_REFUSED = frozenset('<>:"/\\|?*%')
_DEVICE = re.compile(r"(?i:con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])")
_IMAGE_EXTENSIONS = frozenset(
    ("bmp", "gif", "jp2", "jpe", "jpeg", "jpg", "pbm", "pgm", "png", "ppm", "tif", "tiff", "webp")
)
"""What a sample id made of a file's path ends in, and an export's own extension replaces."""


def safe_path(sample_id: str) -> str:
    """Make a relative path of a sample id, its slashes as folders.

    Anything but ``A–Z a–z 0–9 / - _ = +`` is percent-encoded: dots too, because WebDataset ends a
    sample's key at the first one, and so that no ``..`` climbs out of the export; and the first of
    two underscores that an id begins with, because WebDataset takes ``__name__`` for no sample.
    Different ids give different paths.
    """
    encoded = (quote(part, safe="-_=+").replace(".", "%2E") for part in sample_id.split("/"))
    path = "/".join(part or "%2F" for part in encoded)
    return f"%5F{path[1:]}" if path.startswith("__") else path


def safe_component(text: str) -> str:
    r"""Make one folder or file name of any text, the same on Linux, macOS and Windows.

    What one of them refuses or changes is percent-encoded: ``< > : " / \ | ? * %``, what has no
    shape, a dot or blank at either end, the first letter of a device (``CON``, ``com1.txt``), and
    all beyond ASCII of a text that is not in Unicode's composed form, because macOS would compose
    it. What is longer than 200 bytes is cut and ends in a digest. Different texts give different
    names, but for upper and lower case: see ``Names``.
    """
    composed = unicodedata.is_normalized("NFC", text)
    name = "".join(_encoded(letter) if _is_refused(letter, composed) else letter for letter in text)
    for end in (0, -1):
        if name and name[end] in ". ":
            name = _encoded(name[end]) + name[1:] if end == 0 else name[:-1] + _encoded(name[end])
    if _DEVICE.fullmatch(name.partition(".")[0].strip()):
        name = _encoded(name[0]) + name[1:]
    return _shortened(name, text) or "%"


def without_blanks(path: str) -> str:
    """Percent-encode the blanks of a path that ``Names`` made; names stay as short as those are."""
    names = path.split("/")
    return "/".join(_shortened(name.replace(" ", "%20"), name) for name in names)


def _shortened(name: str, text: str) -> str:
    """Return a name of at most 200 bytes; of a longer one its beginning and a digest of a text."""
    if len(name.encode()) <= MOST_BYTES:
        return name
    digest = hashlib.sha256(os.fsencode(text)).hexdigest()[:16]
    return f"{_cut(name, MOST_BYTES - 17)}~{digest}"


def _is_refused(letter: str, composed: bool) -> bool:
    if letter in _REFUSED or (letter > "~" and not composed):
        return True
    kind = unicodedata.category(letter)
    return kind[0] == "C" or (kind[0] == "Z" and letter != " ")


def _encoded(letter: str) -> str:
    return "".join(f"%{byte:02X}" for byte in letter.encode(errors="surrogateescape"))


def _cut(name: str, most: int) -> str:
    """Return the beginning of a name in so many bytes, no letter and no escape cut in two."""
    name = name.encode()[:most].decode(errors="ignore")
    escape = name.rfind("%", max(0, len(name) - 2))
    return name[:escape] if escape >= 0 else name


@dataclass(frozen=True)
class Names:
    """File names that people can read, and of which no two are one on a disk that ignores case.

    Attributes:
        folders: the folder of each subject; None where names follow the sample ids.
        doubled: digests of the names that several rows would have: a digest of the sample id makes
            them differ.
    """

    folders: Mapping[str | None, str] | None
    doubled: frozenset[bytes]

    def stem(self, row: Row, split: str) -> str:
        """Return a row's path without extension.

        ``<split>/<subject>/<band>_<name>``, or ``<split>/<sample id>`` where there are no folders
        of subjects; without escapes for what any disk takes, and without dots.

        Args:
            row: with ``sample_id``; for folders of subjects also ``subject_id`` and ``band``.
            split: of the row.
        """
        stem = _stem(row, split, self.folders)
        if _digest(row, self.folders) in self.doubled:
            stem += "~" + hashlib.sha256(row["sample_id"].encode()).hexdigest()[:8]
        return stem


NAMED_BY = ("sample_id", "subject_id", "band")
"""The columns that a name in a subject's folder is made of."""

NOBODY = "unknown"
"""Folder of images without a subject."""


def names_of(rows: Iterable[tuple[str, str | None, str]], *, by_subject: bool) -> Names:
    """Find out which names would be doubled, in whichever split: a format may join some.

    Args:
        rows: sample id, subject and band of each row.
        by_subject: whether subjects have folders.
    """
    listed = [*rows]
    folders = subject_folders({subject for _, subject, _ in listed}) if by_subject else None
    seen: set[bytes] = set()
    doubled: set[bytes] = set()
    for sample_id, subject, band in listed:
        row: Row = {"sample_id": sample_id, "subject_id": subject, "band": band}
        digest = _digest(row, folders)
        (doubled if digest in seen else seen).add(digest)
    return Names(folders, frozenset(doubled))


def subject_folders(subjects: Collection[str | None]) -> dict[str | None, str]:
    """Return a folder for each subject; where some differ by case alone, all get a digest."""
    names = {subject: safe_component(subject or NOBODY) for subject in subjects}
    folded = Counter(name.casefold() for name in names.values())
    return {
        subject: name
        if folded[name.casefold()] == 1 or subject is None
        else f"{name}~{hashlib.sha256(os.fsencode(subject)).hexdigest()[:8]}"
        for subject, name in names.items()
    }


def _stem(row: Row, split: str, folders: Mapping[str | None, str] | None) -> str:
    parts = _parts(row["sample_id"])
    if folders is None:
        # Ultralytics finds a label by the last folder of that name.
        parts = [f"{part}_" if part == "images" else part for part in parts]
        return "/".join([safe_component(split), *map(safe_component, parts)])
    if len(parts) > 1 and parts[0] == (row["subject_id"] or "").replace(".", "_"):
        parts = parts[1:]
    kept = [part for part in parts[:-1] if part != row["band"]] + parts[-1:]
    name = safe_component("_".join([row["band"], *kept]))
    return f"{safe_component(split)}/{folders[row['subject_id']]}/{name}"


def _parts(sample_id: str) -> list[str]:
    """Return the folders and the name that a sample id was made of, without dots."""
    path, hash_sign, derived = sample_id.partition("#")
    stem, dot, extension = path.rpartition(".")
    if dot and stem and extension.lower() in _IMAGE_EXTENSIONS:
        path = stem
    parts = [os.fsdecode(unquote_to_bytes(part)) for part in path.split("/")]
    if hash_sign:
        parts[-1] += f"-{derived}".replace("#", "-")
    return [part.replace(".", "_") for part in parts]


def _digest(row: Row, folders: Mapping[str | None, str] | None) -> bytes:
    stem = _stem(row, "", folders)
    return hashlib.sha256(stem.casefold().encode()).digest()[:12]


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
