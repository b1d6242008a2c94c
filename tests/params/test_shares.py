"""What several processes cannot share evenly: told when params are read, not by the processes."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from pipeline.params.load import load_params

PARAMS = load_params(Path(__file__).resolve().parents[2] / "params.yaml")


@pytest.mark.parametrize(
    ("entry", "changes", "message"),
    [
        (PARAMS.train_nir_vis["hsst"], {"batch_pairs": 5}, "has 5 by batch_pairs: expected a mul"),
        (PARAMS.train_nir_vis["pram_cat"], {"batch_triplets": 3}, "has 3 by batch_triplets"),
        (PARAMS.pretrain_nir_vis["dmfr"], {"batch_images": 7}, "has 7 by batch_images"),
        (
            PARAMS.train_dmfr["meta"],
            {"batch_images": 16, "ratio": (1, 1), "meta_test_images": 3},
            "has 3 by meta_test_images",
        ),
        (
            PARAMS.train_dmfr["meta"],
            {"batch_images": 10, "ratio": (1, 1), "meta_test_images": 2},
            r"has 5 by batch_images and ratio \(real\)",
        ),
        (
            PARAMS.train_dmfr["filter"],
            {"batch_images": 16, "ratio": (1, 1), "paired_images": 1},
            "has 1 by paired_images",
        ),
        (
            PARAMS.pretrain_bodies["vis"],  # one band
            {"batch_subjects": 3, "images_per_band": 3},
            "has 9 by batch_subjects, bands and images_per_band",
        ),
    ],
)
def test_a_batch_that_two_processes_cannot_share_is_refused(entry, changes, message):
    values = entry.model_dump() | changes
    type(entry).model_validate(values)  # one process takes it
    with pytest.raises(ValidationError, match=f"devices is 2, but a batch {message}"):
        type(entry).model_validate(values | {"devices": 2})
