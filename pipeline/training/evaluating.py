"""Embeds a protocol's faces with a trained network and with what it started from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from torch import nn

from pipeline.errors import StageError
from pipeline.evaluation.recognition import Embeddings
from pipeline.params.evaluate import EvaluateParams
from pipeline.params.train import MethodParams
from pipeline.store import ShardFolder
from pipeline.store.columns import field
from pipeline.store.protocols import Protocol
from pipeline.training.backbones import BACKBONES, make_backbone
from pipeline.training.embedding import embed_faces
from pipeline.training.faces import Components, FaceSet, load_components, load_faces, of_samples
from pipeline.training.methods import method_of, whole_faces
from pipeline.training.trained import Trained, take_up
from pipeline.types import Band

UNTRAINED, PRETRAINED, TRAINED = ROWS = ("untrained", "pretrained", "trained")
"""What is measured: the method's network with seeded weights, the backbone alone with its start,
and the trained network."""


EMBEDDINGS = pa.schema(
    [
        field("fold", pa.int32(), null=False, counted_from="1"),
        field("side", pa.string(), null=False, values="gallery, probe"),
        field("sample_id", pa.string(), null=False, of="what the protocol names"),
        field("subject_id", pa.string(), null=False),
        field("embedding", pa.list_(pa.float32()), null=False),
    ]
)
"""What an evaluation leaves: the trained network's embeddings."""


@dataclass(frozen=True)
class Side:
    """The faces of a protocol's gallery or probes, and the sample that each was made of."""

    faces: FaceSet
    components: Components | None
    samples: tuple[str, ...]


class Sides(NamedTuple):
    """Both sides of a protocol, over all its folds."""

    gallery: Side
    probes: Side


def load_sides(
    gallery: ShardFolder, probes: ShardFolder, protocol: Protocol, params: MethodParams
) -> Sides:
    """Decode the faces of a protocol.

    Args:
        gallery: rows of ``parts``.
        probes: rows of ``parts``, or of ``masks`` for masked probes.
        protocol: with all its folds.
        params: of the method, which says whether components are wanted.
    """
    components = method_of(params).components
    return Sides(
        _side(gallery, protocol.enroll["sample_id"].to_pylist(), components),
        _side(probes, protocol.probe["sample_id"].to_pylist(), components),
    )


def check_fits(trained: Trained, params: EvaluateParams, fold: Protocol, sides: Sides) -> None:
    """Refuse to test people who were trained on, or crops of another side.

    Raises:
        StageError: some were, or they are.
    """
    tested = {
        f"{params.dataset}/{subject}"
        for table in (fold.enroll, fold.probe)
        for subject in table["subject_id"].to_pylist()
    }
    if shared := sorted(tested & set(trained.subjects)):
        raise StageError(
            f"{trained.name} was trained on {len(shared)} subjects of protocol {fold.name}, among "
            f"them {shared[0]}: expected none; choose another protocol, fold or start"
        )
    for side in sides:
        if side.faces.crop_px != trained.crop_px:
            raise StageError(
                f"{trained.name} was trained on crops of {trained.crop_px} pixels aligned by "
                f"{trained.template}, {params.dataset} has {side.faces.crop_px}: align alike"
            )


def embed_starts(
    params: MethodParams, start: Trained, sides: Sides
) -> dict[str, tuple[Embeddings, Embeddings]]:
    """Return gallery's and probes' embeddings by the networks that no fold changes."""
    backbone = _backbone(params, start)
    take_up(backbone, start)
    untrained = method_of(params).network(params, _backbone(params, start))
    return {
        UNTRAINED: _both(params, start.backbone, untrained, sides),
        PRETRAINED: _both(params, start.backbone, backbone, sides, alone=True),
    }


def embed_trained(
    params: MethodParams, start: Trained, trained: Trained, sides: Sides
) -> tuple[Embeddings, Embeddings]:
    """Return gallery's and probes' embeddings by a fold's network."""
    network = method_of(params).network(params, _backbone(params, start))
    take_up(network, trained)
    return _both(params, start.backbone, network, sides)


def _backbone(params: MethodParams, start: Trained) -> nn.Module:
    return make_backbone(start.backbone, start.crop_px, params.seed)


def write_embeddings(
    path: Path, folds: Mapping[int, tuple[Embeddings, Embeddings]], sides: Sides
) -> None:
    """Write the trained network's embeddings: fold, side, sample id, subject, vector."""
    rows = [
        {
            "fold": number,
            "side": name,
            "sample_id": sample,
            "subject_id": subject,
            "embedding": vectors[sample].tolist(),
        }
        for number, both in folds.items()
        for name, vectors, side in zip(("gallery", "probe"), both, sides, strict=True)
        for sample, subject in zip(side.samples, side.faces.subjects, strict=True)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    pq.write_table(pa.Table.from_pylist(rows, EMBEDDINGS), partial, compression="zstd")
    partial.replace(path)


def _both(
    params: MethodParams, backbone: str, network: nn.Module, sides: Sides, *, alone: bool = False
) -> tuple[Embeddings, Embeddings]:
    """Embed both sides, by the sample that each face was made of; ``alone``: by the backbone."""
    method, inputs = method_of(params), BACKBONES[backbone].inputs
    feed = whole_faces if alone else method.inputs

    def one(side: Side) -> Embeddings:
        vectors = embed_faces(
            network,
            lambda chosen: feed(inputs, side.faces, side.components, chosen),
            len(side.faces),
            embed=None if alone else method.embed,
            device=params.device,
            precision=params.precision,
        )
        # of several faces made of one sample, the first by id counts
        return dict(reversed(list(zip(side.samples, vectors, strict=True))))

    return one(sides.gallery), one(sides.probes)


def _side(folder: ShardFolder, samples: list[str], components: bool) -> Side:
    wanted = frozenset(samples)
    choice = of_samples(wanted, *Band)
    faces = load_faces(folder, choice)
    parts = load_components(folder, faces, choice) if components else None
    return Side(faces, parts, faces.made_of(wanted))
