"""Faces found in simulated and in real LWIR images, and how far their points lie from the truth.

Run in a project after ``dvc repro``: ``python -m benchmarks.bench_thermal --real FOLDER`` (or
``CROSSBAND_REAL_LWIR``). Simulated are the sample's images whose truth is known, real those of the
folder that ``tests/detection/real_lwir.yaml`` labels. Both are shown to YuNet in single passes at
0.7, which tells whether a simulated face fails where a real one does, and as the stage ``detect``
looks at heat. Faces behind glasses and such as fill their image stand apart: the sample has few of
the former and none of the latter, the real images many. The last number is the median error of the
points, in % of the distance between the eyes: YuNet's in single passes, else the mesh's.
"""

import argparse
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

from benchmarks.results import not_run, note
from crossband.networks import weight
from pipeline.detection import make_detector
from pipeline.detection.rows import detect_rows
from pipeline.ops.boxes import iou
from pipeline.ops.codec import decode, decode_rgb, encode_png
from pipeline.ops.contrast import equalise
from pipeline.ops.palettes import heat_of
from pipeline.params.detect import DetectParams
from pipeline.params.load import load_params
from pipeline.store import ShardFolder, is_shard_folder
from pipeline.types import FaceClass, Row, UInt8

ROOT = Path(__file__).resolve().parents[1]
LABELS = ROOT / "tests/detection/real_lwir.yaml"
ON_THE_FACE = 0.4
"""Overlap from which on a box is on the face: labels go from hairline to chin, YuNet's do not."""
BESIDE_IT = 0.25
"""Overlap below which a box is no face at all."""
_ONE_PASS = 0.7

FILLS = 0.8
"""Share of an image's height from which on a face fills it."""
_GLASSES_PX = 30

Image = tuple[str, UInt8, list[dict[str, Any]]]
"""Its kind, RGB, its faces: ``box_xyxy`` and ``landmarks_xy`` or None."""


@dataclass
class Tally:
    """What was found of one kind of images."""

    known: int = 0
    found: int = 0
    false: int = 0
    errors: list[float] = field(default_factory=list)

    def add(self, faces: list[Row], known: list[dict[str, Any]]) -> None:
        """Count an image's faces; a labelled face is found by the box that overlaps it most."""
        for each in known:
            self.known += 1
            overlap = [float(iou(each["box_xyxy"], face["box_xyxy"])[0, 0]) for face in faces]
            if max(overlap, default=0.0) < ON_THE_FACE:
                continue
            self.found += 1
            if each["landmarks_xy"] is not None:
                face = faces[int(np.argmax(overlap))]
                self.errors += point_errors(face["landmarks_xy"], each["landmarks_xy"]).tolist()
        for face in faces:
            beside = [float(iou(each["box_xyxy"], face["box_xyxy"])[0, 0]) for each in known]
            self.false += max(beside, default=0.0) < BESIDE_IT

    def words(self) -> str:
        """Return found of known, false ones and the points' median error."""
        error = f"{np.median(self.errors):.1f}" if self.errors else "–"
        share = 100 * self.found / max(self.known, 1)
        return f"{self.found} of {self.known} ({share:.0f} %), {self.false} false, {error}"


def labelled_files(folder: Path) -> Iterator[tuple[dict[str, Any], UInt8]]:
    """Yield (label, RGB image as stored) of each file of a folder that has a label."""
    labels = yaml.safe_load(LABELS.read_text(encoding="utf-8"))["images"]
    for path in sorted(folder.glob("*.png")):
        content = path.read_bytes()
        if label := labels.get(hashlib.sha256(content).hexdigest()[:16]):
            yield label, decode_rgb(content)


def point_errors(landmarks_xy: Any, truth_xy: Any) -> np.ndarray:
    """Return each point's distance from the true one, % of the distance between the eyes."""
    truth = np.asarray(truth_xy, float)
    between = np.hypot(*(truth[1] - truth[0]))
    return np.hypot(*(np.asarray(landmarks_xy, float) - truth).T) / between * 100


def real_images(folder: Path) -> Iterator[Image]:
    """Yield the labelled real images, each shot once; their palettes are undone."""
    for label, rgb in labelled_files(folder):
        if "twin_of" not in label:
            heat = cv2.cvtColor(heat_of(rgb, label["palette"]), cv2.COLOR_GRAY2RGB)
            heights = [face["box_xyxy"][3] - face["box_xyxy"][1] for face in label["faces"]]
            kind = "fill the image" if max(heights) >= FILLS * len(heat) else "whole heads"
            yield f"real, {kind}", np.asarray(heat, np.uint8), label["faces"]


def simulated_images(rows: ShardFolder, most: int) -> Iterator[Image]:
    """Yield simulated LWIR images of known truth, spread over all there are."""
    keys = ["band", "truth_box_xyxy", "truth_landmarks_xy", "truth_labels", "image"]
    known = [
        row
        for row in rows.rows(keys)
        if row["band"] == "LWIR" and row["truth_landmarks_xy"] is not None
    ]
    for row in known[:: max(1, -(-len(known) // most))]:
        face = {"box_xyxy": row["truth_box_xyxy"], "landmarks_xy": row["truth_landmarks_xy"]}
        glasses = (decode(row["truth_labels"]["bytes"]) == FaceClass.GLASSES).sum() > _GLASSES_PX
        kind = f"simulated, {'glasses' if glasses else 'bare eyes'}"
        yield kind, decode_rgb(row["image"]["bytes"]), [face]


def ways_of(params: DetectParams) -> dict[str, Callable[[UInt8], list[Row]]]:
    """Return how faces are looked for: single passes, then as the stage does it."""
    weights = {"yunet": weight("yunet")}
    detector = make_detector(
        "yunet", weights, score_threshold=_ONE_PASS, nms_threshold=0.3, max_side_px=640
    )
    describe = detect_rows(params, weights, weight("face_mesh_468"))

    def single(image: UInt8) -> list[Row]:
        faces = detector.detect(image)
        pairs = zip(faces.boxes_xyxy, faces.landmarks_xy, strict=True)
        return [{"box_xyxy": box, "landmarks_xy": points} for box, points in pairs]

    def as_the_stage(image: UInt8) -> list[Row]:
        row = {"sample_id": "one", "band": "LWIR", "image": {"bytes": encode_png(image)}}
        ((outcome,),) = describe([row])
        return outcome["faces"] if isinstance(outcome, dict) else []

    return {
        "as it is": single,
        "equalised": lambda image: single(equalise(image)),
        "inverted": lambda image: single(255 - image),
        "inverted, equalised": lambda image: single(equalise(255 - image)),
        "the views": as_the_stage,
    }


def main() -> None:
    """Print a table: a line for each way of looking, a column for each kind of images."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--data", type=Path, default=Path("data/sample"))
    arguments.add_argument("--real", type=Path, default=os.environ.get("CROSSBAND_REAL_LWIR", "-"))
    arguments.add_argument("--most", type=int, default=1000, help="simulated images")
    options = arguments.parse_args()
    rows = options.data / "ingest"
    if not is_shard_folder(rows) or not options.real.is_dir():
        not_run(f"{rows}, {options.real}: needs the outputs of `dvc repro` and real images")
    images = [
        *simulated_images(ShardFolder.open(rows), options.most),
        *real_images(options.real),
    ]
    counts = Counter(kind for kind, _, _ in images)
    print("| | " + " | ".join(f"{kind} ({n} images)" for kind, n in counts.items()) + " |")
    print("|---" * (len(counts) + 1) + "|")
    for way, look in ways_of(load_params(ROOT / "params.yaml").detect).items():
        tallies: dict[str, Tally] = defaultdict(Tally)
        for kind, image, known in images:
            tallies[kind].add(look(image), known)
        words = [tallies[kind].words() for kind in counts]
        print(f"| {way} | {' | '.join(words)} |", flush=True)
        for kind, tally in tallies.items():
            note(f"found, {kind}, {way}", "share", [tally.found / max(tally.known, 1)])


if __name__ == "__main__":
    main()
