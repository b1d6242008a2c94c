"""Training the network that lowers the quality of faces, and the faces that it is measured on."""

from pathlib import Path

from pipeline.params.train_degrader import TrainDegraderParams
from pipeline.store import ShardFolder
from pipeline.store.locks import locked
from pipeline.synthesis.degrade.cyclegan import CycleGanDegrader
from pipeline.synthesis.degrade.untrained import remove_note
from pipeline.training.engine.loop import Run, train
from pipeline.training.methods.cyclegan import CycleGan
from pipeline.training.methods.cyclegan_faces import QualityFaces, open_faces, some_frames
from pipeline.types import Split, UInt8

NETWORK = "generator.pt"
"""File of the network from sharp to low quality."""

MEASURED = 24
"""Faces of each set, at most, that the metrics measure."""


def train_generator(
    faces: QualityFaces, params: TrainDegraderParams, *, label: str, key: str, folder: Path
) -> Run:
    """Train CycleGAN and write its generator from sharp to low quality.

    Args:
        faces: sharp and low ones, at least one of each.
        params: of the training.
        label: what DVC calls it.
        key: its fingerprint.
        folder: where network and checkpoint lie; a note that there is none goes.
    """
    remove_note(folder)
    method = CycleGan(params, faces)
    with locked(folder):
        run = train(method, label=label, key=key, checkpoint=folder / "checkpoint.pt")
        method.save_generator(folder / NETWORK)
    return run


def measured_faces(
    faces: QualityFaces, source: ShardFolder, params: TrainDegraderParams, folder: Path
) -> dict[str, list[UInt8]]:
    """Return faces before and after the network, in the frame, uint8 (f, f, 3) each.

    Args:
        faces: what the network was trained on.
        source: rows of ``align``; those of the split ``validation`` are unseen.
        params: of the training.
        folder: where the network lies.

    Returns:
        At most ``MEASURED`` each: ``sharp``, ``low``, ``unseen`` and ``unseen_degraded``.
    """
    others = open_faces(source, params, Split.VALIDATION)
    unseen = some_frames(others, params.frame_px, MEASURED) if others else []
    degrader = CycleGanDegrader(folder / NETWORK)
    degraded = [degrader.degrade(face) for face in unseen]
    return faces.some(MEASURED) | {"unseen": unseen, "unseen_degraded": degraded}
