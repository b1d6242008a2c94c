"""What the modality looks like: turned faces, and what disentangled features keep of an image."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F  # noqa: N812 (the name torch's own documentation gives it)
from torch import Tensor

from models.dmfr.disentangle import DisentanglingNetwork
from pipeline.evaluation import modality
from pipeline.params.analyse_modality import AnalyseModalityParams
from pipeline.rng import seed_for
from pipeline.store.columns import field, vectors_array
from pipeline.store.fingerprint import StageKey
from pipeline.store.shards import ShardFolder
from pipeline.store.whole import written_whole
from pipeline.training.data.domains import REAL
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.dmfr import open_training_samples
from pipeline.training.embedders import embed_samples
from pipeline.training.engine.loop import train
from pipeline.training.methods.image_decoders import ImageDecoders
from pipeline.training.methods.recogniser import Recogniser, pixels
from pipeline.training.modality import HeldOut, ModalityTest, beside
from pipeline.types import Float32, Int64, UInt8

DECODER_RATE = 0.002
DECODER_IMAGES = 512
"""Images, at most, that decoders learn from."""
SHOWN = 6
_SHRUNK = 2
"""How much smaller than the crop decoders draw."""

FEATURES = pa.schema(
    [
        field("network", pa.string(), null=False, values="before, or a training"),
        field("sample_id", pa.string(), null=False),
        field("subject_id", pa.string(), null=False),
        field("domain", pa.string(), null=False),
        field("embedding", pa.list_(pa.float32()), null=False),
    ]
)
"""What an analysis leaves: the features that it measured."""


class Drawn(NamedTuple):
    """What decoders drew of held-out faces.

    Attributes:
        columns: images by heading: the faces, then what is left of each in each kind of feature.
        errors: mean square error by kind of feature, over all held-out faces, in [0, 1].
    """

    columns: dict[str, list[UInt8]]
    errors: dict[str, float]


def write_features(path: Path, held: HeldOut, features: Mapping[str, Float32]) -> None:
    """Write features by network, sample, subject and domain."""
    whose = [
        pa.array(values, pa.string())
        for values in (held.samples.sample_ids.tolist(), held.subjects, held.domains.of.tolist())
    ]
    tables = [
        pa.table(
            [pa.array([name] * len(vectors)), *whose, vectors_array(list(vectors))],
            schema=FEATURES,
        )
        for name, vectors in features.items()
    ]
    with written_whole(path) as partial:
        pq.write_table(pa.concat_tables(tables), partial, compression="zstd")


def turned(held: HeldOut) -> dict[str, UInt8]:
    """Return a real face, and what it became with each added yaw from 0 on, by caption."""
    real = np.array([name == REAL for name in held.generators])
    sources = held.samples.sources(real)
    known = np.flatnonzero(np.nan_to_num(held.yaw_deg, nan=-1.0) >= 0)
    if not len(known):
        return {}
    source = int(sources[known[0]])
    mine = [place for place in known.tolist() if sources[place] == source]
    mine.sort(key=lambda place: float(held.yaw_deg[place]))
    images = held.samples.read(np.array([source, *mine]))
    names = ["real", *(f"Δc = {held.yaw_deg[place]:g}°" for place in mine)]
    return dict(zip(names, images, strict=True))


def features_by_kind(method: Recogniser, samples: SampleSet) -> dict[str, Tensor]:
    """Return f_id, f_entangle and f_non-id of samples by a disentangling network."""
    network = cast(DisentanglingNetwork, method.network)
    both = embed_samples(
        method, samples, embed=lambda images: torch.cat(network.parts(images)[:3], dim=1)
    )
    # the three together at unit length: f_id stays the difference of the others
    kinds = torch.from_numpy(modality.unit(both).astype(np.float32)).chunk(3, dim=1)
    return dict(zip(("f_id", "f_entangle", "f_non_id"), kinds, strict=True))


def small_images(samples: SampleSet, indices: Int64) -> Tensor:
    """Return images at the size that decoders draw, uint8 (n, 3, h, w)."""
    images = pixels(samples, indices)
    return torch.nn.functional.avg_pool2d(images.float(), _SHRUNK).round().to(torch.uint8)


def drawn_by_all(
    label: str,
    test: ModalityTest,
    folders: Mapping[str, ShardFolder],
    *,
    key: StageKey,
    folder: Path,
) -> Drawn:
    """Draw held-out faces by ``drawn`` with every training that has such features.

    Args:
        label: in progress and messages.
        test: the trainings and the faces.
        folders: outputs that trainings read, by stage.
        key: of the analysis, the trained networks in it.
        folder: of the decoders' checkpoints.

    Returns:
        Of all trainings, one beside the other; empty where none has such features.
    """
    all_drawn = Drawn({}, {})
    for name, method in test.methods.items():
        found = drawn(
            f"{label} {name}",
            test.params,
            method,
            partial(open_training_samples, test.trainings[name], folders),
            test.held.samples,
            key=key,
            path=folder / f"{name}-decoders.pt",
        )
        if found:
            all_drawn = Drawn(
                beside(all_drawn.columns, found.columns, name),
                beside(all_drawn.errors, found.errors, name),
            )
    return all_drawn


def drawn(
    label: str,
    params: AnalyseModalityParams,
    method: Recogniser,
    open_known: Callable[[], SampleSet],
    held_out: SampleSet,
    *,
    key: StageKey,
    path: Path,
) -> Drawn | None:
    """Train decoders of a disentangled network's features, and draw held-out faces with them.

    Args:
        label: in progress and messages.
        params: of the analysis.
        method: the trained method, which stays as it is.
        open_known: opens the samples of the training split, from which decoders learn.
        held_out: what they draw.
        key: of the analysis, the trained networks in it.
        path: of the decoders' checkpoint.

    Returns:
        None where no steps are asked for, or the network has no such features.
    """
    if not (params.decoder_steps and isinstance(method.network, DisentanglingNetwork)):
        return None
    known = some(open_known(), DECODER_IMAGES, params.seed)
    changes = {
        "steps": params.decoder_steps,
        "learning_rate": DECODER_RATE,
        "grad_accumulation_steps": 1,
        "devices": 1,
    }
    features = features_by_kind(method, known)
    decoders = ImageDecoders(
        method.params.model_copy(update=changes),
        features,
        small_images(known, np.arange(len(known))),
    )
    train(decoders, label=label, key=key.fingerprint(known.digest), checkpoint=path)
    made = decoders.cpu().draw(features_by_kind(method, held_out))
    images = small_images(held_out, np.arange(len(held_out)))
    errors = {
        name: round(float(F.mse_loss(each, images.float() / 255.0)), 6)
        for name, each in made.items()
    }
    shown = np.unique(np.linspace(0, len(held_out) - 1, SHOWN).astype(int))
    columns = {"image": [_as_image(images[place].float() / 255.0) for place in shown]}
    for name, each in made.items():
        columns[name] = [_as_image(each[place]) for place in shown]
    return Drawn(columns, errors)


def some(samples: SampleSet, count: int, seed: int) -> SampleSet:
    """Return up to so many of some samples, drawn by a seed."""
    ids = samples.sample_ids.tolist()
    chosen = sorted(range(len(ids)), key=lambda place: seed_for(seed, ids[place]))[:count]
    return samples.take(np.array(sorted(chosen)))


def _as_image(values: Tensor) -> UInt8:
    image: UInt8 = (255.0 * values).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return image
