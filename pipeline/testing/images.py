"""Tiny deterministic images and the files of a replica."""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import cv2
import numpy as np

SIDE_PX = 8


def put_image(path: Path, *, grey: bool = False) -> None:
    """Write an image of 8 × 8 pixels, drawn from the last three parts of its path.

    Args:
        path: where; the extension says in which format.
        grey: without colour, as an infra-red camera gives it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image_bytes("/".join(path.parts[-3:]), path.suffix.lower(), grey))


def put_images(root: Path, paths: Iterable[str], *, grey: bool = False) -> None:
    """Write images below a root; see ``put_image``."""
    for path in paths:
        put_image(root / path, grey=grey)


def put_text(path: Path, lines: Iterable[str], end: str = "\n") -> None:
    """Write a text file of lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{line}{end}" for line in lines).encode())


@cache
def image_bytes(key: str, extension: str = ".png", grey: bool = False) -> bytes:
    """Return an encoded image of noise, the same for the same key."""
    seed = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
    hwc = (SIDE_PX, SIDE_PX) if grey else (SIDE_PX, SIDE_PX, 3)
    noise = np.random.default_rng(seed).integers(0, 256, hwc, np.uint8)
    encoded: bytes = cv2.imencode(extension, noise)[1].tobytes()
    return encoded
