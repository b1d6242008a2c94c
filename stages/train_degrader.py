"""Stage ``train_degrader``: CycleGAN from sharp to low-quality faces."""

import hashlib
from itertools import chain
from pathlib import Path

from pipeline.ops.codec import decode_rgb
from pipeline.report.quality import comparison_sheet, sharpness_metrics, write_curve
from pipeline.store import Selection, select
from pipeline.synthesis.degrade import frame_of
from pipeline.types import Row, Split
from stages.run import StageRun, stage_main

SHOWN = 6


def rows_of(selection: Selection) -> list[Row]:
    """Read all rows of a selection."""
    shards = map(selection.shard, range(selection.count))
    return list(chain.from_iterable(chain.from_iterable(shard.batches() for shard in shards)))


def run(stage: StageRun) -> None:
    """Train on a data set's faces, measure on those of subjects that the training did not see."""
    from pipeline.synthesis.degrade.cyclegan import CycleGanDegrader  # these bring torch
    from pipeline.training.degrader import LOSSES, DegraderTraining
    from pipeline.training.degrader_faces import sharp_and_low
    from pipeline.training.loop import train

    params, photometric = stage.params.train_degrader, stage.params.degrade.photometric
    of_split = {
        split: rows_of(
            select(
                stage.source("align"),
                bands=params.bands,
                splits=[split],
                per_subject=params.pictures_per_subject,
                seed=params.seed,
            )
        )
        for split in (Split.TRAIN, Split.VALIDATION)
    }
    rows = of_split[Split.TRAIN]
    contents = hashlib.sha256("".join(row["content_sha256"] for row in rows).encode())
    key = stage.key([params, photometric]).fingerprint(contents.hexdigest())
    sharp, low = sharp_and_low(rows, params, photometric)
    folder = Path("data", stage.dataset, stage.stage)
    training = DegraderTraining(params, sharp, low)
    curve = train(
        training,
        label=f"{stage.stage}@{stage.dataset}",
        steps=params.steps,
        checkpoint=folder / "checkpoint.pt",
        checkpoint_steps=params.checkpoint_steps,
        key=key,
    )
    training.save_generator(folder / "generator.pt")

    degrader = CycleGanDegrader(folder / "generator.pt")
    pictures = (decode_rgb(row["loose"]["bytes"]) for row in of_split[Split.VALIDATION])
    unseen = [frame_of(picture, params.frame_px) for picture in pictures]
    made = [degrader.degrade(face) for face in unseen]
    sets = {"sharp": list(sharp), "low": list(low), "unseen": unseen, "unseen_degraded": made}
    stage.write_metrics(
        {
            "steps": params.steps,
            "faces": {"sharp": len(sharp), "low": len(low)},
            "low_quality_simulated": params.low_quality == "photometric",
            "loss": {name: round(curve[-1][name], 4) for name in LOSSES},
            "sharpness": sharpness_metrics(sets),
        }
    )
    write_curve(curve, stage.report("curves", ".csv"))
    comparison_sheet({n: f[:SHOWN] for n, f in sets.items()}, stage.report("contact", ".png"))


if __name__ == "__main__":
    stage_main("train_degrader", run)
