"""Crops of made-up people as ``crop_bodies`` writes them: each subject has a texture of its own."""

from pathlib import Path

import numpy as np
from face_rows import png, write_rows
from short_params import PARAMS

from pipeline.ops.codec import encode_png
from pipeline.protocols.columns import band_templates
from pipeline.schemas.crop_bodies import CROP_BODIES
from pipeline.store.columns import image_columns
from pipeline.store.protocols import write_protocol
from pipeline.types import Band

HW = (48, 16)
BANDS = (Band.VIS, Band.SWIR, Band.MWIR, Band.LWIR)
NETWORK = PARAMS.pretrain_bodies["vis"].network.model_copy(update={"patch_px": 8})
SHORT = {
    "steps": 2,
    "checkpoint_steps": 1,
    "threads": 1,
    "precision": "float32",
    "warmup_steps": 0,
    "batch_subjects": 2,
}


def body_row(frame, subject, band, split="train", *, face=True, hw=HW, regions=True):
    """A row of a body in a frame, as all are named: by frame and number."""
    look = np.random.default_rng(sum(map(ord, subject)) * 7919)
    noise = np.random.default_rng(sum(map(ord, frame + subject)))
    texture = np.kron(look.integers(0, 200, (6, 2, 3)), np.ones((hw[0] // 6, hw[1] // 2, 1)))
    image = (texture + noise.integers(0, 40, (*hw, 3))).astype(np.uint8)
    labels = np.zeros(hw, np.uint8)
    if regions:
        labels[: hw[0] // 6], labels[hw[0] // 6 : hw[0] // 2], labels[hw[0] // 2 :] = 1, 2, 3
    sample = f"{frame}#body{sum(map(ord, subject)) % 1000:03d}"
    return {
        "sample_id": sample,
        "parent_id": frame,
        "dataset": "mine",
        "subject_id": subject,
        "camera_id": f"{band}-30m",
        "band": str(band),
        "region": "body",
        "split": split,
        "simulated": True,
        "content_sha256": sample.encode().hex(),
        "fingerprint": "",
        "policy": "stretch",
        "body_region_backend": ["keypoints"] * 3,
        "body_region_labels": png(labels),
        "warp_2x3": np.zeros((2, 3), np.float32),
        "body_region_boxes_xyxy": np.zeros((3, 4), np.float32),
        "face": png(np.kron(texture[:8, :8].astype(np.uint8), np.ones((14, 14, 1), np.uint8)))
        if face
        else None,
    } | image_columns(encode_png(image), hw, "i.png")


def frame_rows(people, frames=2):
    """Rows of ``ingest`` for the protocols: frames that show everybody of a split and band."""
    for band in BANDS:
        for split in ("train", "test"):
            shown = [name for name, of, bands in people if of == split and band in bands]
            for number in range(frames):
                yield {
                    "sample_id": f"{split}-{band}-{number}",
                    "band": str(band),
                    "media_id": f"{split}-{band}",
                    "split": split,
                    "truth_people": [{"subject_id": s, "split": split} for s in shown],
                }


PEOPLE = [(f"t{n}", "train", BANDS) for n in range(4)] + [
    (f"e{n}", "test", BANDS) for n in range(3)
]


def write_people(root, people=PEOPLE, *, undetected=(), faceless=(), **options):
    """Write crops and protocols of a data set; ``undetected`` are ⟨subject, band⟩ without a crop.

    ``faceless`` are those whose face is too small.
    """
    frames = list(frame_rows(people))
    rows = [
        body_row(
            frame["sample_id"],
            person["subject_id"],
            frame["band"],
            person["split"],
            face=(person["subject_id"], frame["band"]) not in faceless,
            **options,
        )
        for frame in frames
        for person in frame["truth_people"]
        if (person["subject_id"], frame["band"]) not in undetected
    ]
    folder = write_rows(Path(root, "crop_bodies"), CROP_BODIES, rows)
    for protocol in band_templates(frames):
        write_protocol(Path(root, "protocols"), protocol)
    return folder
