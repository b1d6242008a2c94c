"""Simulated bands beside readings of real images: grey values by region of the face.

Run in a project after ``dvc repro``: ``python -m benchmarks.bench_bands --sheet bands.png``. Each
frontal face of the sample is measured where its visible image's mesh and labels say; the readings
are single real images' (``READ``), so that their order counts and not their level. Printed are
medians over faces, and Spearman's rank correlation of the regions' order with the readings'; both
are noted.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from benchmarks.results import not_run, note
from pipeline.ops.codec import as_grey, decode, encode_png
from pipeline.ops.geometry import transform_points
from pipeline.report import draw
from pipeline.report.page import page, text_line
from pipeline.store import ShardFolder, is_shard_folder
from pipeline.types import FaceClass, Row, UInt8

READ: dict[str, dict[str, float]] = {
    "LWIR": {  # apparent °C of one face with a beard, indoors; no beard in the sample's mean
        "mouth": 34.8, "inner eye": 34.4, "forehead": 33.8, "cheek": 33.3, "nose bridge": 32.8,
        "nose tip": 31.5, "hair": 29.6, "brow": 28.8, "background": 20.9,
    },
    "NIR": {
        "nose tip": 186, "chin": 139, "forehead": 135, "cheek": 118, "mouth": 98, "neck": 87,
        "brow": 74, "ear": 63, "background": 36, "hair": 23,
    },
    "SWIR": {  # 1550 nm
        "background": 116, "hair": 70, "cheek": 19, "forehead": 5, "mouth": 2,
    },
}  # fmt: skip
"""What single real images show; MWIR has none."""

_POINTS = {
    "nose tip": (4, 1), "chin": (199, 175), "forehead": (151, 9), "cheek": (50, 280),
    "inner eye": (133, 362), "nose bridge": (6, 197), "mouth": (13, 14),
}  # fmt: skip
_CLASSES = {
    "hair": (FaceClass.HAIR,),
    "brow": (FaceClass.LEFT_BROW, FaceClass.RIGHT_BROW),
    "neck": (FaceClass.NECK,),
    "ear": (FaceClass.LEFT_EAR, FaceClass.RIGHT_EAR),
    "background": (FaceClass.BACKGROUND,),
}
_LEAST_PX, _MOST_YAW_DEG = 30, 20.0


def regions_of(grey: UInt8, mesh_xy: np.ndarray, labels: UInt8) -> dict[str, float]:
    """Return a face's grey values by region: means about mesh points, medians of classes."""
    found = {}
    for name, points in _POINTS.items():
        values = []
        for x, y in np.rint(mesh_xy[list(points)]).astype(int):
            if 2 <= x < grey.shape[1] - 2 and 2 <= y < grey.shape[0] - 2:
                values.append(float(grey[y - 1 : y + 2, x - 1 : x + 2].mean()))
        if values:
            found[name] = float(np.mean(values))
    for name, classes in _CLASSES.items():
        inside = np.isin(labels, classes) & (grey > 0)
        if inside.sum() >= _LEAST_PX:
            found[name] = float(np.median(grey[inside]))
    return found


def main() -> None:
    """Print a table for each band; draw a sheet if asked."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--data", type=Path, default=Path("data/sample"))
    arguments.add_argument("--sheet", type=Path)
    options = arguments.parse_args()
    if not is_shard_folder(options.data / "parse"):
        not_run(f"{options.data}: needs the stages' outputs, made by `dvc repro`")
    columns = ["sample_id", "band", "image", "labels", "mesh_xyz", "warp_2x3", "pose_deg"]
    shots: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in ShardFolder.open(options.data / "parse").rows(columns):
        shots[row["sample_id"].removesuffix(f".{row['band']}")][row["band"]] = row
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    shown: dict[str, list[UInt8]] = defaultdict(list)
    for _, bands in sorted(shots.items()):
        if "VIS" not in bands or abs(bands["VIS"]["pose_deg"][0]) > _MOST_YAW_DEG:
            continue
        seen = bands["VIS"]
        mesh = transform_points(seen["mesh_xyz"][:, :2], seen["warp_2x3"])
        labels = decode(seen["labels"]["bytes"])
        for band in set(bands) - {"VIS"}:
            grey = as_grey(decode(bands[band]["image"]["bytes"]))
            shown[band].append(grey)
            for name, value in regions_of(grey, mesh, labels).items():
                values[band][name].append(value)
    for band in sorted(values):
        medians = {name: float(np.median(each)) for name, each in values[band].items()}
        ordered = sorted(medians, key=medians.__getitem__, reverse=True)
        print(f"{band}, {len(shown[band])} faces: ", end="")
        print(", ".join(f"{name} {medians[name]:.0f}" for name in ordered))
        for name in ordered:
            note(f"{band}, {name}", "grey levels", values[band][name])
        if band in READ:
            common = [name for name in READ[band] if name in medians]
            rank = spearmanr([READ[band][n] for n in common], [medians[n] for n in common])
            print(f"  read: {READ[band]}")
            print(f"  order of {len(common)} regions: Spearman {rank.statistic:.2f}")
            note(f"{band}, order of {len(common)} regions", "Spearman", [float(rank.statistic)])
    if options.sheet:
        lines = [_line(band, shown[band], values[band]) for band in sorted(shown)]
        options.sheet.write_bytes(encode_png(page("simulated bands and readings", lines)))


def _line(band: str, images: list[UInt8], values: dict[str, list[float]]) -> UInt8:
    chosen = images[:: max(1, len(images) // 10)][:10]
    tiles = [draw.fit(np.dstack([grey] * 3), 144)[0] for grey in chosen]
    tiles += [np.zeros((144, 144, 3), np.uint8)] * (10 - len(tiles))
    body = np.hstack(tiles)
    simulated = ", ".join(f"{name} {np.median(each):.0f}" for name, each in values.items())
    read = ", ".join(f"{name} {value:g}" for name, value in READ.get(band, {}).items()) or "none"
    words = (f"{band} simulated: {simulated}", f"{band} read: {read}")
    return np.vstack([body, *(text_line(each, body.shape[1]) for each in words)])


if __name__ == "__main__":
    main()
