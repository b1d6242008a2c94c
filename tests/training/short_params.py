"""The default methods, with params short enough for a test."""

from pathlib import Path

from pipeline.params.load import load_params
from pipeline.types import Band

PARAMS = load_params(Path(__file__).resolve().parents[2] / "params.yaml")
SHORT = {
    "steps": 4,
    "checkpoint_steps": 2,
    "threads": 1,
    "precision": "float32",
    "milestones": (),
    "warmup_steps": 0,
}
PRAM = PARAMS.train_nir_vis["pram_cat"].model_copy(
    update=SHORT | {"batch_triplets": 2, "kept_crops": 2}
)
HSST = PARAMS.train_nir_vis["hsst"].model_copy(
    update=SHORT | {"batch_pairs": 2, "prototypes": 2, "second_rows": "parts"}
)
BANDS = (Band.VIS, Band.NIR)
