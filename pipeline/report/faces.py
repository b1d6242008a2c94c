"""Metrics of the face stages: what needs no truth here, what is measured by truth beside it."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from pipeline.face3d import disagreement_percent
from pipeline.ops.alignment import interocular_px
from pipeline.ops.codec import decode
from pipeline.report.grouped import yaw_bucket
from pipeline.report.metrics import quantiles, rejections
from pipeline.report.sources import source_of_subjects
from pipeline.report.truth import PARTS, align_truth, detection_truth, parse_truth, parts_truth
from pipeline.store import ShardFolder
from pipeline.types import FaceClass, Float32


def detection_metrics(folder: ShardFolder, pictures: ShardFolder) -> dict[str, Any]:
    """Measure a ``detect`` output.

    Args:
        folder: the output.
        pictures: the output of ``ingest`` that it was made from.

    Returns:
        What ``detection_truth`` returns, and
        ``failure_to_enrol``: share of pictures in which no face was found, by band and by view;
        pictures taken from behind show no face and count only in ``found_from_behind``. The share
        is given by source, too: the program that made a subject's visible pictures.
        ``mesh_agreement_percent``: mean distance of the detector's five points from the mesh's, in
        % of the inter-ocular distance, for each picture's first face.
    """
    found: Counter[tuple[str, str]] = Counter()
    distances: dict[str, list[float]] = defaultdict(list)
    for row in folder.rows(["band", "view", "faces"]):
        found[row["band"], row["view"] or "any"] += 1
        if row["view"] == "back":
            continue
        face = row["faces"][0]
        distance = disagreement_percent(face["detected_xy"], face["mesh_xyz"])
        bucket = yaw_bucket(float(face["pose_deg"][0]))
        for key in ("all", f"band {row['band']}", f"yaw {bucket}"):
            distances[key].append(distance)
    lost = Counter((row["band"], row["view"] or "any") for row in rejections(folder, "no_face"))
    views = sorted({view for _, view in found | lost} - {"back"})
    return {
        "failure_to_enrol": _failure(found, lost, views),
        "failure_to_enrol_by_view": {view: _failure(found, lost, [view]) for view in views},
        "failure_to_enrol_by_source": _failure_by_source(folder, pictures),
        "found_from_behind": _share(found, found + lost, ["back"]),
        "mesh_agreement_percent": quantiles(distances["all"])
        | {
            f"by_{kind}": {
                name.removeprefix(f"{kind} "): quantiles(values)
                for name, values in sorted(distances.items())
                if name.startswith(kind)
            }
            for kind in ("band", "yaw")
        },
    } | detection_truth(folder, pictures)


def align_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure an ``align`` output: template, crops beyond the border, size of the faces, truth."""
    columns = ["template", "outside_fraction", "landmarks_xy", "face_count"]
    outside, distances, several = [], [], 0
    templates: Counter[str] = Counter()
    for row in folder.rows(columns):
        outside.append(float(row["outside_fraction"]))
        distances.append(interocular_px(row["landmarks_xy"]))
        several += row["face_count"] > 1
        templates[row["template"]] += 1
    return {
        "template": dict(templates),
        "outside_fraction": quantiles(outside),
        "interocular_px": quantiles(distances),
        "pictures_with_several_faces": several,
    } | align_truth(folder)


def parse_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``parse`` output: share of label maps with each class, by band; and truth."""
    seen: dict[str, Float32] = {}
    counts: Counter[str] = Counter()
    for row in folder.rows(["band", "labels"]):
        present = np.bincount(decode(row["labels"]["bytes"]).ravel(), minlength=len(FaceClass)) > 0
        seen[row["band"]] = seen.get(row["band"], 0.0) + present.astype(np.float32)
        counts[row["band"]] += 1
    return {
        "present": {
            band: {
                face_class.name.lower(): round(float(seen[band][face_class]) / counts[band], 4)
                for face_class in FaceClass
            }
            for band in sorted(seen)
        }
    } | parse_truth(folder)


def parts_metrics(folder: ShardFolder) -> dict[str, Any]:
    """Measure a ``parts`` output.

    Returns:
        ``found``: share of faces in which the parser itself found each part, by band, over all
        faces and over those turned by less than 40°; ``mesh_distance_percent``: distance of the
        part's centre from the mesh's, % of the inter-ocular distance; and ``parts_truth``.
    """
    columns = ["band", "part_backend", "mesh_distance_percent", "pose_deg"]
    found: dict[str, dict[str, list[list[bool]]]] = defaultdict(lambda: defaultdict(list))
    distances: list[Float32] = []
    backends: Counter[str] = Counter()
    for row in folder.rows(columns):
        flags = [backend == "parser" for backend in row["part_backend"]]
        groups = ["all", "frontal"] if abs(float(row["pose_deg"][0])) < 40 else ["all"]
        for group in groups:
            found[group][row["band"]].append(flags)
        distances.append(row["mesh_distance_percent"])
        backends.update(row["part_backend"])
    table = np.asarray(distances).reshape(-1, len(PARTS))
    return {
        "found": {
            group: {band: _part_shares(rows) for band, rows in sorted(bands.items())}
            for group, bands in found.items()
        },
        "mesh_distance_percent": {
            part: quantiles(table[:, index].tolist()) for index, part in enumerate(PARTS)
        },
        "backend": dict(sorted(backends.items())),
    } | parts_truth(folder)


def _part_shares(rows: list[list[bool]]) -> dict[str, float | int]:
    flags = np.asarray(rows)
    named = {part: round(float(s), 4) for part, s in zip(PARTS, flags.mean(axis=0), strict=True)}
    both_eyes = round(float(flags[:, :2].all(axis=1).mean()), 4)
    return {**named, "both_eyes": both_eyes, "n": len(rows)}


def _failure_by_source(folder: ShardFolder, pictures: ShardFolder) -> dict[str, dict[str, float]]:
    """Return by source and band the share of pictures, not from behind, without a face."""
    sources = source_of_subjects(pictures)
    lost = {row["sample_id"] for row in rejections(folder, "no_face")}
    shown: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for row in pictures.rows(["sample_id", "subject_id", "band", "view"]):
        if row["view"] != "back":
            source = sources[row["subject_id"]]
            shown[source][row["band"]].append(row["sample_id"] in lost)
    return {
        source: {band: round(float(np.mean(flags)), 4) for band, flags in sorted(bands.items())}
        for source, bands in sorted(shown.items())
    }


def _failure(
    found: Counter[tuple[str, str]], lost: Counter[tuple[str, str]], views: Iterable[str]
) -> dict[str, float]:
    return _share(lost, found + lost, views)


def _share(
    part: Counter[tuple[str, str]], whole: Counter[tuple[str, str]], views: Iterable[str]
) -> dict[str, float]:
    """Return by band which share of the whole the part is, over some views."""
    views = set(views)
    totals: Counter[str] = Counter()
    for (band, view), count in whole.items():
        totals[band] += count if view in views else 0
    return {
        band: round(sum(part[band, view] for view in views) / total, 4)
        for band, total in sorted(totals.items())
        if total
    }
