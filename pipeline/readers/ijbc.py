"""Reader ``ijbc``: IARPA Janus Benchmark C.

3,531 subjects, 31,334 images and 117,542 frames of 11,779 videos; 1:1 verification with 23,124
templates, 19,557 genuine and 15,638,932 impostor comparisons. NIST gave it out on request
(https://www.nist.gov/programs-projects/face-challenges).

Layout: images as ``img/<n>.jpg`` and frames as ``frames/<video>_<frame>.png`` below ``images/``
or any other folder, and ``protocols/`` with

- ``ijbc_1N_gallery_G1.csv``, ``ijbc_1N_gallery_G2.csv``, ``ijbc_1N_probe_mixed.csv``: templates,
  with the columns TEMPLATE_ID, SUBJECT_ID, FILENAME, SIGHTING_ID, FACE_X, FACE_Y, FACE_WIDTH,
  FACE_HEIGHT, FRAME_NUM, FACIAL_HAIR, AGE, INDOOR_OUTDOOR, SKINTONE, GENDER, YAW, ROLL, OCC1 …
  OCC18;
- ``ijbc_11_G1_G2_matches.csv``: headerless ``gallery template,probe template``;
- ``ijbc_metadata.csv``: all faces, without TEMPLATE_ID (optional).

A file shows several subjects, so a sample is a subject's face in a file. SIGHTING_ID groups the
frames of one video; a template is the mean within each, then over them.

Reference:
    B. Maze et al., IARPA Janus Benchmark – C: face dataset and protocol, ICB 2018.
"""

from pathlib import Path

from pipeline.params.datasets import DatasetParams
from pipeline.readers.ijb import Columns, Release, known_unused, read_release
from pipeline.store import Listing

__all__ = ["COLUMNS", "PUBLISHED", "RELEASE", "known_unused", "read"]

PUBLISHED = {"subjects": 3531}
COLUMNS = Columns("FILENAME", "SIGHTING_ID", "FRAME_NUM", "YAW")
RELEASE = Release(
    name="IJB-C",
    galleries=("ijbc_1N_gallery_G1.csv", "ijbc_1N_gallery_G2.csv"),
    probes="ijbc_1N_probe_mixed.csv",
    pairs="ijbc_11_G1_G2_matches.csv",
    metadata="ijbc_metadata.csv",
    columns=(COLUMNS,),
    expected="protocols/ijbc_1N_*.csv, protocols/ijbc_11_G1_G2_matches.csv, img/ and frames/",
)


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List all faces that the template lists, or the metadata, name.

    Raises:
        ReaderError: a list is missing or malformed.
    """
    return read_release(RELEASE, root, dataset, params)
