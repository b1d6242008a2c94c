"""Reader ``bin_packs``: InsightFace's verification packs, ``lfw.bin``, ``cfp_fp.bin`` and so on.

LFW, CFP-FF and CFP-FP, AgeDB-30, CALFW and CPLFW, aligned to 112 × 112 pixels, come beside its
training sets (https://github.com/deepinsight/insightface/tree/master/recognition/_datasets_); each
has the licence of its data set.

Layout: ``<name>.bin``, one or several, a pickle of ``(bins, issame)``: ``bins[2 * i]`` and
``bins[2 * i + 1]`` are the encoded images of pair ``i``, as bytes or as numpy's arrays of them,
``issame[i]`` whether they show one person. It is read, never unpickled. Who the people are, no pack
says: subjects stay empty, so nobody can tell whether a network was trained on them.

Reference:
    insightface ``recognition/arcface_torch/eval/verification.py``.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers.files import shown
from pipeline.readers.layout import list_official, official_row, refuse_root
from pipeline.readers.listing import sample_id_of
from pipeline.readers.pickled import Made, Span, read_pickle
from pipeline.store import Listing
from pipeline.types import Band, Region, Row

EXPECTED = "<name>.bin"
PUBLISHED: dict[str, int] = {}
SUFFIX = ".bin"


@dataclass(frozen=True)
class Pack:
    """A pack's pairs.

    Attributes:
        name: of the pack, as in its protocol.
        images: where each lies, two a pair.
        same: of each pair.
    """

    name: str
    images: list[Span]
    same: list[bool]

    def sample_of(self, number: int) -> str:
        """Return the sample id of an image by its place in the pack."""
        return f"{self.name}/{number:05d}"


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List the images of all packs.

    Raises:
        ReaderError: there is none, or one is no pack.
    """
    rows = [
        official_row(
            f"{path}:{span.start}:{span.length}",
            dataset,
            params,
            sample_id=pack.sample_of(number),
            band=str(Band.VIS),
            region=str(Region.FACE),
        )
        for path, pack in read_packs(root, dataset)
        for number, span in enumerate(pack.images)
    ]
    return Listing(rows, params.shards, partial(load, root))


def read_packs(root: Path, dataset: str) -> list[tuple[str, Pack]]:
    """Read all packs below a root, with their paths.

    Raises:
        ReaderError: there is none, one is no pack, or two have one name.
    """
    files = list_official(root, dataset, EXPECTED)
    found: dict[str, tuple[str, Pack]] = {}
    for path in files:
        if not path.lower().endswith(SUFFIX):
            continue
        name = sample_id_of(path.rpartition("/")[2][: -len(SUFFIX)])
        if name in found:
            raise ReaderError(
                f"data set {dataset!r}: {found[name][0]} and {path} have the same name: expected "
                f"one pack of each name below {root}"
            )
        found[name] = path, read_pack(root / path, name)
    if not found:
        raise refuse_root(root, dataset, EXPECTED, files)
    return list(found.values())


def read_pack(file: Path, name: str) -> Pack:
    """Read a pack.

    Raises:
        ReaderError: it is something else, or has not two images for each pair.
    """
    whole = read_pickle(file)
    if not isinstance(whole, (tuple, list)) or len(whole) != 2:
        raise ReaderError(f"{file}: expected a pickle of (images, whether each pair is one person)")
    images, same = _images(whole[0]), _truths(whole[1], file)
    if images is None or same is None or len(images) != 2 * len(same) or not same:
        raise ReaderError(
            f"{file}: expected two images (as bytes) for each pair, and whether each pair is one "
            f"person, found {'no' if images is None else len(images)} images and "
            f"{'no' if same is None else len(same)} pairs"
        )
    return Pack(name, images, same)


def _images(items: object) -> list[Span] | None:
    if not isinstance(items, (list, tuple)):
        return None
    spans = [item.span if isinstance(item, Made) else item for item in items]
    found = [span for span in spans if isinstance(span, Span)]
    return found if len(found) == len(spans) else None


def _truths(items: object, file: Path) -> list[bool] | None:
    """Read who is the same: a list of numbers or of numpy's, or one array of a byte each."""
    if isinstance(items, Made):
        return [value != 0 for value in _bytes(file, items.span)]
    if not isinstance(items, (list, tuple)):
        return None
    values = [any(_bytes(file, item.span)) if isinstance(item, Made) else item for item in items]
    return [bool(value) for value in values] if all(value in (0, 1) for value in values) else None


def _bytes(file: Path, span: Span | None) -> bytes:
    if span is None:
        return b""
    with file.open("rb") as opened:
        opened.seek(span.start)
        return opened.read(span.length)


def load(root: Path, row: Row) -> Row:
    """Add the image's bytes as ``content``; see ``listing.load_file``."""
    known = {name: value for name, value in row.items() if name != "path"}
    path, start, length = str(row["path"]).rsplit(":", 2)
    try:
        data = _bytes(root / path, Span(int(start), int(length)))
    except OSError as error:
        return known | {"unreadable": f"{shown(path)}: {error.strerror}"}
    if len(data) != int(length):
        return known | {"unreadable": f"{shown(path)}: the file ends before the image does"}
    return known | {"content": data}
