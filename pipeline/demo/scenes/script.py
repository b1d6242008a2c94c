"""Who walks where: subjects, galleries, and the takes in which they are filmed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.people.openpeople import SPLITS
from pipeline.demo.scenes.camera import CAMERAS, Camera
from pipeline.demo.scenes.figure import Stance
from pipeline.demo.scenes.gait import CYCLE_M
from pipeline.params.sample import ScenesParams
from pipeline.rng import rng_for
from pipeline.types import Split

Floats = NDArray[np.float64]

GALLERIES = ("gallery-1", "gallery-2")
_TRIES = 200
_APART_M = 0.55
"""Two people come no nearer to each other."""
_LOOKS_PER_S, _LOOKS = 8.0, (16, 240)
"""How often it is looked at how near they are, and how many times at least and at most."""


@dataclass(frozen=True)
class Walk:
    """A straight way at constant speed, there and back; positions in metres, times in seconds.

    Attributes:
        subject_id: who.
        across_m, distance_m: where at time 0: to the right of the camera's axis, from the camera.
        across_m_s, distance_m_s: velocity.
        heading_deg: see ``figure.Stance``.
        phase: of the gait at time 0, radians.
        leg_s: after so long the person turns round, each time.
    """

    subject_id: str
    across_m: float
    distance_m: float
    across_m_s: float
    distance_m_s: float
    heading_deg: float
    phase: float
    leg_s: float = 1e9

    def at(self, seconds: float) -> tuple[float, float, Stance]:
        """Return across, distance and stance at a time."""
        speed = float(np.hypot(self.across_m_s, self.distance_m_s))
        phase = self.phase + 2 * np.pi * speed * seconds / CYCLE_M
        (across, distance), back = self.way(np.array([seconds]))
        heading = self.heading_deg + 180.0 * bool(back[0])
        return float(across[0]), float(distance[0]), Stance(heading, float(phase), speed > 0)

    def way(self, seconds: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Return across and distance at times (n,), (2, n), and when the person is coming back."""
        legs = np.maximum(np.ceil(seconds / self.leg_s) - 1, 0)
        walked, back = seconds - legs * self.leg_s, legs % 2 == 1
        walked = np.where(back, self.leg_s - walked, walked)
        across, distance = self.across_m_s * walked, self.distance_m_s * walked
        return np.stack([self.across_m + across, self.distance_m + distance]), back


@dataclass(frozen=True)
class Take:
    """One media.

    Attributes:
        folder: of ``camera.CAMERAS``.
        name: of the media inside it.
        as_frames: whether it is a folder of frames instead of a video.
        walks: who is in it.
    """

    folder: str
    name: str
    as_frames: bool
    walks: tuple[Walk, ...]

    @property
    def key(self) -> str:
        """Unique name of the take."""
        return f"{self.folder}/{self.name}"


def galleries_of(params: ScenesParams) -> dict[str, list[str]]:
    """Return the subjects of each gallery: people of OpenPeople first, procedural ones then."""
    each = params.subjects // len(GALLERIES)
    known = list(SPLITS.items())[: params.openpeople_subjects]
    found: dict[str, list[str]] = {gallery: [] for gallery in GALLERIES}
    for subject, split in known:
        found[GALLERIES[0] if split is Split.TRAIN else GALLERIES[1]].append(subject)
    number = 0
    for subjects in found.values():
        while len(subjects) < each:
            number += 1
            subjects.append(f"B{number:03d}")
    return found


def plan(params: ScenesParams) -> list[Take]:
    """Plan all takes; each subject is in at least one of each folder."""
    takes = []
    for gallery, subjects in galleries_of(params).items():
        for folder, (_, camera) in CAMERAS.items():
            casts = _casts(params, subjects, f"{gallery}/{folder}")
            for number, cast in enumerate(casts):
                name = f"{gallery.replace('gallery-', 'g')}_{number + 1:02d}"
                walks = _walks(params, camera, cast, f"{folder}/{name}")
                takes.append(Take(folder, name, number % 3 == 2, walks))
    return takes


def _casts(params: ScenesParams, subjects: list[str], key: str) -> list[list[str]]:
    """Deal the subjects to the videos: all come before anybody comes again."""
    rng = rng_for(params.seed, f"{key}/casts")
    casts: list[list[str]] = []
    stack: list[str] = []
    for _ in range(params.videos_per_gallery):
        cast: list[str] = []
        while len(cast) < params.people_per_video:
            if not [subject for subject in stack if subject not in cast]:
                stack += [subjects[index] for index in rng.permutation(len(subjects))]
            place = next(i for i, subject in enumerate(stack) if subject not in cast)
            cast.append(stack.pop(place))
        casts.append(cast)
    return casts


def _walks(params: ScenesParams, camera: Camera, cast: list[str], key: str) -> tuple[Walk, ...]:
    """Draw ways that don't collide; the slots from left to right keep people in the frame."""
    rng = rng_for(params.seed, f"{key}/walks")
    seconds = (params.frames_per_video - 1) / params.frames_per_second
    slots = rng.permutation(len(cast))
    best: tuple[Walk, ...] = ()
    clearest = -1.0
    for _ in range(_TRIES):
        walks = tuple(
            _walk(
                camera,
                subject,
                (slot + rng.uniform(0.2, 0.8)) / len(cast),
                seconds,
                rng,
            )
            for subject, slot in zip(cast, slots, strict=True)
        )
        clear = _clearance(walks, seconds)
        if clear > clearest:
            best, clearest = walks, clear
        if clear >= _APART_M:
            break
    return best


def _walk(
    camera: Camera, subject: str, slot: float, seconds: float, rng: np.random.Generator
) -> Walk:
    kind = rng.random()
    photographed = not subject.startswith("B")
    speed = float(rng.uniform(1.0, 1.5))
    if kind < 0.2:
        speed, heading = 0.0, float(rng.normal(0.0, 40.0))
    elif kind < 0.35 and not photographed:
        heading = float(rng.choice((-90.0, 90.0)) + rng.normal(0.0, 15.0))
    elif kind < 0.47:
        heading = float(180.0 + rng.normal(0.0, 20.0))
    else:
        heading = float(rng.normal(0.0, 12.0 if photographed else 35.0))
    turn = np.radians(heading)
    across_m_s, distance_m_s = speed * np.sin(turn), -speed * np.cos(turn)
    # In a long video people turn round, or they would walk through the camera.
    leg_s = seconds
    if speed:
        leg_s = min(seconds, (camera.far_m - camera.near_m) / max(abs(distance_m_s), 1e-6))
    reach = abs(distance_m_s) * leg_s / 2
    low, high = camera.near_m + reach, camera.far_m - reach
    middle = float(rng.uniform(low, high)) if low < high else (low + high) / 2
    half = 0.5 * camera.width_px / camera.scale_at(middle)
    across = (2 * slot - 1) * max(half - 0.35, 0.0)
    if 2 * half < abs(across_m_s) * leg_s:  # wider than the frame: back before all is out of it
        leg_s = 2 * half / abs(across_m_s)
    return Walk(
        subject,
        float(across - across_m_s * leg_s / 2),
        float(middle - distance_m_s * leg_s / 2),
        float(across_m_s),
        float(distance_m_s),
        heading,
        float(rng.uniform(0.0, 2 * np.pi)),
        float(leg_s),
    )


def _clearance(walks: tuple[Walk, ...], seconds: float) -> float:
    """Return how near any two people come."""
    times = np.linspace(0.0, seconds, int(np.clip(_LOOKS_PER_S * seconds, *_LOOKS)))
    ways = np.stack([walk.way(times)[0] for walk in walks])
    gaps = np.linalg.norm(ways[:, None] - ways[None], axis=2)
    gaps[np.arange(len(walks)), np.arange(len(walks))] = np.inf
    return float(gaps.min()) if len(walks) > 1 else np.inf
