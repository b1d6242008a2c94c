"""What libraries compute must not hang on where in memory an array lies: bytes repeat only so.

OpenCV 4.14 hands some functions to a library that rounds by it; ``magnitude`` is one. Each function
that the project gives numbers with fractions, or takes such from, is looked at here.
"""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipeline.synthesis.masks.photograph import _slope

ROOT = Path(__file__).resolve().parents[2]
HEIGHT, WIDTH = 113, 97
RANDOM = np.random.default_rng(0)
GREY = np.float32(RANDOM.random((HEIGHT, WIDTH)) * 255)
COLOUR = np.float32(RANDOM.random((HEIGHT, WIDTH, 3)) * 255)
BYTES = np.uint8(COLOUR)
GREY_BYTES = BYTES[..., 0].copy()
WEIGHT = np.float32(RANDOM.random((HEIGHT, WIDTH)))
X = np.float32(RANDOM.random((HEIGHT, WIDTH)) * WIDTH)
Y = np.float32(RANDOM.random((HEIGHT, WIDTH)) * HEIGHT)
AFFINE = np.array([[0.9, 0.1, 3.2], [-0.1, 0.95, 2.1]])
MATRIX = np.array([[0.3, 0.2, 0.1], [0.5, 0.1, 0.2], [0.1, 0.1, 0.9]], np.float32)
KERNEL = np.float32(np.outer([1, -2, 1], [1, -2, 1]))


def at(array, offset):
    """Copy an array to a place so many bytes behind a multiple of 64."""
    room = np.empty(array.nbytes + 128, np.uint8)
    start = -room.ctypes.data % 64 + offset
    moved = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    moved[...] = array
    return moved


def resized(image, wh, how):
    return lambda offset: cv2.resize(at(image, offset), wh, interpolation=how)


WORK = {
    "slope": lambda o: _slope(at(GREY_BYTES, o)),
    "GaussianBlur": lambda o: cv2.GaussianBlur(at(COLOUR, o), (0, 0), 1.3),
    "GaussianBlur wide": lambda o: cv2.GaussianBlur(at(GREY, o), (0, 0), 7.0),
    "GaussianBlur bytes": lambda o: cv2.GaussianBlur(at(BYTES, o), (0, 0), 2.3),
    "blur": lambda o: cv2.blur(at(COLOUR, o), (5, 5)),
    "filter2D": lambda o: cv2.filter2D(at(GREY, o), cv2.CV_32F, KERNEL),
    "filter2D bytes": lambda o: cv2.filter2D(at(BYTES, o), cv2.CV_32F, KERNEL),
    "Sobel": lambda o: cv2.Sobel(at(GREY_BYTES, o), cv2.CV_32F, 1, 0, ksize=3),
    "Laplacian": lambda o: cv2.Laplacian(at(GREY, o), cv2.CV_32F),
    "resize less": resized(COLOUR, (61, 77), cv2.INTER_LINEAR),
    "resize more": resized(COLOUR, (261, 277), cv2.INTER_LINEAR),
    "resize cubic": resized(COLOUR, (261, 277), cv2.INTER_CUBIC),
    "resize area": resized(COLOUR, (48, 56), cv2.INTER_AREA),
    "resize area bytes": resized(BYTES, (37, 41), cv2.INTER_AREA),
    "warpAffine": lambda o: cv2.warpAffine(at(COLOUR, o), AFFINE, (WIDTH, HEIGHT)),
    "warpAffine bytes": lambda o: cv2.warpAffine(at(BYTES, o), AFFINE, (WIDTH, HEIGHT)),
    "remap": lambda o: cv2.remap(at(COLOUR, o), at(X, o), at(Y, o), cv2.INTER_LINEAR),
    "remap cubic": lambda o: cv2.remap(at(COLOUR, o), at(X, o), at(Y, o), cv2.INTER_CUBIC),
    "transform": lambda o: cv2.transform(at(COLOUR, o), MATRIX),
    "multiply": lambda o: cv2.multiply(at(GREY, o), at(WEIGHT, (3 * o) % 64)),
    "blendLinear": lambda o: cv2.blendLinear(
        at(COLOUR, o), at(COLOUR[::-1].copy(), o), at(WEIGHT, o), at(1 - WEIGHT, o)
    ),
    "cvtColor": lambda o: cv2.cvtColor(at(COLOUR, o), cv2.COLOR_RGB2GRAY),
    "cvtColor Lab": lambda o: cv2.cvtColor(at(COLOUR / 255, o), cv2.COLOR_RGB2Lab),
    "pyrDown": lambda o: cv2.pyrDown(at(COLOUR, o)),
    "pyrUp": lambda o: cv2.pyrUp(at(COLOUR, o)),
    "bilateralFilter": lambda o: cv2.bilateralFilter(at(COLOUR, o), 5, 30, 3),
    "distanceTransform": lambda o: cv2.distanceTransform(
        np.uint8(at(GREY_BYTES, o) > 30), cv2.DIST_L2, 5
    ),
    "NumPy's sums": lambda o: np.concatenate([at(COLOUR, o).mean((0, 1)), at(GREY, o).std(0)]),
    "NumPy's products": lambda o: at(COLOUR, o).reshape(-1, 3) @ MATRIX,
    "torch's product of a row that it copied": lambda o: torch.nn.functional.linear(
        torch.tensor(at(GREY[:1], o)), torch.tensor(GREY)
    ).numpy(),
    "NumPy's functions": lambda o: np.exp(np.power(at(WEIGHT, o), np.float32(2.2))),
}


@pytest.mark.parametrize("name", WORK)
def test_a_result_is_the_same_wherever_its_input_lies(name):
    expected = WORK[name](0).tobytes()
    assert all(WORK[name](offset).tobytes() == expected for offset in range(4, 64, 4))


def test_torch_puts_what_it_makes_where_vectors_begin():
    sizes = RANDOM.integers(1, 5000, 50).tolist()
    held = [torch.empty(size) for size in sizes]
    assert all(one.data_ptr() % 64 == 0 for one in held)


def test_slopes_are_the_lengths_of_the_gradient():
    along_x, along_y = (
        cv2.Sobel(GREY_BYTES, cv2.CV_64F, *axes, ksize=3) for axes in ((1, 0), (0, 1))
    )
    np.testing.assert_array_equal(_slope(GREY_BYTES), np.float32(np.hypot(along_x, along_y)))


def test_functions_that_round_by_the_place_are_not_called():
    """``magnitude`` does in OpenCV 4.14; its kin are handed to the same library."""
    kin = re.compile(r"cv2\.(magnitude|phase|cartToPolar|polarToCart)\(")
    code = [
        path for name in ("pipeline", "models", "stages") for path in (ROOT / name).rglob("*.py")
    ]
    assert code
    assert not [path for path in code if kin.search(path.read_text(encoding="utf-8"))]
