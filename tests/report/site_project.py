"""A small project made by hand, as stages leave it: images, faces, rejected ones, an evaluation."""

import json
from contextlib import chdir

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from report_rows import aligned, face, folder, make_image

from pipeline.ops.codec import encode_png
from pipeline.report.site.write import write_report
from pipeline.schemas.align import ALIGN
from pipeline.schemas.detect import DETECT
from pipeline.schemas.ingest import INGEST
from pipeline.training.embed_faces import EMBEDDINGS
from pipeline.weights import load_registry

PIPELINE = """
stages:
  ingest:
    foreach: ${datasets}
    do:
      cmd: x
      deps: ["${item.root}"]
      outs: ["data/${key}/ingest", "reports/metrics/${key}/ingest.json"]
  detect:
    foreach: ${datasets}
    do:
      cmd: x
      deps: ["data/${key}/ingest"]
      outs: ["data/${key}/detect", "reports/metrics/${key}/detect.json"]
  align:
    foreach: ${datasets}
    do:
      cmd: x
      deps: ["data/${key}/detect"]
      outs: ["data/${key}/align", "reports/metrics/${key}/align.json"]
  evaluate_faces:
    foreach: ${evaluate_faces}
    do:
      cmd: x
      deps: ["data/d/align"]
      outs:
        - data/d/evaluate_faces/${key}
        - reports/metrics/d/evaluate_faces/${key}.json
        - reports/figures/d/evaluate_faces/${key}.md
      plots:
        - reports/contact/d/evaluate_faces/${key}.png
        - reports/curves/d/evaluate_faces/${key}.roc.csv: {x: far, y: tar, template: roc}
"""
PARAMS = "datasets: {d: {root: in}}\nevaluate_faces: {e: {}}\n"
TABLE = """# title

What is compared.

| row | rank-1 |
|---|---|
| **trained** | 50.0 [1.0, 99.0] n 2 |
"""
HOSTILE = "<img src=x onerror=alert(1)>'\""
BANDS = ("VIS", "NIR")
YAWS = (5.0, 30.0)


def make_project(root, *, rejected=3, registry):
    """Write a project with 8 images, of which ``align`` has all, and its report."""
    (root / "dvc.yaml").write_text(PIPELINE)
    (root / "params.yaml").write_text(PARAMS)
    named = [
        (f"{subject}/{yaw:.0f}.{band}", {"subject": person, "band": band, "yaw": yaw})
        for subject, person in (("a", "a"), ("b", HOSTILE))
        for band in BANDS
        for yaw in YAWS
    ]
    images = [make_image(name, licence="MIT", split="test", **known) for name, known in named]
    faces = [
        aligned(name)
        | make_image(name, **known)
        | {"pose_deg": np.array([known["yaw"], 0, 0], np.float32)}
        for name, known in named
    ]
    lost = [
        {
            "sample_id": f"{('a/5.VIS', 'b/5.NIR')[i % 2]}#r{i:05d}",
            "dataset": "d",
            "subject_id": HOSTILE,
            "band": BANDS[i % 2],
            "region": "scene",
            "reason": "no_face" if i else "too_dark",
            "detail": "</script><script>alert(2)</script>",
            "fingerprint": "f",
        }
        for i in range(rejected)
    ]
    data = root / "data" / "d"
    folder(data / "ingest", INGEST, images)
    folder(data / "detect", DETECT, [row | {"faces": [face()]} for row in images], lost)
    folder(data / "align", ALIGN, faces)
    reasons = {"no_face": rejected - 1, "too_dark": 1}
    for stage, counts in (
        ("ingest", {"in": 8, "out": 8, "rejected": {}}),
        ("detect", {"in": 8 + rejected, "out": 8, "rejected": reasons}),
        ("align", {"in": 8, "out": 8, "rejected": {}}),
        ("evaluate_faces/e", {"rank1": {"value": 0.5, "n": 2}}),
    ):
        write(root / f"reports/metrics/d/{stage}.json", json.dumps(counts))
    write(root / "reports/runs/d/align.json", '{"seconds": 125.0}')
    write(root / "reports/figures/d/evaluate_faces/e.md", TABLE)
    sheet = root / "reports/contact/d/evaluate_faces/e.png"
    sheet.parent.mkdir(parents=True)
    sheet.write_bytes(encode_png(np.zeros((8, 8, 3), np.uint8)))
    curve = "row,far,tar\ntrained,0.01,0.2\ntrained,1.0,1.0\n"
    write(root / "reports/curves/d/evaluate_faces/e.roc.csv", curve)
    embeddings = [
        (1, "gallery", "a/5.VIS", "a", [1.0, 0.0]),
        (1, "gallery", "b/5.VIS", "b", [0.0, 1.0]),
        (1, "probe", "a/5.NIR", "a", [0.6, 0.8]),
        (1, "probe", "b/5.NIR", "b", [0.0, 2.0]),
    ]
    rows = [dict(zip(EMBEDDINGS.names, row, strict=True)) for row in embeddings]
    path = root / "data/d/evaluate_faces/e/embeddings.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, EMBEDDINGS), path)
    report_of(root, registry)


def report_of(root, registry, *, images=20, rejected=6):
    with chdir(root):
        write_report(root, images=images, rejected=rejected, weights=load_registry(registry))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
