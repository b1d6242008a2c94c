"""Detect and align at 640 px: crossband against facexlib and OpenCV, one image at a time.

Run: ``python -m benchmarks.bench_detect_align``.

Both get the same images (longer side 640) and cut the same crop (facexlib's 512 template) on the
same processor, with one thread each as a worker has. facexlib's RetinaFace-R50 runs here with
random weights, since its file is not among the files fetched by default: the arithmetic of the
network is the same. Its last layer is set to see no face, so facexlib is spared the suppression and
the alignment that crossband does. Detection alone is compared with OpenCV's FaceDetectorYN, which
runs the same YuNet, suppression included on both sides.
"""

import tempfile
import warnings
from pathlib import Path

import cv2
import torch
from facexlib.detection.retinaface import RetinaFace
from facexlib.parsing.parsenet import ParseNet
from facexlib.utils.face_restoration_helper import FaceRestoreHelper
from skimage.data import astronaut

from benchmarks.timing import compare
from pipeline.detection import make_detector
from pipeline.ops.geometry import warp_affine
from pipeline.ops.templates import CONTEXT, warp_to_template
from pipeline.types import UInt8
from pipeline.weights import fetch, load_registry

ROOT = Path(__file__).resolve().parents[1]
SIDE_PX = 640


def test_images() -> list[UInt8]:
    """Return scikit-image's astronaut whole, shifted and mirrored, at 640 pixels."""
    whole = cv2.resize(astronaut(), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    shifted = cv2.warpAffine(
        whole, cv2.getRotationMatrix2D((320, 320), 15, 1.0), (SIDE_PX, SIDE_PX)
    )
    return [whole, whole[:, ::-1].copy(), shifted, whole[:480].copy()]


def facexlib_helper() -> FaceRestoreHelper:
    """Build the helper offline, from random files of the right shape."""
    network = RetinaFace("resnet50", device=torch.device("cpu"))
    for head in network.ClassHead:
        torch.nn.init.zeros_(head.conv1x1.weight)
        torch.nn.init.zeros_(head.conv1x1.bias)  # two equal scores: 0.5, below facexlib's 0.97
    with tempfile.TemporaryDirectory() as folder:
        torch.save(network.state_dict(), Path(folder) / "detection_Resnet50_Final.pth")
        # The helper loads a parser even where none is asked for; it is never run here.
        torch.save(
            ParseNet(in_size=512, out_size=512, parsing_ch=19).state_dict(),
            Path(folder) / "parsing_parsenet.pth",
        )
        return FaceRestoreHelper(1, device=torch.device("cpu"), model_rootpath=folder)


def main() -> None:
    """Print the ratio."""
    warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    registry = load_registry(ROOT / "weights.yaml")
    (yunet,) = fetch(["yunet"], registry, ROOT / "weights")
    detector = make_detector("yunet", {"yunet": yunet.path}, max_side_px=SIDE_PX)
    helper = facexlib_helper()
    template = CONTEXT
    images = test_images()

    def ours() -> None:
        for image in images:
            for points in detector.detect(image).landmarks_xy:
                warp_affine(image, warp_to_template(points, template), template.hw)

    def baseline() -> None:
        for image in images:
            helper.clean_all()
            helper.read_image(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
            helper.get_face_landmarks_5()
            helper.align_warp_face()

    compare(
        "detect+align at 640 px",
        ours,
        baseline,
        baseline_name="facexlib FaceRestoreHelper (random weights)",
        items=len(images),
        repeats=3,
    )

    opencv = cv2.FaceDetectorYN.create(str(yunet.path), "", (SIDE_PX, SIDE_PX), 0.7, 0.3)

    def ours_alone() -> None:
        for image in images:
            detector.detect(image)

    def opencv_alone() -> None:
        for image in images:
            opencv.setInputSize(image.shape[1::-1])
            opencv.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    compare(
        "detect at 640 px",
        ours_alone,
        opencv_alone,
        baseline_name="OpenCV's FaceDetectorYN",
        items=len(images),
        repeats=10,
    )


if __name__ == "__main__":
    main()
