"""Replicas of the visible-infrared re-identification sets."""

from pathlib import Path

import numpy as np

from pipeline.testing.images import put_images, put_text


def llcm(root: Path, *, train: int = 2, test: int = 2, each: int = 3) -> None:
    """Write an LLCM: ``each`` images of a subject and band; in the test, in cameras 1 and 2.

    As in the real one, the images that test lie below ``vis`` and ``nir``, too.
    """
    for band in ("vis", "nir"):
        lines = []
        for label in range(train):
            subject = 10 + label
            names = [
                f"{band}/{subject:04d}/{subject:04d}_c0{n % 2 + 1}_s{n}_f{n}_{band}.jpg"
                for n in range(each)
            ]
            put_images(root, names, grey=band == "nir")
            lines += [f"{name} {label}" for name in names]
        put_text(root / f"idx/train_{band}.txt", lines)
        for subject in range(1, test + 1):
            for camera in (1, 2):
                files = [f"{subject:04d}_c0{camera}_s{n}_f{n}_{band}.jpg" for n in range(each)]
                for folder in (f"test_{band}/cam{camera}", band):
                    put_images(
                        root,
                        (f"{folder}/{subject:04d}/{file}" for file in files),
                        grey=band == "nir",
                    )
    (root / "idx/test_id.txt").write_text(
        ",".join(str(s) for s in range(1, test + 1)), encoding="utf-8"
    )


def sysu_mm01(root: Path, *, each: int = 3, draws: bool = False) -> None:
    """Write a SYSU-MM01: subjects 1 and 2 train, 3 validates, 4 and 5 are tested, in all cameras.

    Args:
        root: empty folder.
        each: images of a subject in a camera.
        draws: with ``exp/rand_perm_cam.mat``, in which trial t begins with image t mod each + 1.
    """
    for camera in range(1, 7):
        put_images(
            root,
            (f"cam{camera}/{s:04d}/{n:04d}.jpg" for s in range(1, 6) for n in range(1, each + 1)),
            grey=camera in (3, 6),
        )
    for name, ids in (("train", "1,2"), ("val", "3"), ("test", "4,5")):
        put_text(root / f"exp/{name}_id.txt", [ids])
    if draws:
        from scipy.io import savemat  # slow to import

        orders = np.array([np.roll(np.arange(1, each + 1), -trial) for trial in range(10)])
        cameras = np.empty((6, 1), object)
        for camera in range(6):
            cameras[camera, 0] = np.empty((5, 1), object)
            for subject in range(5):
                cameras[camera, 0][subject, 0] = orders
        savemat(root / "exp/rand_perm_cam.mat", {"rand_perm_cam": cameras})


def regdb(root: Path, *, subjects: int = 4, each: int = 2, trials: int = 2) -> None:
    """Write a RegDB of ``subjects × (each visible + each thermal)``; odd subjects train in trial 1.

    In trial 2 the even ones train, and so on.
    """
    for camera, letter in (("Visible", "v"), ("Thermal", "t")):
        names = {
            s: [f"{camera}/{s}/male_front_{letter}_{n:05d}_{s}.bmp" for n in range(each)]
            for s in range(1, subjects + 1)
        }
        for paths in names.values():
            put_images(root, paths, grey=camera == "Thermal")
        for trial in range(1, trials + 1):
            for use, odd in (("train", trial % 2), ("test", (trial + 1) % 2)):
                chosen = [s for s in names if s % 2 == odd]
                lines = [f"{path} {label}" for label, s in enumerate(chosen) for path in names[s]]
                put_text(root / f"idx/{use}_{camera.lower()}_{trial}.txt", lines)
