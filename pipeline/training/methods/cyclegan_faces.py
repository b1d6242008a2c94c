"""The two unpaired sets of faces that CycleGAN trains between."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pipeline.errors import StageError
from pipeline.ops.sharpness import sharpness
from pipeline.params.degrade import PhotometricParams
from pipeline.params.train_degrader import TrainDegraderParams
from pipeline.rng import rng_for, seed_for
from pipeline.store.selection import select
from pipeline.store.shards import ShardFolder
from pipeline.synthesis.degrade.frame import frame_of_face
from pipeline.synthesis.degrade.photometric import degrade_photometric, draw_degradation
from pipeline.training.data.sample_set import Part, SampleSet
from pipeline.types import HEAT_BANDS, Int64, Split, UInt8

GEOMETRY = ("context_warp_2x3", "source_hw")
"""Columns that say where a context crop ends before its image does."""
_FRAMES_AT_ONCE = 16


class Quality(StrEnum):
    """Which of the two sets."""

    SHARP = "sharp"
    LOW = "low"


@dataclass(frozen=True)
class QualityFaces:
    """Faces that count as sharp, and faces that count as of low quality.

    - ``photometric``: half of the faces, chosen by their ids, goes through the photometric chain
      with seeds of its own; its low quality is simulated.
    - ``measured``: the least sharp share of the faces, against the sharpest share.
    - ``cameras``: the images of the named cameras, against all others.

    Attributes:
        samples: all faces, with their ``context`` crops.
        params: of the training.
        photometric: what the chain draws from.
        chosen: indices into the samples by quality; none where there are too few faces.
    """

    samples: SampleSet
    params: TrainDegraderParams
    photometric: PhotometricParams
    chosen: dict[Quality, Int64]

    @classmethod
    def open(
        cls, source: ShardFolder, params: TrainDegraderParams, photometric: PhotometricParams
    ) -> "QualityFaces | None":
        """Open the faces of the train split and split them; None where there is none.

        Raises:
            StageError: as ``split`` does.
        """
        samples = open_faces(source, params, Split.TRAIN)
        return None if samples is None else cls.split(samples, params, photometric)

    @classmethod
    def split(
        cls, samples: SampleSet, params: TrainDegraderParams, photometric: PhotometricParams
    ) -> "QualityFaces":
        """Split faces as the params say.

        Raises:
            StageError: there are several faces, but all of them, or none, are of the named cameras.
        """
        count = len(samples)
        if params.low_quality == "cameras":
            named = np.isin(np.array(samples.column("camera_id"), object), params.cameras)
            low, sharp = np.flatnonzero(named), np.flatnonzero(~named)
        elif params.low_quality == "measured":
            order = np.argsort(_sharpness(samples, params.frame_px), kind="stable")
            share = int(count * params.extremes_share)
            low, sharp = order[:share], order[count - share :]
        else:
            names = samples.sample_ids.tolist()
            order = np.argsort([seed_for(params.seed, f"half/{name}") for name in names])
            low, sharp = order[: count // 2], order[count // 2 :]
        if params.low_quality == "cameras" and count > 1 and not (len(sharp) and len(low)):
            raise StageError(
                f"train_degrader found {len(sharp)} sharp and {len(low)} low-quality faces with "
                f"low_quality: {params.low_quality}: expected some of both; check bands, cameras "
                "and the train split"
            )
        return cls(samples, params, photometric, {Quality.SHARP: sharp, Quality.LOW: low})

    def count(self, quality: Quality) -> int:
        """Return the number of faces."""
        return len(self.chosen[quality])

    def counts(self) -> dict[str, int]:
        """Return the number of faces of each set by its name."""
        return {str(quality): self.count(quality) for quality in Quality}

    def some(self, count: int) -> dict[str, list[UInt8]]:
        """Return up to so many faces of each set, spread over it, by its name."""
        return {
            str(quality): list(self.frames(quality, _spread(self.count(quality), count)))
            for quality in Quality
        }

    def frames(self, quality: Quality, places: Int64) -> UInt8:
        """Return faces in the frame in which they are degraded, uint8 (k, f, f, 3).

        Args:
            quality: which set.
            places: int64 (k,), 0 … ``count(quality)`` − 1.
        """
        indices = self.chosen[quality][places]
        frames = frames_of(self.samples, indices, self.params.frame_px)
        if quality is Quality.LOW and self.params.low_quality == "photometric":
            faces = self.samples.take(indices)
            named = zip(faces.sample_ids.tolist(), faces.bands.tolist(), strict=True)
            for place, (name, band) in enumerate(named):
                frames[place] = self._degraded(name, band, frames[place])
        return frames

    def _degraded(self, name: str, band: str, frame: UInt8) -> UInt8:
        rng = rng_for(self.params.seed, f"low/{name}")
        drawn = draw_degradation(self.photometric, rng)
        return degrade_photometric(frame, drawn, rng, heat=band in HEAT_BANDS)


def open_faces(source: ShardFolder, params: TrainDegraderParams, split: Split) -> SampleSet | None:
    """Open the faces of a split that the params choose; None where there is none.

    Args:
        source: rows of ``align``.
        params: of the training.
        split: rows without one count as ``train``.
    """
    chosen = select(
        source,
        bands=params.bands,
        splits=[split],
        per_subject=params.images_per_subject,
        seed=params.seed,
    )
    if not chosen.ids:
        return None
    return SampleSet.open(
        [Part(source, lambda row: row["sample_id"] in chosen.ids)],
        images=("context",),
        extras=GEOMETRY,
        budget_bytes=params.image_budget_mb << 20,
        asked_by="train_degrader",
        unknown_subjects=True,
    )


def some_frames(samples: SampleSet, frame_px: int, count: int) -> list[UInt8]:
    """Return up to so many faces in the frame, spread over all."""
    return list(frames_of(samples, _spread(len(samples), count), frame_px))


def frames_of(samples: SampleSet, indices: Int64, frame_px: int) -> UInt8:
    """Return context crops scaled to the frame, uint8 (k, f, f, 3)."""
    chosen = samples.take(indices)
    warps, sizes = (chosen.column(name) for name in GEOMETRY)
    faces = zip(samples.read(indices, "context"), warps, sizes, strict=True)
    frames = [frame_of_face(crop, warp, hw, frame_px) for crop, warp, hw in faces]
    return np.array(frames, np.uint8).reshape(-1, frame_px, frame_px, 3)


def _spread(count: int, wanted: int) -> Int64:
    return np.arange(0, count, max(1, -(-count // wanted)))


def _sharpness(samples: SampleSet, frame_px: int) -> list[float]:
    found = []
    for at in range(0, len(samples), _FRAMES_AT_ONCE):
        run = np.arange(at, min(at + _FRAMES_AT_ONCE, len(samples)))
        found += [sharpness(frame) for frame in frames_of(samples, run, frame_px)]
    return found
