"""Reader ``megaface``: MegaFace Challenge 1, FaceScrub probes among a million distractors.

Probes are 106,863 FaceScrub images of 530 people, of which 3,530 of 80 people are tested;
distractors are 1,027,060 Flickr images of 690,572 people. The data set is no longer given out
(http://megaface.cs.washington.edu, decommissioned 2020); many keep copies, also aligned ones.

Layout: ``facescrub_images/<Name>/<image>`` (or ``FaceScrub``, ``facescrub``) and
``megaface_images/<a>/<b>/<image>`` (or ``FlickrFinal2``, ``MegaFace``). Lists, where present:
``facescrub_features_list.json`` and ``megaface_features_list.json_1000000_1`` of the development
kit (``{"path": […], "id": […]}``), ``facescrub_noises.txt`` and ``megaface_noises.txt`` of
InsightFace.

Distractors have no subject: none of them is a probe's.

Reference:
    I. Kemelmacher-Shlizerman, S. M. Seitz, D. Miller, E. Brossard, The MegaFace benchmark: 1
    million faces for recognition at scale, CVPR 2016.
"""

import re
from pathlib import Path

from pipeline.params.datasets import DatasetParams
from pipeline.readers.layout import (
    list_by_path,
    official_row,
    stem_of,
)
from pipeline.readers.listing import sample_id_of
from pipeline.store import Listing
from pipeline.types import Band, Row

EXPECTED = "facescrub_images/<Name>/<image> and megaface_images/<a>/<b>/<image>"
PUBLISHED = {"without_subject": 1027060, "subjects": 530}
PROBES, DISTRACTORS = "facescrub", "megaface"

_PROBE = re.compile(r"(?:.*/)?(?:facescrub_images|facescrub)/([^/]+)/([^/]+)", re.IGNORECASE)
_DISTRACTOR = re.compile(r"(?:.*/)?(?:megaface_images|flickrfinal2|megaface)/(.+)", re.IGNORECASE)


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List probes and distractors.

    Raises:
        ReaderError: the root holds neither.
    """
    return list_by_path(root, dataset, params, EXPECTED, lambda path: _row(path, dataset, params))


def probe_of(path: str) -> str:
    """Return the sample id of a probe by the end of its path, ``<Name>/<image>``."""
    return sample_id_of(f"{PROBES}/{stem_of(path)}")


def distractor_of(path: str) -> str:
    """Return the sample id of a distractor by its path below the distractors' folder."""
    return sample_id_of(f"{DISTRACTORS}/{stem_of(path)}")


def _row(path: str, dataset: str, params: DatasetParams) -> Row | None:
    if match := _PROBE.fullmatch(path):
        sample_id, subject = probe_of(f"{match[1]}/{match[2]}"), match[1]
    elif match := _DISTRACTOR.fullmatch(path):
        sample_id, subject = distractor_of(match[1]), None
    else:
        return None
    return official_row(
        path, dataset, params, sample_id=sample_id, subject_id=subject, band=str(Band.VIS)
    )
