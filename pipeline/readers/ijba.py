"""Reader ``ijba``: IARPA Janus Benchmark A.

500 subjects, 5,712 images and 2,085 videos (20,414 frames): 25,817 faces as listed. NIST gave it
out until 2019 (https://www.nist.gov/itl/iad/ig/ijb-dataset-request-form); it was replaced by IJB-C.

Layout: images as ``img/533.JPG`` and frames as ``frame/28337_00300.png``, below ``images/`` or
any other folder; the lists say ``frame/``, even where NIST's later archive of all three sets has
``frames/``; ten splits of
``IJB-A_11_sets/split1/{train_1,verify_metadata_1,verify_comparisons_1}.csv`` (verification) and
``IJB-A_1N_sets/split1/{train_1,search_gallery_1,search_probe_1}.csv`` (open-set identification).
Lists have 25 columns from ``TEMPLATE_ID`` to ``FACIAL_HAIR``; comparisons are headerless pairs of
template ids. A file shows several subjects, so a sample is a subject's face in a file.

In the search, 55 subjects of each split are not in its gallery. JANUS CS2, which papers of that
time call IJB-A too, is another protocol on these images: all 167 subjects enrolled, all pairs of
gallery and probe compared. Its numbers and IJB-A's can't stand in one table.

Reference:
    B. F. Klare et al., Pushing the frontiers of unconstrained face detection and recognition: IARPA
    Janus Benchmark A, CVPR 2015.
"""

from pathlib import Path

from pipeline.params.datasets import DatasetParams
from pipeline.readers.ijb import Columns, Images, sample_rows
from pipeline.readers.layout import list_official, make_listing, numbered_lists, refuse_root
from pipeline.store import Listing

EXPECTED = "IJB-A_11_sets/split<n>/*.csv, IJB-A_1N_sets/split<n>/*.csv, img/ and frame[s]/"
PUBLISHED = {"images": 25817, "subjects": 500}
COLUMNS = Columns("FILE", "MEDIA_ID", "FRAME", "FACE_YAW")
FOLDERS = {"img": "img", "frame": "frame", "frames": "frame"}
"""What the lists call each folder of images, by its name on disk."""

_LIST = (
    r"IJB-A_(11|1N)_sets/split(\d+)/"
    r"(train|verify_metadata|verify_comparisons|search_gallery|search_probe)_\d+\.csv"
)


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List all faces that the lists name.

    Raises:
        ReaderError: the lists are missing or malformed.
    """
    files = list_official(root, dataset, EXPECTED)
    lists = official_lists(files)
    named = [root / path for (_, _, use), path in lists.items() if use != "verify_comparisons"]
    if not named:
        raise refuse_root(root, dataset, EXPECTED, files)
    images = Images(files, FOLDERS)
    rows = sample_rows(sorted(named), COLUMNS, images, dataset, params)
    return make_listing(root, dataset, params, EXPECTED, rows)


def official_lists(files: list[str]) -> dict[tuple[str, ...], str]:
    """Find the lists by (``11`` or ``1n``, split, ``train``, ``verify_metadata`` …)."""
    return numbered_lists(files, _LIST)
