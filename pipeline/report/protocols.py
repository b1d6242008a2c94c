"""What the stage ``protocols`` shows: a few subjects of each protocol, enrolled and probing."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.ops.codec import decode_rgb
from pipeline.report import draw
from pipeline.report.chosen_rows import read_rows, spread
from pipeline.report.contact_sheet import write_png
from pipeline.report.page import page, text_line
from pipeline.store import ShardFolder
from pipeline.store.protocols import Protocol, protocol_names, read_protocol
from pipeline.types import Row, UInt8

Shown = tuple[UInt8, list[str]]
"""An image, its band and its name."""

TILE_PX = 96
_SUBJECTS, _PROBES = 4, 2
_MOST = 11
_GALLERY, _PROBE = (64, 160, 255), (255, 170, 60)
_COLUMNS = (
    *("sample_id", "band", "media_id", "frame_index"),
    *("image", "truth_people", "simulated"),
)


def protocol_sheet(folder: Path, rows: ShardFolder, path: Path) -> None:
    """Write a PNG with a line a protocol: enrolled images in blue frames, probes in orange ones.

    Args:
        folder: that the protocols lie in.
        rows: that they name.
        path: the PNG to write.
    """
    names = protocol_names(folder)
    # Where not all fit on a page, what is tested counts more than what is tuned on.
    names = sorted(names, key=lambda name: (name.endswith("-validation"), name))
    lines = [_line(read_protocol(folder / name), rows) for name in names[:_MOST]]
    title = f"protocols {folder.parent.name}: gallery (blue), probes (orange) of a few subjects"
    if len(names) > _MOST:
        title += f"; {_MOST} of {len(names)} protocols"
    if not lines:
        lines = [draw.captioned(draw.NOTHING, ["no protocol"], (TILE_PX, TILE_PX))]
    write_png(page(title, lines), path)


def chosen_of(protocol: Protocol) -> list[list[tuple[str, str] | None]]:
    """Choose what a line shows of a protocol's first fold.

    Returns:
        For each of a few subjects that are enrolled and probe: (subject, sample) of an enrolled
        image, then of up to two probes, spread over all of theirs. Where nobody does both, of those
        who do either; None stands for the image that somebody who only probes has not enrolled.
    """
    fold = protocol.fold(protocol.folds()[0])
    enrolled, probing = (_by_subject(table.to_pylist()) for table in (fold.enroll, fold.probe))
    both = sorted(set(enrolled) & set(probing)) or sorted(set(enrolled) | set(probing))
    subjects = [both[place] for place in spread(len(both), _SUBJECTS)] if both else []
    chosen = []
    for subject in subjects:
        gallery = enrolled[subject][0] if subject in enrolled else None
        theirs = probing.get(subject, [])
        probes = [name for name in theirs if name != gallery] or theirs
        picked = [probes[place] for place in spread(len(probes), _PROBES)] if probes else []
        named = [None if name is None else (subject, name) for name in (gallery, *picked)]
        chosen.append(named)
    return chosen


def _by_subject(rows: Sequence[Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: str(row["sample_id"])):
        if row["subject_id"]:
            found.setdefault(row["subject_id"], []).append(row["sample_id"])
    return found


def _line(protocol: Protocol, rows: ShardFolder) -> UInt8:
    counts = protocol.counts()
    said = ", ".join(
        f"{counts[f'{side}_{what}']} {word if counts[f'{side}_{what}'] != 1 else one}"
        for side, what, word, one in (
            ("enroll", "subjects", "subjects enrolled", "subject enrolled"),
            ("enroll", "samples", "images enrolled", "image enrolled"),
            ("probe", "samples", "probes", "probe"),
            ("train", "samples", "to train on", "to train on"),
        )
    )
    chosen = chosen_of(protocol)
    images = _images(rows, [each for group in chosen for each in group if each is not None])
    tiles = []
    for place in range(_SUBJECTS):
        group = chosen[place] if place < len(chosen) else []
        for number in range(1 + _PROBES):
            pair = group[number] if number < len(group) else None
            tiles.append(_tile(images, pair, _PROBE if number else _GALLERY))
    body = np.hstack(tiles)
    head = f"{protocol.name}  ({protocol.kind}, {protocol.source}): {said}"
    return np.vstack([text_line(head, body.shape[1]), body])


def _tile(
    images: dict[str, Shown],
    pair: tuple[str, str] | None,
    colour: tuple[int, int, int],
) -> UInt8:
    wh = (TILE_PX + 8, TILE_PX + 8)
    if pair is None or pair[1] not in images:
        lacking = "" if pair is None else "no image"
        return draw.captioned(draw.NOTHING, [lacking, ""], wh)
    subject, name = pair
    image, words = images[name]
    small = draw.fit(image, TILE_PX)[0]
    framed = np.full((small.shape[0] + 6, small.shape[1] + 6, 3), colour, np.uint8)
    framed[3:-3, 3:-3] = small
    return draw.captioned(framed, [f"{subject}  {words[0]}", words[1]], wh)


def _images(rows: ShardFolder, chosen: Sequence[tuple[str, str]]) -> dict[str, Shown]:
    """Return image, band and name by sample; of one of several people, a cut-out."""
    whole = {name: name.removesuffix(f"#{subject}") for subject, name in chosen}
    asked = sorted({*whole.values(), *whole})
    found = {row["sample_id"]: row for row in read_rows(rows, asked, _COLUMNS)}
    made = {}
    for subject, name in chosen:
        row = found.get(name) or found.get(whole[name])
        if row is not None:
            image = decode_rgb(row["image"]["bytes"])
            seen = image if name in found else _around(image, row, subject)
            band = f"{row['band']} sim." if row["simulated"] else row["band"]
            media, frame = row["media_id"], row["frame_index"]
            short = (media if media and frame is not None else name).rpartition("/")[2]
            short = short.removesuffix(f".{row['band']}")  # the line above has it, room is scarce
            made[name] = (seen, [band, short if frame is None else f"{short} {frame}"])
    return made


def _around(image: UInt8, row: Row, subject: str) -> UInt8:
    """Cut a person out by the data set's own box of the body, or of the face."""
    for person in row.get("truth_people") or ():
        if person["subject_id"] != subject:
            continue
        for box in (person["body_xyxy"], person["face_xyxy"]):
            if box is not None and np.isfinite(box).all():
                margin = 0.1 * max(box[2] - box[0], box[3] - box[1])
                low = np.floor(np.asarray(box[:2]) - margin).clip(0).astype(int)
                high = np.ceil(np.asarray(box[2:]) + margin).clip(0).astype(int)
                cut = image[low[1] : high[1], low[0] : high[0]]
                return cut if cut.size else image
    return image
