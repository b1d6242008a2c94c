"""Replicas of the NIR-VIS face sets."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.testing.images import put_image, put_images, put_text


def casia_nir_vis2(
    root: Path, *, subjects: int = 4, each: int = 2, folds: int = 2, cropped: bool = False
) -> None:
    """Write a CASIA NIR-VIS 2.0 of ``subjects × (each VIS + each NIR)`` images.

    VIS images are ``.jpg``, NIR ones ``.bmp``, but all lists say ``.jpg``, with backslashes and
    CRLF, as the official ones do. Odd subjects train; even ones are tested: their first VIS image
    is enrolled, all their NIR images probe. View 1 and each fold are alike. In the raw release
    each first VIS image has a ``.pos``.

    Args:
        root: empty folder.
        subjects: how many.
        each: images of each subject in each band.
        folds: how many folds of View 2.
        cropped: the cropped release.
    """
    lists: dict[tuple[str, str], list[str]] = {}
    for subject in range(1, subjects + 1):
        session = f"s{(subject - 1) % 4 + 1}"
        for band, extension in (("VIS", "jpg"), ("NIR", "bmp")):
            for number in range(1, each + 1):
                name = f"{session}/{band}/{subject:05d}/{number:03d}"
                stem = f"{band}/{name.replace('/', '_')}" if cropped else name
                put_image(root / f"{stem}.{extension}", grey=band == "NIR")
                line = name.replace("/", "\\") + ".jpg"
                if subject % 2:
                    lists.setdefault((band, "train"), []).append(line)
                elif band == "NIR":
                    lists.setdefault((band, "probe"), []).append(line)
                elif number == 1:
                    lists.setdefault((band, "gallery"), []).append(line)
        if not cropped:
            put_text(root / f"annotations/{session}/VIS/{subject:05d}/001.pos", ["3 3 5 3"])
    for fold in ("dev", *map(str, range(1, folds + 1))):
        for (band, use), lines in lists.items():
            put_text(root / f"protocols/{band.lower()}_{use}_{fold}.txt", lines, "\r\n")


def buaa_visnir(
    root: Path,
    *,
    subjects: int = 150,
    numbers: Sequence[int] = (*range(1, 11), *range(21, 29)),
    by_band: bool = False,
) -> None:
    """Write a BUAA-VisNir of ``subjects × numbers`` images, odd numbers VIS, even ones NIR.

    Args:
        root: empty folder.
        subjects: how many.
        numbers: of the images of each; those of the protocol by default.
        by_band: the layout with a folder for each band.
    """
    for subject in range(1, subjects + 1):
        for number in numbers:
            band = "VIS" if number % 2 else "NIR"
            folder = f"{band}/{subject}" if by_band else f"{subject}"
            put_image(root / folder / f"{number}.bmp", grey=band == "NIR")


def oulu_casia_nirvis(
    root: Path, *, subjects: tuple[str, ...], frames: int = 9, expressions: tuple[str, ...]
) -> None:
    """Write an Oulu-CASIA of ``2 × 2 × subjects × expressions × frames`` frames.

    Args:
        root: empty folder.
        subjects: their names, ``P001`` … ``P080``.
        frames: of each sequence.
        expressions: those shown.
    """
    for camera in ("NI", "VL"):
        for light in ("Dark", "Strong"):
            put_images(
                root,
                (
                    f"{camera}/{light}/{subject}/{expression}/{frame:03d}.jpeg"
                    for subject in subjects
                    for expression in expressions
                    for frame in range(frames)
                ),
                grey=camera == "NI",
            )


def tufts(root: Path, *, subjects: int = 2) -> None:
    """Write a Tufts of ``subjects × (5 + 9 + 9 + 5)`` images: RGB E, RGB A, NIR A, IR E.

    Each has a sketch besides (``TD_CS``), which is not read.
    """
    parts = (("RGB_E", 5), ("RGB_A", 9), ("NIR_A", 9), ("IR_E", 5), ("CS", 1))
    for subject in range(1, subjects + 1):
        for part, images in parts:
            put_images(
                root,
                (
                    f"TD_{part}_Set1/{subject}/TD_{part}_{number}.jpg"
                    for number in range(1, images + 1)
                ),
                grey=part != "RGB_E",
            )


def lamp_hq(root: Path, *, subjects: int = 4, each: int = 2, folds: int = 2) -> None:
    """Write a LAMP-HQ of ``subjects × (each VIS + each NIR)``; odd subjects train."""
    for band in ("VIS", "NIR"):
        for subject in range(1, subjects + 1):
            put_images(
                root,
                (f"{band}/{subject:04d}/{number}.jpg" for number in range(each)),
                grey=band == "NIR",
            )
    for fold in range(1, folds + 1):
        for use, band, first in (
            *(("train/train_vis", "VIS", 1), ("train/train_nir", "NIR", 1)),
            *(("test/gallery_vis", "VIS", 2), ("test/probe_nir", "NIR", 2)),
        ):
            lines = [
                f"{band}/{subject:04d}/{number}.jpg {label}"
                for label, subject in enumerate(range(first, subjects + 1, 2))
                for number in range(each)
            ]
            put_text(root / f"Protocols/{use}{fold}.txt", lines)
