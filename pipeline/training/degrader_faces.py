"""The two unpaired sets of faces that CycleGAN trains between."""

from collections.abc import Iterable
from itertools import chain

import numpy as np

from pipeline.errors import StageError
from pipeline.ops.codec import decode_rgb
from pipeline.ops.sharpness import sharpness
from pipeline.params.degrade import PhotometricParams
from pipeline.params.train_degrader import TrainDegraderParams
from pipeline.rng import generator_for, seed_for
from pipeline.store import ShardFolder, select
from pipeline.synthesis.degrade.frame import frame_of
from pipeline.synthesis.degrade.photometric import degrade_photometric, draw_degradation
from pipeline.types import Row, Split, UInt8


def chosen_faces(source: ShardFolder, params: TrainDegraderParams, split: Split) -> list[Row]:
    """Read the rows of ``align`` that the params choose of a split."""
    chosen = select(
        source,
        bands=params.bands,
        splits=[split],
        per_subject=params.images_per_subject,
        seed=params.seed,
    )
    shards = map(chosen.shard, range(chosen.count))
    return list(chain.from_iterable(chain.from_iterable(shard.batches() for shard in shards)))


def sharp_and_low(
    rows: Iterable[Row], params: TrainDegraderParams, photometric: PhotometricParams
) -> tuple[UInt8, UInt8]:
    """Split training faces into sharp ones and ones of low quality.

    - ``photometric``: half of the faces, chosen by their ids, goes through the photometric chain
      with seeds of its own; its low quality is simulated.
    - ``measured``: the least sharp share of the faces, against the sharpest share.
    - ``cameras``: the images of the named cameras, against all others.

    Args:
        rows: rows of ``align``.
        params: of the training.
        photometric: what the chain draws from.

    Returns:
        Two of uint8 (n, f, f, 3): sharp, low; empty where there are too few faces.

    Raises:
        StageError: there are faces, but all of them, or none, are of the named cameras.
    """
    frames = [(row, frame_of(decode_rgb(row["context"]["bytes"]), params.frame_px)) for row in rows]
    if params.low_quality == "cameras":
        low = [frame for row, frame in frames if row["camera_id"] in params.cameras]
        sharp = [frame for row, frame in frames if row["camera_id"] not in params.cameras]
    elif params.low_quality == "measured":
        order = np.argsort([sharpness(frame) for _, frame in frames], kind="stable")
        count = int(len(frames) * params.measured_share)
        low = [frames[index][1] for index in order[:count]]
        sharp = [frames[index][1] for index in order[len(frames) - count :]]
    else:
        frames.sort(key=lambda item: seed_for(params.seed, f"half/{item[0]['sample_id']}"))
        half = len(frames) // 2
        low = [_degraded(row, frame, params.seed, photometric) for row, frame in frames[:half]]
        sharp = [frame for _, frame in frames[half:]]
    if params.low_quality == "cameras" and len(frames) > 1 and not (sharp and low):
        raise StageError(
            f"train_degrader found {len(sharp)} sharp and {len(low)} low-quality faces with "
            f"low_quality: {params.low_quality}: expected some of both; check bands, cameras and "
            "the train split"
        )
    shape = (-1, params.frame_px, params.frame_px, 3)
    return np.array(sharp, np.uint8).reshape(shape), np.array(low, np.uint8).reshape(shape)


def _degraded(row: Row, frame: UInt8, seed: int, photometric: PhotometricParams) -> UInt8:
    generator = generator_for(seed, f"low/{row['sample_id']}")
    return degrade_photometric(frame, draw_degradation(photometric, generator), generator)
