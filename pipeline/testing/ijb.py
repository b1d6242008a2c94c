"""Replicas of IJB-A, IJB-B and IJB-C, and of InsightFace's lists of the latter two."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.testing.images import put_image, put_images, put_text

IJBA_HEADER = (
    "TEMPLATE_ID,SUBJECT_ID,FILE,MEDIA_ID,SIGHTING_ID,FRAME,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT,"
    "RIGHT_EYE_X,RIGHT_EYE_Y,LEFT_EYE_X,LEFT_EYE_Y,NOSE_BASE_X,NOSE_BASE_Y,FACE_YAW,"
    "FOREHEAD_VISIBLE,EYES_VISIBLE,NOSE_MOUTH_VISIBLE,INDOOR,GENDER,SKIN_TONE,AGE,FACIAL_HAIR"
)
IJBC_HEADER = (
    "TEMPLATE_ID,SUBJECT_ID,FILENAME,SIGHTING_ID,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT,FRAME_NUM,"
    "FACIAL_HAIR,AGE,INDOOR_OUTDOOR,SKINTONE,GENDER,YAW,ROLL,"
    + ",".join(f"OCC{n}" for n in range(1, 19))
)

IJBB_HEADER = (
    "TEMPLATE_ID,SUBJECT_ID,FILENAME,SIGHTING_ID,FACE_X,FACE_Y,FACE_WIDTH,FACE_HEIGHT,RIGHT_EYE_X,"
    "RIGHT_EYE_Y,LEFT_EYE_X,LEFT_EYE_Y,NOSE_X,NOSE_Y,FRAME_NUM"
)


def ijba(root: Path, *, subjects: int = 4, splits: int = 2) -> None:
    """Write an IJB-A: an image of each subject; ``img/1.jpg`` shows two of them.

    Subject 1 trains. The others have a gallery template (an image) and a probe template (two
    frames of one video); in the search the last subject is not in the gallery.
    """
    images = root / "images"
    for subject in range(1, subjects + 1):
        put_image(images / f"img/{subject}.jpg")
        if subject > 1:
            put_images(images, (f"frame/{90 + subject}_{n:05d}.png" for n in (30, 60)))

    def still(template: int, subject: int, file: str) -> str:
        return f"{template},{subject},{file},{subject},{subject},,1,2,3,4,,,,,,,12.5" + ",1" * 8

    def frames(template: int, subject: int) -> list[str]:
        return [
            f"{template},{subject},frame/{90 + subject}_{n:05d}.png,{90 + subject},{n},{n}"
            ",1,2,3,4,,,,,,,-50" + ",1" * 8
            for n in (30, 60)
        ]

    train = [IJBA_HEADER, still(1, 1, "img/1.JPG")]
    tested = range(2, subjects + 1)
    gallery = [still(100 + s, s, f"img/{s}.jpg") for s in tested] + [still(102, 2, "img/1.jpg")]
    probe = [line for s in tested for line in frames(200 + s, s)]
    for split in range(1, splits + 1):
        eleven = root / f"IJB-A_11_sets/split{split}"
        put_text(eleven / f"train_{split}.csv", train)
        put_text(eleven / f"verify_metadata_{split}.csv", [IJBA_HEADER, *gallery, *probe])
        pairs = [f"{100 + s},{200 + s}" for s in tested] + ["102,203"]
        put_text(eleven / f"verify_comparisons_{split}.csv", pairs)
        search = root / f"IJB-A_1N_sets/split{split}"
        put_text(search / f"train_{split}.csv", train)
        known = [line for line in gallery if not line.startswith(f"{100 + subjects},")]
        put_text(search / f"search_gallery_{split}.csv", [IJBA_HEADER, *known])
        put_text(search / f"search_probe_{split}.csv", [IJBA_HEADER, *probe])


def ijbc(root: Path, *, subjects: int = 4) -> None:
    """Write an IJB-C: of each subject a gallery template of two images, a probe of two frames.

    The first of the two images has yaw 10, the second 60; the frames have yaw 5 and −70. The
    first half of the subjects is in gallery 1, the other half in gallery 2. Each gallery template
    meets its own probe template and the next subject's. The metadata have two lines of nobody.
    """

    def line(template: int, subject: int, file: str, sighting: int, frame: str, yaw: float) -> str:
        occlusion = "," + ",".join("0" for _ in range(18))
        return (
            f"{template},{subject},{file},{sighting},1,2,3,4,{frame},0,3,1,2,1,{yaw},0.5{occlusion}"
        )

    gallery: list[list[str]] = [[], []]
    probe = []
    for s, of_half, stills, frames in _put_people(root / "images", subjects):
        gallery[of_half] += [
            line(s, s, stills[0], s, "", 10.0),
            line(s, s, stills[1], 100 + s, "", 60.0),
        ]
        probe += [
            line(500 + s, s, frames[0], 900 + s, "1", 5.0),
            line(500 + s, s, frames[1], 900 + s, "2", -70.0),
        ]
    protocols = root / "protocols"
    for number, lines in enumerate(gallery, 1):
        put_text(protocols / f"ijbc_1N_gallery_G{number}.csv", [IJBC_HEADER, *lines])
    put_text(protocols / "ijbc_1N_probe_mixed.csv", [IJBC_HEADER, *probe])
    put_text(protocols / "ijbc_11_G1_G2_matches.csv", _matches(subjects))
    # All faces again, and what detectors took for one: nobody, in two spellings.
    faces = [row.partition(",")[2] for rows in (*gallery, probe) for row in rows]
    header = IJBC_HEADER.partition(",")[2]
    empty = "," * (header.count(",") - 2)
    strange = [f"{nobody},nonfaces/{n}.png,{n}{empty}" for n, nobody in enumerate(("", "NaN"))]
    put_images(root / "images", (f"nonfaces/{n}.png" for n in range(2)))
    put_text(protocols / "ijbc_metadata.csv", [header, *faces, *strange])


def ijbb(root: Path, *, subjects: int = 4, older: bool = False) -> None:
    """Write an IJB-B, whose templates are those of ``ijbc``.

    Args:
        root: folder.
        subjects: how many.
        older: with the first release's names of columns.
    """
    header = IJBB_HEADER
    if older:
        header = header.replace("FILENAME", "FILE").replace("FRAME_NUM", "FRAME")
    gallery: list[list[str]] = [[], []]
    probe = []
    for s, of_half, stills, frames in _put_people(root / "images", subjects):
        gallery[of_half] += [
            f"{s},{s},{file},{100 * n + s},1,2,3,4,,,,,,," for n, file in enumerate(stills)
        ]
        probe += [
            f"{500 + s},{s},{file},{900 + s},1,2,3,4,,,,,,,{n}" for n, file in enumerate(frames, 1)
        ]
    for number, lines in enumerate(gallery, 1):
        put_text(root / f"protocol/ijbb_1N_gallery_S{number}.csv", [header, *lines])
    put_text(root / "protocol/ijbb_1N_probe_mixed.csv", [header, *probe])
    put_text(root / "protocol/ijbb_11_S1_S2_matches.csv", _matches(subjects))


def _put_people(
    images: Path, subjects: int
) -> Iterator[tuple[int, int, tuple[str, str], tuple[str, str]]]:
    """Write two stills and two frames of each subject.

    Yields:
        Subject, from 1; half of the subjects that it is in, from 0; stills; frames.
    """
    for s in range(1, subjects + 1):
        stills = f"img/{s}.jpg", f"img/{100 + s}.jpg"
        frames = f"frames/{s}_01.png", f"frames/{s}_02.png"
        put_images(images, (*stills, *frames))
        yield s, int(s > subjects // 2), stills, frames


def _matches(subjects: int) -> list[str]:
    """Pair each gallery template with its own probe template, and with the next subject's."""
    people = range(1, subjects + 1)
    return [f"{s},{500 + other}" for s in people for other in (s, s % subjects + 1)]


def ijb_insightface(
    root: Path, *, subjects: int = 4, release: str = "ijbc", search: bool = True
) -> None:
    """Write InsightFace's crops and lists: of each subject two templates of two crops each.

    Those of the second are of one media. Each first template meets its own second, and the next
    subject's.

    Args:
        root: folder.
        subjects: how many; the first half is in gallery 1.
        release: ``ijbb`` or ``ijbc``.
        search: with the lists that say whose each template is.
    """
    faces, points, pairs = [], [], []
    searched: dict[str, list[str]] = {"1": [], "2": [], "probe": []}
    crop = 0
    for s in range(1, subjects + 1):
        for template, media in ((s, 10 + s), (s, 20 + s), (500 + s, 900 + s), (500 + s, 900 + s)):
            crop += 1
            faces.append(f"{crop}.jpg {template} {media}")
            points.append(f"{crop}.jpg 2.5 3.0 5.5 3.0 4.0 4.0 3.0 6.0 5.0 6.0 0.99")
            part = "probe" if template > 500 else "1" if s <= subjects // 2 else "2"
            searched[part].append(f"{template},{s},img/{crop}.jpg,{media}")
        pairs += [f"{s} {500 + s} 1", f"{s} {500 + s % subjects + 1} 0"]
    put_images(root / "loose_crop", (f"{number}.jpg" for number in range(1, crop + 1)))
    put_text(root / f"meta/{release}_face_tid_mid.txt", faces)
    put_text(root / f"meta/{release}_name_5pts_score.txt", points)
    put_text(root / f"meta/{release}_template_pair_label.txt", pairs)
    if search:
        letter = {"ijbb": "S", "ijbc": "G"}[release]
        for part, lines in searched.items():
            name = "probe_mixed" if part == "probe" else f"gallery_{letter}{part}"
            header = "TEMPLATE_ID,SUBJECT_ID,FILENAME,SIGHTING_ID"
            put_text(root / f"meta/{release}_1N_{name}.csv", [header, *lines])
