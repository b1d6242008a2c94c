"""A project folder whose stages a test runs in its own process."""

import importlib
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from edited_params import edit
from face_rows import write_rows

from pipeline.params.load import load_params
from pipeline.schemas.attributes import ATTRIBUTES
from pipeline.schemas.masks import MASKS
from pipeline.schemas.parts import PARTS
from stages.run import StageRun

ROOT = Path(__file__).resolve().parents[2]
SHORT = {"steps": 1, "threads": 1, "precision": "float32", "checkpoint_steps": 1}
NETWORK = {
    "pretrain_nir_vis": {name: SHORT | {"steps": 0} for name in ("lightcnn9", "dmfr")},
    "train_nir_vis": {
        "hsst": SHORT | {"steps": 0, "second_rows": "parts", "batch_pairs": 1, "prototypes": 1}
    },
    "train_dmfr": {"meta": SHORT | {"steps": 0, "batch_images": 4, "meta_test_images": 1}},
}
"""Networks that are initialised and left as they were."""


class Project:
    """A project folder with faces in place of what the stages before would make."""

    def edit(self, **sections):
        edit(**sections)

    def run(self, stage, item):
        module = importlib.import_module(f"stages.{stage}")
        module.run(StageRun(stage, item, load_params(Path("params.yaml"))))

    def metrics(self, dataset, stage, item):
        return json.loads(Path(f"reports/metrics/{dataset}/{stage}/{item}.json").read_text())

    def embeddings(self, dataset, item):
        """What an evaluation left, by sample id."""
        path = Path("data", dataset, "evaluate_nir_vis", item, "embeddings.parquet")
        rows = pq.read_table(path).to_pylist()
        return {row["sample_id"]: np.array(row["embedding"]) for row in rows}

    def faces(self, dataset, rows):
        for stage, schema in (("parts", PARTS), ("attributes", ATTRIBUTES)):
            write_rows(Path("data", dataset, stage), schema, rows)
        masked = [row | {"sample_id": f"{row['sample_id']}#mask000"} for row in rows]
        write_rows(Path("data", dataset, "masks"), MASKS, masked)


def write_project(sface):
    """Write a project with short methods into the current folder."""
    for name in ("params.yaml", "weights.yaml"):
        shutil.copy(ROOT / name, ".")
    Path("weights").mkdir()
    Path("weights", sface.name).symlink_to(sface)
    made = Project()
    method = SHORT | {"second_rows": "parts"}
    made.edit(
        pretrain_nir_vis={"lightcnn9": SHORT | {"batch_images": 2}},
        train_nir_vis={
            "pram_cat": method | {"batch_triplets": 1, "kept_crops": 1},
            "hsst": method | {"batch_pairs": 1, "prototypes": 1},
        },
    )
    return made
