"""Reader ``ijbb``: IARPA Janus Benchmark B.

1,845 subjects, 21,798 images and 55,026 frames of 7,011 videos; 1:1 verification with 12,115
templates, 10,270 genuine and 8,000,000 impostor comparisons. NIST gave it out on request
(https://www.nist.gov/programs-projects/face-challenges).

Layout: as of ``ijbc``, the lists in ``protocol/`` and named ``ijbb_1N_gallery_S1.csv``,
``ijbb_1N_gallery_S2.csv``, ``ijbb_1N_probe_mixed.csv``, ``ijbb_11_S1_S2_matches.csv``. They have
eyes and nose, and no yaw; the first release says ``FILE`` and ``FRAME`` for ``FILENAME`` and
``FRAME_NUM``.

Reference:
    C. Whitelam et al., IARPA Janus Benchmark-B face dataset, CVPR Workshops 2017; the numbers of
    comparisons are those of the official lists.
"""

from pathlib import Path

from pipeline.params.datasets import DatasetParams
from pipeline.readers.ijb import Columns, Release, known_unused, read_release
from pipeline.store import Listing

__all__ = ["PUBLISHED", "RELEASE", "known_unused", "read"]

PUBLISHED = {"subjects": 1845}
RELEASE = Release(
    name="IJB-B",
    galleries=("ijbb_1N_gallery_S1.csv", "ijbb_1N_gallery_S2.csv"),
    probes="ijbb_1N_probe_mixed.csv",
    pairs="ijbb_11_S1_S2_matches.csv",
    metadata="ijbb_metadata.csv",
    columns=(
        Columns("FILENAME", "SIGHTING_ID", "FRAME_NUM", "YAW"),
        Columns("FILE", "SIGHTING_ID", "FRAME", "FACE_YAW"),
    ),
    expected="protocol/ijbb_1N_*.csv, protocol/ijbb_11_S1_S2_matches.csv, img/ and frames/",
)


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List all faces that the template lists, or the metadata, name.

    Raises:
        ReaderError: a list is missing or malformed.
    """
    return read_release(RELEASE, root, dataset, params)
