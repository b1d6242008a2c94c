"""Training and embedding: crossband's data path and layout against a plain PyTorch loop.

Run: ``python -m benchmarks.bench_training``. The plain loop is what tutorials show: a folder
``Dataset`` that opens each image when it is asked for, a ``DataLoader`` of one worker, float32 in
torch's own layout. Both train the same LightCNN-9 with the same loss on the same images; the
plain loop's augmentation is the same, too.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from benchmarks.timing import compare
from models.backbones.lightcnn import LightCNN9
from pipeline.ops.codec import encode_png
from pipeline.params.load import load_params
from pipeline.params.pretrain import PretrainParams
from pipeline.training.augment import TRANSFORM
from pipeline.training.backbones import BACKBONES, make_backbone
from pipeline.training.embedding import embed_faces
from pipeline.training.faces import FaceSet
from pipeline.training.identities import TrainingFaces, training_faces
from pipeline.training.learner import GradientTraining, Learner
from pipeline.training.pretrain import Pretraining
from pipeline.training.setup import make_fabric

SIDE_PX = 144
BATCH = 16
IMAGES = 64
INPUTS = BACKBONES["lightcnn9"].inputs


class ImagesOfFolder(Dataset[tuple[Tensor, int]]):
    """Images in a folder a subject, opened when they are asked for."""

    def __init__(self, root: Path, *, augment: bool = True) -> None:
        self.files = sorted(root.glob("*/*.png"))
        steps = [TRANSFORM, v2.RandomCrop(128)] if augment else [v2.CenterCrop(128)]
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


def write_images(root: Path) -> TrainingFaces:
    """Write noise as faces of eight subjects, and return the same as crossband holds them."""
    images = np.random.default_rng(0).integers(0, 256, (IMAGES, SIDE_PX, SIDE_PX, 3), np.uint8)
    for index, image in enumerate(images):
        folder = root / str(index % 8)
        folder.mkdir(exist_ok=True)
        (folder / f"{index:04d}.png").write_bytes(encode_png(image))
    names = tuple(f"{index:04d}" for index in range(IMAGES))
    subjects = tuple(str(index % 8) for index in range(IMAGES))
    faces = FaceSet(names, names, subjects, ("VIS",) * IMAGES, images, "", simulated=False)
    return training_faces(faces, None, ["VIS"])


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


def our_training(params: PretrainParams, faces: TrainingFaces) -> GradientTraining:
    """Set up crossband's training on the same images."""
    teacher = np.random.default_rng(1).normal(size=(IMAGES, 128)).astype(np.float32)
    net = make_backbone("lightcnn9", SIDE_PX, 7)
    return GradientTraining(
        params, Pretraining(params, net, INPUTS, faces, teacher), make_fabric(params)
    )


def waiting_share(learner: Learner, training: GradientTraining, steps: int) -> float:
    """Return which share of the training's time batches take to be drawn."""
    generator, start = np.random.default_rng(0), time.perf_counter()
    for _ in range(steps):
        learner.draw(generator)
    drawing, start = time.perf_counter() - start, time.perf_counter()
    for step in range(steps):
        training.step(step)
    return drawing / (time.perf_counter() - start)


def main() -> None:
    """Time both sides in alternation and print the ratios."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=2, help="1 on a busy machine")
    options = arguments.parse_args()
    params = load_params(Path("params.yaml")).pretrain["lightcnn9"]
    params = params.model_copy(update={"batch_images": BATCH, "threads": options.threads})
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        faces = write_images(root)
        training, steps = our_training(params, faces), IMAGES // BATCH
        compare(
            "LightCNN-9 training",
            lambda: [training.step(step) for step in range(steps)],
            lambda: plain_training(root),
            baseline_name="a plain loop over a folder",
            items=IMAGES,
            repeats=options.repeats,
        )
        share = waiting_share(training.learner, training, steps)
        print(f"share of a step that waits for its batch: {100 * share:.1f} %")

        ours, plain = make_backbone("lightcnn9", SIDE_PX, 7), LightCNN9().eval()
        images = torch.from_numpy(faces.faces.images).permute(0, 3, 1, 2)
        single = ImagesOfFolder(root, augment=False)

        def one_by_one() -> None:
            with torch.no_grad():
                for index in range(len(single)):
                    plain(single[index][0][None])

        compare(
            "LightCNN-9 embedding",
            lambda: embed_faces(
                ours, lambda chosen: INPUTS.values(INPUTS.cut(images[chosen])), IMAGES
            ),
            one_by_one,
            baseline_name="a loop over single images",
            items=IMAGES,
            repeats=options.repeats,
        )


if __name__ == "__main__":
    main()
