"""Face parsing: crossband's parser against a plain float32 loop over facexlib's BiSeNet.

Run: ``python -m benchmarks.bench_parse``. Context crops in, labels of the aligned 144 × 144 frame
out, on both sides, with the same number of threads.
"""

import argparse
import zipfile
from pathlib import Path

import cv2
import numpy as np
import torch
from facexlib.parsing.bisenet import BiSeNet
from torchvision.transforms.functional import normalize

from benchmarks.timing import compare
from pipeline.ops.geometry import affine_between, warp_affine
from pipeline.ops.templates import ALIGNMENT_TEMPLATES, CONTEXT, warp_to_template
from pipeline.parsing.bisenet import FaceParser
from pipeline.types import Float32, UInt8
from pipeline.weights import fetch, load_registry

ROOT = Path(__file__).resolve().parents[1]
FRAME_HW = (144, 144)
SHEET = "openpeople/data/curated/P007/assets/emotions_sheet.jpg"
LANDMARKS_XY = np.array(
    [
        [[284, 195], [385, 184], [340, 250], [304, 304], [387, 294]],
        [[859, 189], [966, 187], [908, 252], [863, 288], [968, 286]],
        [[1436, 198], [1536, 190], [1491, 253], [1454, 307], [1537, 299]],
        [[2013, 195], [2115, 187], [2069, 252], [2031, 303], [2116, 295]],
        [[289, 625], [389, 623], [340, 685], [300, 743], [381, 741]],
        [[867, 629], [968, 630], [917, 688], [871, 737], [960, 737]],
    ],
    dtype=np.float32,
)
"""Five landmarks of the sheet's first six faces, pixels of the sheet."""


def faces(wheel: Path) -> tuple[UInt8, Float32]:
    """Warp the sheet's faces into context crops; return them with context_to_frame."""
    with zipfile.ZipFile(wheel) as archive:
        encoded = np.frombuffer(archive.read(SHEET), dtype=np.uint8)
    sheet = cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    crops, maps = [], []
    for points in LANDMARKS_XY:
        to_context = warp_to_template(points, CONTEXT)
        to_frame = warp_to_template(points, ALIGNMENT_TEMPLATES["arcface144"])
        crops.append(warp_affine(sheet, to_context, (512, 512)))
        maps.append(affine_between(to_context, to_frame))
    return np.stack(crops), np.stack(maps)


def plain_loop(net: BiSeNet, crops: UInt8, context_to_frame: Float32) -> UInt8:
    """Parse one image at a time as public code does: labels at 512, then a nearest warp."""
    labels = []
    for crop, matrix in zip(crops, context_to_frame, strict=True):
        x = torch.from_numpy(crop.astype(np.float32).transpose(2, 0, 1) / 255)
        x = normalize(x, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)).unsqueeze(0)
        with torch.no_grad():
            out = net(x)[0]
        parsed = out.squeeze(0).cpu().numpy().argmax(0).astype(np.uint8)
        labels.append(cv2.warpAffine(parsed, matrix, FRAME_HW[::-1], flags=cv2.INTER_NEAREST))
    return np.stack(labels)


def main() -> None:
    """Time both sides in alternation and print ratio and agreement."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--repeats", type=int, default=5)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)

    names = ("bisenet_r18", "openpeople")
    registry = load_registry(ROOT / "weights.yaml")
    weights, wheel = (item.path for item in fetch(names, registry, ROOT / "weights"))
    crops, context_to_frame = faces(wheel)
    parser = FaceParser(weights)
    exact_parser = FaceParser(weights, precision="float32")
    net = BiSeNet(num_class=19).eval()
    net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))

    def ours(parser: FaceParser = parser) -> UInt8:
        return parser.labels(parser.logits(crops), context_to_frame, FRAME_HW)

    compare(
        f"parse, {parser.precision}, {options.threads} threads",
        ours,
        lambda: plain_loop(net, crops, context_to_frame),
        baseline_name="facexlib's BiSeNet, float32, one image at a time",
        items=len(crops),
        repeats=options.repeats,
    )
    labels, exact = ours(), ours(exact_parser)
    plain = plain_loop(net, crops, context_to_frame)
    print(f"labels: {np.mean(labels == exact):.2%} equal those of our float32 in the same frame")
    print(f"labels: {np.mean(labels == plain):.2%} equal the plain loop's")
    print(f"labels: {np.mean(exact == plain):.2%} of our float32's equal the plain loop's")


if __name__ == "__main__":
    main()
