"""Reader ``mcxface``: MCXFace, faces in five channels that lie on each other.

51 subjects in several sessions, made from HQ-WMCA by Idiap: colour (VIS, Basler), near infra-red
(NIR, Basler, 850 nm), short-wave infra-red (SWIR, Xenics Bobcat, 1300 nm), thermal (LWIR, Xenics
Gobi), depth. Depth is no band and is not read. Ask Idiap: https://www.idiap.ch/en/scientific-research/data.

Layout: images (``.jpg``) anywhere below the root, and the protocols as Bob keeps them
(``readers.bob_lists``): ``<SOURCE>-<TARGET>-split<n>/{norm,dev}/…csv``, five splits, which name
each image and its eyes. The channel of an image is that of the lists: a protocol's models are of
its source, its probes of its target, all of ``COLOR-COLOR-split1`` is ``COLOR``.

Reference:
    A. George, A. Mohammadi, S. Marcel, Prepended domain transformer: heterogeneous face recognition
    without bells and whistles, TIFS 2022; bob.bio.face, ``MCXFaceDatabase``.
"""

import re
from collections.abc import Collection
from pathlib import Path

from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers.bob_lists import MODELS, PROBES, TRAIN, Listed, Stems, read_protocols
from pipeline.readers.boxes import box_around_landmarks
from pipeline.readers.layout import (
    is_image,
    list_official,
    make_listing,
    official_row,
    refuse_root,
    report_absent,
)
from pipeline.readers.listing import sample_id_of
from pipeline.store import Listing
from pipeline.types import Band

EXPECTED = "<SOURCE>-<TARGET>-split<n>/{norm,dev}/*.csv and the images that they name"
PUBLISHED = {"subjects": 51}
CHANNELS = {"color": Band.VIS, "nir": Band.NIR, "swir": Band.SWIR, "thermal": Band.LWIR}

_PROTOCOL = re.compile(r"([a-z]+)-([a-z]+)-split(\d+)")


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List the images that the protocols name.

    Raises:
        ReaderError: there are no such lists, one is malformed, or two contradict each other.
    """
    files = list_official(root, dataset, EXPECTED)
    listed = _listed(root, files)
    if not listed:
        raise refuse_root(root, dataset, EXPECTED, files)
    images = Stems(filter(is_image, files))
    rows, absent = [], []
    for path, (channel, line) in sorted(listed.items()):
        if channel not in CHANNELS:
            continue
        on_disk = images.path_of(path)
        if on_disk is None:
            absent.append(path)
        landmarks = line.landmarks_xy
        rows.append(
            official_row(
                on_disk or f"{path}.?",
                dataset,
                params,
                sample_id=sample_id_of(path),
                subject_id=line.subject,
                camera_id=channel,
                band=str(CHANNELS[channel]),
                truth_landmarks_xy=landmarks,
                truth_box_xyxy=None if landmarks is None else box_around_landmarks(landmarks),
            )
        )
    report_absent(dataset, absent)
    return make_listing(root, dataset, params, EXPECTED, rows)


def known_unused(path: str, _: Collection[str]) -> str | None:
    """Say that an image is one of depth, by its folders or name, else None."""
    return "images of depth" if "depth" in path.lower() else None


def splits_of(name: str) -> tuple[str, str, int] | None:
    """Return source, target and number of a protocol's name; None of another one."""
    match = _PROTOCOL.fullmatch(name)
    return (match[1], match[2], int(match[3])) if match else None


def _listed(root: Path, files: list[str]) -> dict[str, tuple[str, Listed]]:
    """Return channel and line of each image that a protocol names."""
    found: dict[str, tuple[str, Listed]] = {}
    for name, uses in read_protocols(root, files).items():
        if (parts := splits_of(name)) is None:
            continue
        source, target, _ = parts
        channels = {MODELS: source, PROBES: target, TRAIN: source if source == target else None}
        for use, lines in uses.items():
            for line in lines:
                channel = channels[use]
                if channel is None:
                    continue
                known = found.setdefault(line.path, (channel, line))
                if known[0] != channel or known[1].subject != line.subject:
                    raise ReaderError(
                        f"{root}: {line.path} is {channel} of {line.subject} in {name}, and "
                        f"{known[0]} of {known[1].subject} elsewhere"
                    )
    return found
