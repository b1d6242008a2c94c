"""Peak memory of the body stages over one long video, against one of a tenth of its length.

Run: ``python -m benchmarks.bench_video``. Each video is one media of an ``ijb_mdf`` data set, every
frame of it is taken, and ``dvc repro`` runs ingest, detection, labelling and crops. Memory is that
of the largest process of all.
"""

import argparse
import csv
import importlib.util
import tempfile
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.results import note
from benchmarks.workspaces import repro, workspace

FRAME_HW = (180, 320)
BOX = (60, 20, 24, 28)
COLUMNS = ("SUBJECT_ID", "FILENAME", "FRAME_NUM", "FACE_X", "FACE_Y", "FACE_WIDTH", "FACE_HEIGHT")


def put(root: Path, frames: int) -> None:
    """Write a video of moving people and a face box for each of its frames."""
    package = importlib.util.find_spec("ultralytics")
    bus = cv2.imread(str(Path(str(package and package.origin)).parent / "assets/bus.jpg"))
    image = cv2.resize(bus, FRAME_HW[::-1], interpolation=cv2.INTER_AREA)
    file = root / "VIS-500m/long.mp4"
    file.parent.mkdir(parents=True)
    with av.open(str(file), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = *FRAME_HW, "yuv420p"
        for index in range(frames):
            shown = np.roll(image, index % 64, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="bgr24")))
        container.mux(stream.encode())
    with (root / "annotations.csv").open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(COLUMNS)
        name = file.relative_to(root).as_posix()
        writer.writerows(("1", name, index, *BOX) for index in range(frames))
    for gallery, subjects in (("gallery-1", ["1"]), ("gallery-2", ["2"])):
        (root / f"{gallery}.csv").write_text(
            "SUBJECT_ID\n" + "\n".join(subjects) + "\n", encoding="utf-8"
        )


def peak(frames: int) -> None:
    """Run the stages over a video and print what they took."""
    mine = {
        "reader": "ijb_mdf",
        "root": "long",
        "shards": 8,
        "ijb_mdf": {"annotations": "annotations.csv"},
    }
    with tempfile.TemporaryDirectory() as folder:
        cwd = workspace(
            Path(folder),
            {
                "datasets": {"mine": mine},
                "body_datasets": {"mine": {}},
                "detect_bodies": {"image_px": 128},
            },
        )
        put(cwd / "long", frames)
        took = repro(cwd)
    note(f"{frames} frames, largest process", "MB", [took.peak_mb])
    print(
        f"{frames} frames: {took.seconds:.0f} s, largest process {took.peak_mb:.0f} MB", flush=True
    )


def main() -> None:
    """Measure a short and a long video."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--frames", type=int, default=10_000)
    frames = arguments.parse_args().frames
    peak(frames // 10)
    peak(frames)


if __name__ == "__main__":
    main()
