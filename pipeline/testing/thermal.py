"""Replicas of the thermal face sets."""

import json
from collections.abc import Iterable
from pathlib import Path

from pipeline.testing.images import put_image, put_images, put_text

FACE = (100, 50, 180, 160, 120, 90, 160, 92, 140, 115, 124, 135, 156, 136)
"""Of TFW: a box, and five points of a face in it."""


def tfw(root: Path, *, each: int = 2, release: str = "gray", iron: bool = False) -> None:
    """Write a TFW of ``3 × each`` images a set, ``u-outdoor`` with two faces in each.

    Lists have a header, and lines of one image follow each other, as in the release.

    Args:
        root: empty folder.
        each: images of each set and split.
        release: ``gray`` has folders ``<set>_gray``, ``first`` the first release's names.
        iron: beside the grey images lie those in false colours.
    """
    sets = ("indoor", "outdoor") if release == "first" else ("c-indoor", "s-indoor", "u-outdoor")
    header = "image," + ",".join(f"n{number}" for number in range(14))
    for place, split in enumerate(("train", "val", "test")):
        for name in sets:
            lines = [header]
            for number in range(each):
                image = f"{1 + number + 60 * place}_{number % 2 + 1}_1_4_{450 + number}_1.png"
                if name not in ("c-indoor", "indoor"):
                    image = f"{1000 * place + number}.png"
                folder = name if release == "first" else f"{name}_gray"
                put_image(root / split / folder / image, grey=release != "first")
                if iron:
                    put_image(root / split / name / image)
                lines += [
                    ",".join([image, *(str(n + 200 * face) for n in FACE)])
                    for face in range(1 + name.endswith("outdoor"))
                ]
            put_text(root / split / f"{name}.csv", lines)


def points_54() -> list[list[float]]:
    """Return 54 points, no two alike: point n at x 20 + n, y 10 + 2 n."""
    return [[20.5 + n, 10.5 + 2 * n] for n in range(54)]


def sf_tl54(root: Path, *, subjects: Iterable[int] = (1, 101, 121), iron: bool = True) -> None:
    """Write a SF-TL54 of two pairs a subject, in the split that the subject is of.

    Args:
        root: empty folder.
        subjects: 1–142.
        iron: the thermal images in false colours lie there, too.
    """
    for subject in subjects:
        split = "train" if subject <= 100 else "val" if subject <= 120 else "test"
        for trial in (1, 2):
            name = f"{subject}_{trial}_1_4_450"
            put_image(root / f"dataset/rgb/{split}/{name}_3.png")
            for palette in ("gray", "iron") if iron else ("gray",):
                base = root / f"dataset/{palette}/{split}"
                put_image(base / f"images/{name}_1.png", grey=palette == "gray")
                shapes = [
                    {"label": "face", "points": [[10.5, 20.5], [110.5, 140.5]]},
                    {"label": "chin", "points": points_54()[:17]},
                    {"label": "rest", "points": points_54()[17:]},
                ]
                label = base / f"json/{name}_1.json"
                put_text(label, [json.dumps({"shapes": shapes}, separators=(",", ":"))])
    put_text(root / "dataset/challenging_images.csv", ["sub_id,trial_id,pos_id", "4,1,3"])


def speaking_faces(root: Path, *, subjects: Iterable[int] = (1, 101, 121)) -> None:
    """Write a SpeakingFaces of ``subjects × 2 trials × (2 frames + 2 of a command)`` moments.

    Each is thermal, visible as taken, and aligned: three images.
    """
    for subject in subjects:
        for trial in (1, 2):
            for kind, middle in (("", "1_4"), ("_cmd", "2_4_17")):
                base = f"sub_{subject}_i{'a' if kind else 'o'}/trial_{trial}"
                for frame in (1, 2):
                    name = f"{subject}_{trial}_{middle}_{frame}"
                    put_image(root / f"{base}/thr_image{kind}/{name}_1.png", grey=True)
                    put_image(root / f"{base}/rgb_image{kind}/{name}_2.png")
                    put_image(root / f"{base}/rgb_image{kind}_aligned/{name}_3.png")
    put_text(root / "metadata/subjects.csv", ["Sub_ID,Split,Age", "1,Train,32"])


def bob_list(file: Path, lines: Iterable[tuple[str, str]], *, eyes: bool = True) -> None:
    """Write a list of Bob: pairs of path and subject, the eyes of an image of 8 × 8 pixels."""
    header = "PATH,REFERENCE_ID" + (",leye_x,leye_y,reye_x,reye_y" if eyes else "")
    places = ",5,3,2,3" if eyes else ""
    put_text(file, [header, *(f"{path},{subject}{places}" for path, subject in lines)])


def mcxface(root: Path, *, subjects: int = 4, splits: int = 2) -> None:
    """Write a MCXFace of ``subjects × 2 sessions`` moments in colour, heat and depth.

    Of each split the first half of the subjects, turned round by one, trains.
    """
    channels = ("COLOR", "THERMAL", "DEPTH")

    def path(channel: str, subject: int, session: int) -> str:
        return f"faces/{channel.lower()}/{subject:02d}_{session}"

    for channel in channels:
        put_images(
            root,
            (
                f"MCXFace/{path(channel, subject, session)}.jpg"
                for subject in range(1, subjects + 1)
                for session in (1, 2)
            ),
            grey=channel != "COLOR",
        )
    for split in range(1, splits + 1):
        order = [(n + split - 1) % subjects + 1 for n in range(subjects)]
        train, dev = order[: subjects // 2], order[subjects // 2 :]
        for source, target in (*((c, c) for c in channels), ("COLOR", "THERMAL")):
            base = root / f"protocols/{source}-{target}-split{split}"
            for name, channel, who, session in (
                ("norm/train_world", target, train, (1, 2)),
                ("dev/for_models", source, dev, (1,)),
                ("dev/for_probes", target, dev, (2,)),
            ):
                lines = [(path(channel, n, s), f"{n:03d}") for n in who for s in session]
                bob_list(base / f"{name}.csv", lines)


def tufts_lists(root: Path, *, subjects: int = 2) -> None:
    """Write lists of Bob beside a Tufts: two thermal probes a visible model; the first trains."""
    base = root / "VIS-THERMAL-split1"
    for name, part, who, numbers in (
        ("norm/train_world", "IR_E", range(1, 2), (1, 2)),
        ("dev/for_models", "RGB_E", range(2, subjects + 1), (1,)),
        ("dev/for_probes", "IR_E", range(2, subjects + 1), (1, 2)),
    ):
        lines = [
            (f"TD_{part}_Set1/{subject}/TD_{part}_{number}", str(subject))
            for subject in who
            for number in numbers
        ]
        bob_list(base / f"{name}.csv", lines, eyes=False)


def arl_vtf(root: Path, *, subjects: int = 4, frames: int = 2) -> None:
    """Write an ARL-VTF of ``subjects × 3 conditions × 2 cameras × frames``; even ones test."""
    for subject in range(1, subjects + 1):
        part = "dev" if subject % 2 else "test"
        for condition in ("baseline", "expression", "pose"):
            for camera in ("BAS_RGB2", "FLIR_USB"):
                for folder in ("cropped_images", "rec_bicubic"):
                    put_images(
                        root,
                        (
                            f"{folder}/{part}/{subject:04d}/{condition}_0/{camera}_{frame:04d}.png"
                            for frame in range(frames)
                        ),
                        grey=camera == "FLIR_USB",
                    )
    put_text(root / "splits/dev/train0.txt", ["0001"])
    put_text(root / "splits/dev/val0.txt", ["0003"])
    put_text(root / "metadata.csv", [",timestamp,camera,condition,eyewear,subid,filepath"])
