"""LLCM's two evaluation protocols, which differ by more than ten points of mAP.

Both query one modality against the other, ten times with another random sample, and leave entries
of the same subject and camera out of the gallery. A result means nothing without the protocol's
name.

Reference:
    Y. Zhang, H. Wang, Diverse embedding expansion network and low-light cross-modality benchmark
    for visible-infrared person re-identification, CVPR 2023, and its released code.
"""

import random
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.evaluation.comparison import compare
from pipeline.evaluation.identification import (
    cmc,
    mean_average_precision,
    mean_inverse_negative_penalty,
)
from pipeline.evaluation.measures import rank_probes

PROTOCOLS = ("sampled_gallery", "sampled_queries")
"""``sampled_gallery``: all queries against one random image per gallery subject and camera.

``sampled_queries``: one random image per query subject and camera, against the whole gallery."""


@dataclass(frozen=True)
class Images:
    """One modality's test images.

    Attributes:
        embeddings: (n, d).
        subjects: (n,).
        cameras: (n,).
    """

    embeddings: NDArray[np.floating]
    subjects: NDArray[np.generic]
    cameras: NDArray[np.generic]

    def take(self, rows: ArrayLike) -> "Images":
        """Return some of the images."""
        at = np.asarray(rows, np.int64)
        return Images(self.embeddings[at], self.subjects[at], self.cameras[at])


@dataclass(frozen=True)
class TrialResults:
    """Results of the trials; each array has one line a trial.

    Attributes:
        protocol: a name of ``PROTOCOLS``.
        cmc: float64 (trials, 20), over de-duplicated subjects.
        map: float64 (trials,).
        minp: float64 (trials,).
    """

    protocol: str
    cmc: NDArray[np.float64]
    map: NDArray[np.float64]
    minp: NDArray[np.float64]


def sample_one_per_camera(subjects: ArrayLike, cameras: ArrayLike, trial: int) -> list[int]:
    """Draw one image per subject and camera as the released code does.

    Subjects and cameras are walked in sorted order, and ``random.choice`` with the trial as seed
    picks among the images in the order given (the released code sorts the files' names).

    Args:
        subjects: (n,).
        cameras: (n,).
        trial: number of the trial, the seed.

    Returns:
        Rows of the drawn images.
    """
    groups: defaultdict[tuple[str | int, str | int], list[int]] = defaultdict(list)
    pairs = zip(np.asarray(subjects).tolist(), np.asarray(cameras).tolist(), strict=True)
    for row, pair in enumerate(pairs):
        groups[pair].append(row)
    # The protocol's own generator.
    draw = random.Random(trial)  # noqa: S311
    return [draw.choice(groups[pair]) for pair in sorted(groups)]


def llcm(queries: Images, gallery: Images, protocol: str, trials: int = 10) -> TrialResults:
    """Evaluate by one of the two protocols.

    Args:
        queries: all test images of the query modality, sorted by file name.
        gallery: all of the other.
        protocol: a name of ``PROTOCOLS``.
        trials: number of trials, at least 1.

    Raises:
        ValueError: no such protocol.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol {protocol!r} is none of {list(PROTOCOLS)}")
    curves, maps, minps = [], [], []
    for trial in range(trials):
        asked, known = queries, gallery
        if protocol == "sampled_gallery":
            known = gallery.take(sample_one_per_camera(gallery.subjects, gallery.cameras, trial))
        else:
            asked = queries.take(sample_one_per_camera(queries.subjects, queries.cameras, trial))
        ranks = rank_probes(
            compare(
                asked.embeddings,
                known.embeddings,
                asked.subjects,
                known.subjects,
                probe_cameras=asked.cameras,
                gallery_cameras=known.cameras,
            )
        )
        curves.append(cmc(ranks, 20))
        maps.append(mean_average_precision(ranks))
        minps.append(mean_inverse_negative_penalty(ranks))
    return TrialResults(protocol, np.stack(curves), np.array(maps), np.array(minps))
