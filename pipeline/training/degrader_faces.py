"""The two unpaired sets of faces that CycleGAN trains between."""

from collections.abc import Iterable

import numpy as np

from pipeline.errors import StageError
from pipeline.ops.codec import decode_rgb
from pipeline.ops.sharpness import sharpness
from pipeline.params import PhotometricParams, TrainDegraderParams
from pipeline.rng import generator_for, seed_for
from pipeline.synthesis.degrade import degrade_photometric, draw_degradation, frame_of
from pipeline.types import Row, UInt8


def sharp_and_low(
    rows: Iterable[Row], params: TrainDegraderParams, photometric: PhotometricParams
) -> tuple[UInt8, UInt8]:
    """Split training faces into sharp ones and ones of low quality.

    - ``photometric``: half of the faces, chosen by their ids, goes through the photometric chain
      with seeds of its own; its low quality is simulated.
    - ``measured``: the least sharp share of the faces, against the sharpest share.
    - ``cameras``: the pictures of the named cameras, against all others.

    Args:
        rows: rows of ``align``.
        params: of the training.
        photometric: what the chain draws from.

    Returns:
        Two of uint8 (n, f, f, 3): sharp, low.

    Raises:
        StageError: one of the two would be empty.
    """
    frames = [(row, frame_of(decode_rgb(row["loose"]["bytes"]), params.frame_px)) for row in rows]
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
    if not sharp or not low:
        raise StageError(
            f"train_degrader found {len(sharp)} sharp and {len(low)} low-quality faces with "
            f"low_quality: {params.low_quality}: expected some of both; check bands, cameras and "
            "the train split"
        )
    return np.stack(sharp), np.stack(low)


def _degraded(row: Row, frame: UInt8, seed: int, photometric: PhotometricParams) -> UInt8:
    generator = generator_for(seed, f"low/{row['sample_id']}")
    return degrade_photometric(frame, draw_degradation(photometric, generator), generator)
