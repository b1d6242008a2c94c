"""Training on bodies: domain-aware batches, bfloat16, LoRA's memory, and embedding.

Run: ``python -m benchmarks.bench_body_training``. The baseline is what tutorials show:
torchvision's ``ImageFolder`` opens each image when a ``DataLoader`` of one worker asks for it,
changes it by torchvision's transforms, and the same ViT takes float32 in torch's own layout. Both
train a ViT-Ti at 384 × 128 with identity and batch-hard triplets. Peaks of memory are those of
processes of their own.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from benchmarks.results import note, peak_mb
from benchmarks.timing import compare
from models.bodies.losses import batch_hard
from models.bodies.semantic_vit import SIZES, Design, SemanticViT
from pipeline.ops.codec import encode_jpeg, encode_png
from pipeline.params.body_training import LoraParams
from pipeline.params.load import load_params
from pipeline.params.train_bodies import TrainBodyParams
from pipeline.schemas.ingest import INGEST
from pipeline.store.columns import IMAGE, extend, field, image_columns
from pipeline.store.shards import ShardFolder, ShardWriter
from pipeline.training.data.sample_set import Part, SampleSet
from pipeline.training.engine.embedding import embed_all
from pipeline.training.engine.loop import train
from pipeline.training.methods.bodies import Bodies
from pipeline.types import Band

HW = (384, 128)
SUBJECTS, IMAGES = 8, 4
BATCH_SUBJECTS = 4
BANDS = (Band.VIS, Band.SWIR, Band.MWIR, Band.LWIR)
ROWS = extend(INGEST, [field("body_region_labels", IMAGE), field("policy", pa.string())])


class SubjectsOfFolder(Sampler[int]):
    """So many images of a few subjects in turn, as public re-identification code samples."""

    def __init__(self, images: ImageFolder, steps: int) -> None:
        self.targets, self.steps = np.array(images.targets), steps

    def __iter__(self) -> Iterator[int]:
        """Yield indices."""
        rng = np.random.default_rng(0)
        for _ in range(self.steps):
            for subject in rng.choice(SUBJECTS, BATCH_SUBJECTS, replace=False):
                yield from rng.choice(np.flatnonzero(self.targets == subject), len(BANDS))

    def __len__(self) -> int:
        return self.steps * BATCH_SUBJECTS * len(BANDS)


def write_people(root: Path) -> SampleSet:
    """Write the same images as shards and as folders of subjects."""
    rng, rows = np.random.default_rng(0), []
    labels = np.zeros(HW, np.uint8)
    labels[:60], labels[60:200], labels[200:] = 1, 2, 3
    regions = {"bytes": encode_png(labels), "path": "r.png"}
    for subject in range(SUBJECTS):
        folder = root / f"folder/{subject}"
        folder.mkdir(parents=True)
        for band in BANDS:
            for number in range(IMAGES):
                noise = rng.integers(0, 255, (48, 16, 3))
                image = np.kron(noise, np.ones((8, 8, 1))).astype(np.uint8)
                data = encode_jpeg(image, 95)
                (folder / f"{band}-{number}.jpg").write_bytes(data)
                rows.append(
                    {
                        "sample_id": f"{subject}.{band}.{number}",
                        "dataset": "bench",
                        "subject_id": str(subject),
                        "band": str(band),
                        "region": "body",
                        "split": "train",
                        "simulated": True,
                        "content_sha256": "00" * 32,
                        "fingerprint": "",
                        "body_region_labels": regions,
                        "policy": "stretch",
                    }
                    | image_columns(data, HW, "i.jpg")
                )
    shards = ShardFolder(root / "crops", 1)
    with ShardWriter(shards.shard(0).path, ROWS) as shard:
        shard.write(
            {name: row.get(name) for name in ROWS.names}
            for row in sorted(rows, key=lambda row: str(row["sample_id"]))
        )
    return SampleSet.open(
        [Part(shards, lambda _: True)],
        extras=("policy",),
        images=Bodies.images,
        budget_bytes=1 << 30,
    )


def params(steps: int, **changes: object) -> TrainBodyParams:
    """Return the default training's params, shortened."""
    chosen = load_params(Path("params.yaml")).train_bodies["full"]
    short = {"steps": steps, "batch_subjects": BATCH_SUBJECTS, "checkpoint_steps": 10_000}
    made: TrainBodyParams = chosen.model_copy(update=short | changes)
    return made


def network(size: str = "tiny") -> SemanticViT:
    """Build a network of seeded weights."""
    torch.manual_seed(0)
    return SemanticViT(Design(SIZES[size], drop_path=0.1))


def ours(samples: SampleSet, root: Path, steps: int, **changes: object) -> None:
    """Train as the stage does."""
    method = Bodies(params(steps, **changes), network())
    method.train_on(samples)
    train(method, label="bench", key="", checkpoint=root / "checkpoint.pt")
    (root / "checkpoint.pt").unlink()


def plain(folder: Path, steps: int) -> None:
    """Train as tutorials do."""
    changes = [
        *(v2.RandomHorizontalFlip(), v2.Pad(10), v2.RandomCrop(HW), v2.ToImage()),
        *(v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)),
        v2.RandomErasing(0.5),
    ]
    images = ImageFolder(str(folder), v2.Compose(changes))
    size = BATCH_SUBJECTS * len(BANDS)
    loader = DataLoader(images, size, sampler=SubjectsOfFolder(images, steps), num_workers=1)
    net, classifier = network().train(), nn.Linear(384, SUBJECTS, bias=False)
    weights = [*net.parameters(), *classifier.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=3e-4, weight_decay=0.05)
    for values, labels in loader:
        features = net(values)
        triplets = batch_hard(features, labels, 0.0).mean()
        loss = F.cross_entropy(classifier(features), labels) + triplets
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def one_by_one(folder: Path) -> Tensor:
    """Embed image by image, in float32."""
    net, files = network().eval(), sorted(folder.glob("*/*.jpg"))
    made = []
    for file in files:
        pixels = torch.from_numpy(np.array(Image.open(file).convert("RGB"))).permute(2, 0, 1)
        made.append(net((pixels[None].float() - 127.5) / 127.5))
    return torch.cat(made)


def peak_of(what: str) -> float:
    """Return the peak of memory of a process of its own, in MB: its last line of output."""
    words = [sys.executable, "-m", "benchmarks.bench_body_training", "--peak", what]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def train_in_memory(what: str) -> None:
    """Train a ViT-B for two steps, all of it or by LoRA, or build it alone; print the peak."""
    with tempfile.TemporaryDirectory() as folder:
        samples = write_people(Path(folder))
        lora = LoraParams(rank=8, alpha=16, recompute=True) if what == "lora" else None
        method = Bodies(params(2, precision="float32"), network("base"), lora=lora)
        method.train_on(samples)
        if what != "none":
            train(method, label="bench", key="", checkpoint=Path(folder, "checkpoint.pt"))
    print(peak_mb())


def step_seconds(net: SemanticViT, head: nn.Linear, given: tuple[Tensor, Tensor]) -> float:
    """Return the processor time of one step's losses and gradients, of images and regions."""
    labels = torch.arange(len(given[0])) // len(BANDS)
    start = time.process_time()
    features = net(*given)
    with torch.autocast("cpu", enabled=False):
        features = features.float()
        loss = F.cross_entropy(head(features), labels) + batch_hard(features, labels, 0.0).mean()
    loss.backward()
    return time.process_time() - start


def steps_alone(repeats: int) -> None:
    """Compare precisions by the processor time of one thread, which other work hardly changes."""
    torch.set_num_threads(1)
    for size, images in (("tiny", 16), ("base", 4)):
        net = network(size).train()
        head = nn.Linear(net.dimensions, SUBJECTS)
        given = torch.randn(images, 3, *HW), torch.rand(images, 3, 192) > 0.6
        ratios = []
        for number in range(1 + repeats):
            whole = step_seconds(net, head, given)
            with torch.autocast("cpu", torch.bfloat16):
                reduced = step_seconds(net, head, given)
            if number:  # the first is not counted
                ratios.append(whole / reduced)
        print(
            f"a step of ViT-{size}, float32 over bfloat16: {np.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}, {repeats} pairs)"
        )


def main(steps: int, repeats: int) -> None:
    """Compare all."""
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        samples = write_people(root)
        size = BATCH_SUBJECTS * len(BANDS)
        compare(
            "training, domain-aware batches",
            lambda: ours(samples, root, steps),
            lambda: plain(root / "folder", steps),
            baseline_name="ImageFolder and DataLoader",
            items=steps * size,
            repeats=repeats,
        )
        compare(
            "training, precision auto",
            lambda: ours(samples, root, steps),
            lambda: ours(samples, root, steps, precision="float32"),
            baseline_name="float32",
            items=steps * size,
            repeats=repeats,
        )
        method = Bodies(params(1), network())
        compare(
            "embedding",
            lambda: embed_all(
                method.network,
                lambda indices: method.network_inputs(samples, indices),
                len(samples),
                embed=method.embed,
            ),
            lambda: one_by_one(root / "folder"),
            baseline_name="image by image",
            items=len(samples),
            repeats=repeats,
        )
    base, full, lora = (peak_of(what) for what in ("none", "full", "lora"))
    note("ViT-B by LoRA, peak", "of full training's", [lora / full])
    print(
        f"ViT-B, batches of 16, float32: full training peaks at {full:.0f} MB, LoRA at {lora:.0f} "
        f"MB ({100 * lora / full:.0f} %); the network and data alone take {base:.0f} MB"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peak", choices=("none", "full", "lora"))
    parser.add_argument("--processor", action="store_true", help="steps alone, processor time")
    asked = parser.parse_args()
    if asked.processor:
        steps_alone(asked.repeats)
    elif asked.peak:
        train_in_memory(asked.peak)
    else:
        main(asked.steps, asked.repeats)
