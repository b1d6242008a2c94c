"""Replicas of the sets of pairs, and of MegaFace."""

import json
from pathlib import Path

from pipeline.testing.images import put_images, put_text


def lfw(root: Path, *, folds: int = 2, each: int = 1) -> None:
    """Write an LFW: ``2 · folds · each`` people with two images, paired in View 2 and View 1."""
    people = [f"Person_{n:02d}" for n in range(2 * folds * each)]
    put_images(root, (f"lfw/{name}/{name}_{n:04d}.jpg" for name in people for n in (1, 2)))
    lines = []
    for fold in range(folds):
        mine = people[2 * fold * each : 2 * (fold + 1) * each]
        lines += [f"{name}\t1\t2" for name in mine[:each]]
        lines += [f"{name}\t1\t{mine[each + n]}\t2" for n, name in enumerate(mine[:each])]
    put_text(root / "pairs.txt", [f"{folds}\t{each}", *lines])
    put_text(root / "pairsDevTest.txt", [str(each), *lines[: 2 * each]])


def cfp(root: Path, *, subjects: int = 4, folds: int = 2) -> None:
    """Write a CFP of ``subjects × (10 + 4)`` images; a fold has two same, two different pairs."""
    listed: dict[str, list[str]] = {"F": [], "P": []}
    for subject in range(1, subjects + 1):
        for side, view, count in (("F", "frontal", 10), ("P", "profile", 4)):
            names = [f"Data/Images/{subject:03d}/{view}/{n:02d}.jpg" for n in range(1, count + 1)]
            put_images(root, names)
            listed[side] += names
    for side, names in listed.items():
        lines = [f"{number} ../{name}" for number, name in enumerate(names, 1)]
        put_text(root / f"Protocol/Pair_list_{side}.txt", lines)
    for fold in range(1, folds + 1):
        put_text(root / f"Protocol/Split/FF/{fold:02d}/same.txt", [f"{fold},{fold + 1}", "11,12"])
        put_text(root / f"Protocol/Split/FF/{fold:02d}/diff.txt", [f"{fold},11", "11,21"])
        put_text(root / f"Protocol/Split/FP/{fold:02d}/same.txt", [f"{fold},{fold}", "11,5"])
        put_text(root / f"Protocol/Split/FP/{fold:02d}/diff.txt", [f"{fold},5", "11,9"])


def ytf(root: Path, *, frames: int = 3, aligned: bool = False) -> None:
    """Write a YTF of three people with two videos of ``frames`` frames; two folds of two pairs."""
    people = ("Ann_Lee", "Bob_Ray", "Cy_Oh")
    kind, prefix = ("aligned_images_DB", "aligned_detect_") if aligned else ("frame_images_DB", "")
    for name in people:
        names = [
            f"{name}/{v}/{prefix}{v}.{n}.jpg" for v in (0, 1) for n in range(100, 100 + frames)
        ]
        put_images(root / kind, names)
        if not aligned:
            lines = [name.replace("/", "\\") + ",0,4,4,6,4,0.0,1" for name in names]
            put_text(root / kind / f"{name}.labeled_faces.txt", lines)
    put_text(
        root / "splits.txt",
        [
            "split number, pair number, first name, second name, is same",
            "1, 1, Ann_Lee/0, Ann_Lee/1, 1",
            "1, 2, Ann_Lee/0, Bob_Ray/0, 0",
            "2, 1, Bob_Ray/0, Bob_Ray/1, 1",
            "2, 2, Bob_Ray/1, Cy_Oh/0, 0",
        ],
    )


def megaface(root: Path, *, people: int = 2, each: int = 3, distractors: int = 5) -> None:
    """Write a MegaFace with InsightFace's noise lists, which name one probe and one distractor.

    Each begins with a comment; the distractors' has fields parted by tabs, of which the second is
    the name, as the published ones.
    """
    probes = [f"Some_Body{p}/Some_Body{p}_{n}.png" for p in range(people) for n in range(each)]
    others = [f"{n:03d}/{n}@N00/{n}_0.jpg" for n in range(distractors)]
    put_images(root / "facescrub_images", probes)
    put_images(root / "megaface_images", others)
    put_text(root / "facescrub_noises.txt", ["# noises", probes[0].rpartition("/")[2]])
    put_text(root / "megaface_noises.txt", ["# noises", f"1\t{others[0]}"])
    listed = {"path": probes[1:], "id": [path.split("/")[0] for path in probes[1:]]}
    lists = root / "devkit/templatelists"
    lists.mkdir(parents=True)
    (lists / "facescrub_features_list.json").write_text(json.dumps(listed), encoding="utf-8")
