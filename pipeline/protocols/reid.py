"""Protocols of visible-infrared re-identification: LLCM, SYSU-MM01 and RegDB.

A gallery is drawn anew in each of ten trials; a trial is a fold. The draws are those of the public
code of each data set, number for number, so results can be compared with published ones.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from pipeline.errors import ReaderError
from pipeline.protocols.columns import single, training
from pipeline.readers import regdb, sysu_mm01
from pipeline.readers.layout import files_below, find_list, refuse_gaps
from pipeline.store.protocols import (
    Exclude,
    Kind,
    Protocol,
    Provenance,
    template_table,
    train_table,
)
from pipeline.types import Band, Row, Split

TRIALS = 10
LLCM_DIRECTIONS = (("vis_to_ir", Band.VIS, Band.NIR), ("ir_to_vis", Band.NIR, Band.VIS))
DEEN_NAMES = {"sampled_to_all_ir_to_vis": "VIS to IR", "all_to_sampled_ir_to_vis": "IR to VIS"}
"""What the code of DEEN, and all that is published by it, calls two of them. For "VIS to IR" it
turns the matrix of scores round, so that the sampled infra-red images are the queries."""
SYSU_MODES = {"all": ("1", "2", "4", "5"), "indoor": ("1", "2")}
SYSU_PLACES = {"3": "2"}
"""Cameras 2 and 3 see one place."""


def llcm(_: Path, rows: Sequence[Row]) -> Iterator[Protocol]:
    """Yield both protocols in circulation, in both directions.

    ``all_to_sampled_…``: all images of one band are queries, the gallery is one image of the
    other per subject and camera. ``sampled_to_all_…``: such a sample queries all images of the
    other band. They differ by more than ten points of mAP. Images of the query's own subject and
    camera are not searched.
    """
    train = training(rows)
    test = [row for row in rows if row.get("split") == Split.TEST]
    for direction, query, gallery in LLCM_DIRECTIONS:
        of = {band: [row for row in test if row["band"] == band] for band in (query, gallery)}
        common = {
            "match": None,
            "train": train,
            "exclude": Exclude.SAME_SUBJECT_AND_CAMERA,
            "kind": Kind.REIDENTIFICATION,
        }
        yield Protocol(
            f"all_to_sampled_{direction}",
            Provenance.OFFICIAL,
            f"LLCM, all {query} images are queries, the gallery is one {gallery} image per subject "
            f"and camera; mean of ten trials.{_named(f'all_to_sampled_{direction}')}",
            enroll=template_table(_draws(of[gallery])),
            probe=template_table(single(row) for row in of[query]),
            **common,
        )
        yield Protocol(
            f"sampled_to_all_{direction}",
            Provenance.OFFICIAL,
            f"LLCM, one {query} image per subject and camera is a query, the gallery is all "
            f"{gallery} images; mean of ten trials.{_named(f'sampled_to_all_{direction}')}",
            enroll=template_table(single(row) for row in of[gallery]),
            probe=template_table(_draws(of[query])),
            **common,
        )


def sysu(root: Path, rows: Sequence[Row]) -> Iterator[Protocol]:
    """Yield all-search and indoor-search, single-shot (and multi-shot with the authors' draws).

    With ``exp/rand_perm_cam.mat`` the gallery is the authors' (``all_single``, ``all_multi`` …); in
    any case there is the draw of the public code that most papers use (``all_single_agw`` …).
    Places, not cameras, are compared: a query of camera 3 doesn't meet images of camera 2.
    """
    test = [row for row in rows if row.get("split") == Split.TEST]
    queries = [row for row in test if row["camera_id"] in sysu_mm01.INFRARED]
    train = training(rows, (Split.TRAIN, Split.VALIDATION))
    drawn = find_list(files_below(root), "rand_perm_cam.mat")
    for mode, cameras in SYSU_MODES.items():
        gallery = [row for row in test if row["camera_id"] in cameras]
        draws = {f"{mode}_single_agw": ("the draw of the AGW code", list(_draws(gallery)))}
        if drawn:
            for shots, name in ((1, "single"), (10, "multi")):
                chosen = list(_authors_draws(root / drawn, gallery, shots))
                draws[f"{mode}_{name}"] = ("the authors' draw", chosen)
        for name, (whose, enrolled) in draws.items():
            yield Protocol(
                name,
                Provenance.OFFICIAL,
                f"SYSU-MM01, {mode} search, {whose}: infra-red queries, visible gallery; mean of "
                "ten trials. Training includes the validation subjects.",
                enroll=template_table(_at_place(row) for row in enrolled),
                probe=template_table(_at_place(single(row)) for row in queries),
                match=None,
                train=train,
                exclude=Exclude.SAME_CAMERA,
                kind=Kind.REIDENTIFICATION,
            )


def regdb_trials(root: Path, rows: Sequence[Row]) -> Iterator[Protocol]:
    """Yield both directions, ten trials each from the official lists.

    Raises:
        ReaderError: a trial's lists are incomplete.
    """
    lists = regdb.official_lists(root, files_below(root))
    known = {row["sample_id"]: row for row in rows}
    trials = sorted({trial for _, _, trial in lists}, key=int)
    for trial in trials:
        named = ((use, camera, trial) for use in ("train", "test") for camera in regdb.BANDS)
        needed = {key: f"idx/{'_'.join(key)}.txt" for key in named}
        refuse_gaps(root, lists, needed, f"trial {trial}")
    if not trials:
        return

    def of(camera: str) -> pa.Table:
        return template_table(
            single(known[i], int(t)) | {"camera_id": None}
            for t in trials
            for i in lists["test", camera, t]
        )

    train = train_table(
        (int(t), i, known[i]["subject_id"])
        for t in trials
        for camera in regdb.BANDS
        for i in lists["train", camera, t]
    )
    for name, query, gallery in (
        ("visible_to_thermal", "visible", "thermal"),
        ("thermal_to_visible", "thermal", "visible"),
    ):
        yield Protocol(
            name,
            Provenance.OFFICIAL,
            f"RegDB: {query} queries, {gallery} gallery; CMC over images, as in the code of AGW; "
            "mean of ten trials, each with a training half of its own.",
            enroll=of(gallery),
            probe=of(query),
            match=None,
            train=train,
            kind=Kind.REIDENTIFICATION_BY_IMAGE,
        )


def _named(protocol: str) -> str:
    published = DEEN_NAMES.get(protocol)
    return f' The code of DEEN calls it "{published}".' if published else ""


def _draws(rows: Iterable[Row]) -> Iterator[Row]:
    """Draw one image per subject and camera in each trial, as public code does.

    That code seeds Python's generator with the trial, counted from 0, and goes through sorted
    subjects, then cameras, then takes ``random.choice`` of the sorted file names.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["subject_id"], row["camera_id"]), []).append(row)
    ordered = [
        sorted(groups[key], key=lambda row: str(row["path"]).rpartition("/")[2])
        for key in sorted(groups)
    ]
    for trial in range(TRIALS):
        rng = random.Random(trial)  # noqa: S311 - has to be this one
        for images in ordered:
            yield single(rng.choice(images), trial + 1)


def _authors_draws(file: Path, gallery: Sequence[Row], shots: int) -> Iterator[Row]:
    """Read the authors' draws: for each camera and subject, ten orders of the images' numbers.

    Raises:
        ReaderError: the file is not as published, or names an image that isn't there.
    """
    from scipy.io import loadmat  # slow to import, seldom needed

    known = {row["sample_id"]: row for row in gallery}
    keys = sorted({(row["camera_id"], row["subject_id"]) for row in gallery})
    try:
        cameras = loadmat(file)["rand_perm_cam"]
        for trial in range(TRIALS):
            for camera, subject in keys:
                orders = cameras[int(camera) - 1][0].squeeze()[int(subject) - 1]
                for number in orders[trial][:shots]:
                    sample = sysu_mm01.sample_of(camera, subject, f"{int(number):04d}")
                    yield single(known[sample], trial + 1)
    except (KeyError, IndexError, ValueError) as error:
        raise ReaderError(
            f"{file}: expected the draws of the gallery that is on disk, found {error}"
        ) from error


def _at_place(row: Row) -> Row:
    return row | {"camera_id": SYSU_PLACES.get(row["camera_id"], row["camera_id"])}
