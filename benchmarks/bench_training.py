"""Training and embedding: crossband's data path and layout against a plain PyTorch loop.

Run: ``python -m benchmarks.bench_training``. The plain loop is what tutorials show: a folder
``Dataset`` that opens each image when it is asked for, a ``DataLoader`` of one worker, float32 in
torch's own layout. Both train the same LightCNN-9 with the same loss on the same images, augmented
by the same ranges. ``--rows 50000`` also trains on so many made-up rows, in a process of its own,
and says what that took at its peak beyond the byte budget.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from benchmarks.bench_sample_set import TORCHVISION
from benchmarks.results import peak_mb
from benchmarks.timing import compare
from models.backbones.lightcnn import LightCNN9
from pipeline.ops.codec import encode_png
from pipeline.params.load import load_params
from pipeline.params.pretrain_nir_vis import PretrainNirVisParams
from pipeline.schemas.ingest import INGEST
from pipeline.store.columns import extend, field, floats, image_columns
from pipeline.store.shards import ShardFolder, ShardWriter
from pipeline.training.backbones import backbone_named, make_backbone
from pipeline.training.data.sample_set import Part, SampleSet
from pipeline.training.engine.embedding import embed_all
from pipeline.training.engine.loop import Run, train
from pipeline.training.methods.pretrain import Pretraining
from pipeline.training.methods.recogniser import whole_images

SIDE_PX = 144
BATCH = 16
IMAGES = 64
ROWS_A_SHARD = 2048
PREPROCESS = backbone_named("lightcnn9").preprocess
ROWS = extend(INGEST, [field("embedding", floats(128))])


class ImagesOfFolder(Dataset[tuple[Tensor, int]]):
    """Images in a folder a subject, opened when they are asked for."""

    def __init__(self, root: Path, *, augment: bool = True) -> None:
        self.files = sorted(root.glob("*/*.png"))
        steps = [TORCHVISION, v2.RandomCrop(128)] if augment else [v2.CenterCrop(128)]
        tensors = [v2.Grayscale(), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
        self.transform = v2.Compose([*steps, *tensors])

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        file = self.files[index]
        return self.transform(Image.open(file).convert("RGB")), int(file.parent.name)


class PlainNet(nn.Module):
    """LightCNN-9 with ``maximum`` of two chunks, as public code has it, and a classifier."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.net = LightCNN9()
        for layer in self.net.modules():
            if type(layer).__name__ == "MaxFeatureMap":
                layer.forward = lambda x, own=layer: torch.maximum(*own.filter(x).chunk(2, dim=1))
        self.classifier = nn.Linear(256, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map images to logits."""
        return self.classifier(self.net(x))


def write_faces(root: Path, count: int) -> list[bytes]:
    """Write noise as images of eight subjects, a folder each; returns the files' content."""
    images = np.random.default_rng(0).integers(0, 256, (count, SIDE_PX, SIDE_PX, 3), np.uint8)
    payloads = [encode_png(image) for image in images]
    for index, payload in enumerate(payloads):
        folder = root / str(index % 8)
        folder.mkdir(exist_ok=True, parents=True)
        (folder / f"{index:04d}.png").write_bytes(payload)
    return payloads


def write_rows(root: Path, payloads: list[bytes], count: int) -> ShardFolder:
    """Write rows of a stage that replicate some images."""
    folder, hw = ShardFolder(root, -(-count // ROWS_A_SHARD)), (SIDE_PX, SIDE_PX)
    embedding = np.random.default_rng(1).normal(size=(8, 128)).astype(np.float32)
    same = {"dataset": "d", "band": "VIS", "region": "face", "split": "train", "fingerprint": ""}
    for index in range(folder.count):
        numbers = range(index * ROWS_A_SHARD, min(count, (index + 1) * ROWS_A_SHARD))
        with ShardWriter(folder.shard(index).path, ROWS) as shard:
            shard.write(
                dict.fromkeys(ROWS.names)
                | same
                | {
                    "sample_id": f"{n:07}",
                    "subject_id": str(n % 8),
                    "simulated": True,
                    "content_sha256": f"{n:064x}",
                    "embedding": embedding[n % 8],
                }
                | image_columns(payloads[n % len(payloads)], hw, "i.png")
                for n in numbers
            )
    return folder


def plain_training(root: Path) -> float:
    """Train one pass over the folder; returns the seconds that it waited for data."""
    net, waited = PlainNet(8), 0.0
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    loader = DataLoader(ImagesOfFolder(root), BATCH, shuffle=True)
    start = time.perf_counter()
    for images, labels in loader:
        waited += time.perf_counter() - start
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
        start = time.perf_counter()
    return waited


def open_rows(params: PretrainNirVisParams, folder: ShardFolder) -> SampleSet:
    """Open all rows within the params' byte budget."""
    parts = [Part(folder, lambda _: True)]
    budget = params.image_budget_mb << 20
    return SampleSet.open(parts, extras=Pretraining.extras, budget_bytes=budget)


def our_training(params: PretrainNirVisParams, samples: SampleSet) -> Run:
    """Train as crossband does on the same images."""
    method = Pretraining(params, make_backbone("lightcnn9", samples.hw, 7), PREPROCESS)
    method.train_on(samples)
    with tempfile.TemporaryDirectory() as checkpoint:
        return train(method, label="training", key="k", checkpoint=Path(checkpoint, "c.pt"))


def peak_of_training(rows: int, budget_mb: int) -> tuple[int, int]:
    """Train on made-up rows in a process of its own; returns its peak, of it libraries, in MB."""
    command = [sys.executable, "-m", "benchmarks.bench_training", "--budget-mb", str(budget_mb)]
    with tempfile.TemporaryDirectory() as root:
        payloads = write_faces(Path(root, "files"), 256)
        folder = write_rows(Path(root, "rows"), payloads, rows)
        command += ["--peak-of", str(folder.path), str(folder.count)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        return int(told[0]), int(told[1])


def libraries_mb() -> int:
    """Return the pages of files, such as torch's libraries, that the process has mapped."""
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) // 1024 for line in status if line.startswith("RssFile"))


def train_and_tell_peak(params: PretrainNirVisParams, folder: ShardFolder) -> None:
    """Train with a full byte budget; prints the process's peak in MB, and of it libraries'."""
    params = params.model_copy(update={"steps": 40})
    samples = open_rows(params, folder)
    for at in range(0, len(samples), BATCH):
        samples.read(np.arange(at, min(at + BATCH, len(samples))))
    our_training(params, samples)
    print(int(peak_mb()), libraries_mb())


def main() -> None:
    """Time both sides in alternation and print the ratios."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=2, help="1 on a busy machine")
    arguments.add_argument("--rows", type=int, default=0, help="train on so many for the peak")
    arguments.add_argument("--budget-mb", type=int, default=512)
    arguments.add_argument("--peak-of", nargs=2, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    params = load_params(Path("params.yaml")).pretrain_nir_vis["lightcnn9"]
    params = params.model_copy(
        update={
            "batch_images": BATCH,
            "threads": options.threads,
            "steps": IMAGES // BATCH,
            "image_budget_mb": options.budget_mb,
        }
    )
    if options.peak_of:
        path, count = options.peak_of
        train_and_tell_peak(params, ShardFolder(Path(path), int(count)))
        return
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        compare_both(Path(folder), params, options.repeats)
    if options.rows:
        peak, libraries = peak_of_training(options.rows, options.budget_mb)
        beyond = peak - libraries - options.budget_mb
        print(
            f"training on {options.rows} rows: {peak} MB, {libraries} of it mapped libraries, "
            f"{beyond} of the rest beyond the budget"
        )


def compare_both(root: Path, params: PretrainNirVisParams, repeats: int) -> None:
    """Compare training, embedding, and print what a step waits for its batch."""
    payloads = write_faces(root / "files", IMAGES)
    rows = write_rows(root / "rows", payloads, IMAGES)
    compare(
        "LightCNN-9 training",
        lambda: our_training(params, open_rows(params, rows)),
        lambda: plain_training(root / "files"),
        baseline_name="a plain loop over a folder",
        items=IMAGES,
        repeats=repeats,
    )
    longer = params.model_copy(update={"steps": 20})
    run = our_training(longer, open_rows(longer, rows))
    print(f"share of a training that waits for batches: {100 * run.waited_s / run.seconds:.1f} %")

    ours, plain = make_backbone("lightcnn9", (SIDE_PX, SIDE_PX), 7), LightCNN9().eval()
    samples = open_rows(params, rows)
    single = ImagesOfFolder(root / "files", augment=False)

    def one_by_one() -> None:
        with torch.no_grad():
            for index in range(len(single)):
                plain(single[index][0][None])

    compare(
        "LightCNN-9 embedding",
        lambda: embed_all(ours, lambda at: whole_images(PREPROCESS, samples, at), IMAGES),
        one_by_one,
        baseline_name="a loop over single images",
        items=IMAGES,
        repeats=repeats,
    )


if __name__ == "__main__":
    main()
