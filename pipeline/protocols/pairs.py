"""Protocols of sets of pairs: LFW, CFP and YTF in ten folds; and MegaFace's search."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from pipeline.errors import ReaderError
from pipeline.protocols.columns import single
from pipeline.readers import cfp, lfw, megaface, ytf
from pipeline.readers.layout import (
    files_below,
    find_list,
    numbered_lists,
    read_entries,
    read_lines,
    read_some_lines,
    refuse_gaps,
    require_list,
    stem_of,
)
from pipeline.readers.tables import read_text
from pipeline.readers.unmatched import report_unmatched
from pipeline.store.protocols import (
    Exclude,
    Kind,
    Protocol,
    Provenance,
    match_table,
    template_table,
    train_table,
)
from pipeline.types import Row

CFP_KINDS = ("same", "diff")
Pair = tuple[int | None, str, str, bool]
"""Fold, left template, right template, whether they are of one subject."""


def lfw_views(root: Path, rows: Sequence[Row]) -> Iterator[Protocol]:
    """Yield ``view2`` (ten folds) and, where their lists are there, the two of View 1."""
    files = files_below(root)
    require_list(root, "lfw", files, "pairs.txt")
    known = {row["sample_id"]: [row] for row in rows}
    for list_name, name, kind in (
        ("pairs.txt", "view2", Kind.PAIR_ACCURACY),
        ("pairsDevTrain.txt", "view1_train", Kind.VERIFICATION),
        ("pairsDevTest.txt", "view1_test", Kind.VERIFICATION),
    ):
        if found := find_list(files, list_name):
            yield pair_protocol(name, f"LFW {list_name}", lfw_pairs(root / found), known, kind)


def lfw_pairs(file: Path) -> Iterator[Pair]:
    """Read a list of pairs: header of folds and pairs, then each fold's same and different ones.

    Raises:
        ReaderError: the header is not one or two numbers, a line is no pair, or their number is not
            what the header says.
    """
    lines = read_lines(file)
    header = lines[0][1].split() if lines else []
    if len(header) not in (1, 2) or not all(word.isdecimal() for word in header):
        raise ReaderError(f"{file}, line 1: expected '10 300' or '1100', found {header}")
    folds, each = (1, int(header[0])) if len(header) == 1 else (int(header[0]), int(header[1]))
    if len(lines) - 1 != 2 * folds * each:
        raise ReaderError(
            f"{file}: expected {2 * folds * each} pairs as its header says, found {len(lines) - 1}"
        )
    for index, (number, line) in enumerate(lines[1:]):
        fold = None if len(header) == 1 else index // (2 * each) + 1
        words = line.split("\t") if "\t" in line else line.split()
        match [word.strip() for word in words]:
            case [name, i, j] if i.isdecimal() and j.isdecimal():
                yield fold, lfw.sample_of(name, int(i)), lfw.sample_of(name, int(j)), True
            case [name, i, other, j] if i.isdecimal() and j.isdecimal():
                yield fold, lfw.sample_of(name, int(i)), lfw.sample_of(other, int(j)), False
            case _:
                raise ReaderError(
                    f"{file}, line {number}: expected 'name i j' or 'name i name j', found {line!r}"
                )


def cfp_protocols(root: Path, rows: Sequence[Row]) -> Iterator[Protocol]:
    """Yield ``ff`` (frontal-frontal) and ``fp`` (frontal-profile), ten folds each.

    Raises:
        ReaderError: a list is missing, or a pair names a number that the image lists lack.
    """
    files = files_below(root)
    numbered = {
        side: cfp_numbers(require_list(root, "cfp", files, f"Pair_list_{side}.txt"))
        for side in ("F", "P")
    }
    known = {row["sample_id"]: [row] for row in rows}
    for side, listed in numbered.items():
        absent = [sample for sample in listed.values() if sample not in known]
        report_unmatched(Path(f"Pair_list_{side}.txt"), absent)
    found = numbered_lists(files, r"Split/(FF|FP)/(\d+)/(same|diff)\.txt")
    for name in ("ff", "fp"):
        lists = {key: path for key, path in found.items() if key[0] == name}
        for fold in sorted({fold for _, fold, _ in lists}):
            files_of = {(name, fold, k): f"Split/{name.upper()}/{fold}/{k}.txt" for k in CFP_KINDS}
            refuse_gaps(root, lists, files_of, f"fold {fold}")
        pairs = [
            (int(fold), left, right, kind == "same")
            for (_, fold, kind), path in sorted(lists.items())
            for left, right in _cfp_pairs(root / path, numbered["F"], numbered[name[1].upper()])
        ]
        if pairs:
            yield pair_protocol(name, f"CFP {name.upper()}", pairs, known)


def cfp_numbers(file: Path) -> dict[int, str]:
    """Read a numbered list of images; returns sample ids by number."""

    def parse(line: str) -> tuple[int, str] | None:
        number, _, path = line.partition(" ")
        sample_id = cfp.sample_of(path.strip())
        return (int(number), sample_id) if number.isdecimal() and sample_id else None

    return dict(read_entries(file, parse, "'1 ../Data/Images/001/frontal/01.jpg'"))


def _cfp_pairs(
    file: Path, left: dict[int, str], right: dict[int, str]
) -> Iterator[tuple[str, str]]:
    for number, line in read_some_lines(file, "'i,j'"):
        words = [word.strip() for word in line.split(",")]
        if len(words) != 2 or not all(word.isdecimal() for word in words):
            raise ReaderError(f"{file}, line {number}: expected 'i,j', found {line!r}")
        i, j = int(words[0]), int(words[1])
        if i not in left or j not in right:
            raise ReaderError(f"{file}, line {number}: the image lists lack number {i} or {j}")
        yield left[i], right[j]


def ytf_pairs(root: Path, rows: Sequence[Row]) -> Iterator[Protocol]:
    """Yield ``ten_folds``: a template is all frames of a video.

    Raises:
        ReaderError: ``splits.txt`` is missing or malformed.
    """
    file = require_list(root, "ytf", files_below(root), "splits.txt")
    frames: dict[str, list[Row]] = {}
    for row in rows:
        frames.setdefault(row["media_id"], []).append(row)
    pairs: list[Pair] = []
    for number, line in read_lines(file):
        words = [word.strip() for word in line.split(",")]
        if number == 1 and words and not words[0].isdecimal():
            continue  # header
        match = [re.fullmatch(r"(.+)/(\d+)", word) for word in words[2:4]]
        numbered = len(words) == 5 and words[0].isdecimal() and words[1].isdecimal()
        if not numbered or words[4] not in ("0", "1") or None in match:
            raise ReaderError(
                f"{file}, line {number}: expected '<fold>, <pair>, <Name>/<video>, "
                f"<Name>/<video>, <0|1>', found {line!r}"
            )
        left, right = (ytf.media_of(found[1], found[2]) for found in match if found)
        pairs.append((int(words[0]), left, right, words[4] == "1"))
    if not pairs:
        raise ReaderError(f"{file}: expected a line for each pair of videos, found none")
    yield pair_protocol("ten_folds", "YTF splits.txt", pairs, frames)


def pair_protocol(
    name: str,
    what: str,
    pairs: Iterable[Pair],
    known: Mapping[str, list[Row]],
    kind: Kind = Kind.PAIR_ACCURACY,
) -> Protocol:
    """Make the protocol of pairs whose sides are templates of one or more samples.

    Args:
        name: of the protocol.
        what: its list, in words.
        pairs: that are compared.
        known: rows of the samples of each template.
        kind: how it is measured.

    Raises:
        ReaderError: a pair stands twice in one fold, is of one template twice, or names one that is
            not known.
    """
    listed = list(pairs)
    doubled = len(listed) - len(set(listed))
    if doubled:
        raise ReaderError(f"{what}: {doubled} pairs occur twice in one fold")
    if alone := [left for _, left, right, _ in listed if left == right]:
        raise ReaderError(
            f"{what}: {len(alone)} pairs compare an image or video with itself, among them "
            f"{alone[0]}: expected two different ones"
        )
    return Protocol(
        name,
        Provenance.OFFICIAL,
        f"{what}: pairs of templates, to be told same or different"
        + ("; accuracy over the folds." if kind == Kind.PAIR_ACCURACY else "."),
        enroll=_sides(((fold, left) for fold, left, _, _ in listed), known, what),
        probe=_sides(((fold, right) for fold, _, right, _ in listed), known, what),
        match=match_table(listed),
        train=train_table(),
        kind=kind,
    )


def _sides(
    sides: Iterable[tuple[int | None, str]], known: Mapping[str, list[Row]], what: str
) -> pa.Table:
    wanted = list(dict.fromkeys(sides))
    absent = sorted({template for _, template in wanted if template not in known})
    if absent:
        raise ReaderError(
            f"{what}: {len(absent)} images or videos of the pairs are not on disk, "
            f"among them {absent[0]}; `crossband check` lists what is missing"
        )
    return template_table(
        row | {"fold": fold, "template_id": template, "media_id": row.get("media_id", template)}
        for fold, template in wanted
        for row in known[template]
    )


def megaface_search(root: Path, rows: Sequence[Row]) -> Iterator[Protocol]:
    """Yield ``official`` and, where InsightFace's noise lists are there, ``refined``, ``cleaned``.

    Each probe is searched among the distractors and one other image of its subject at a time. Both
    others leave wrong distractors out. ``refined`` is the rule of InsightFace's code, by which
    papers report it: a wrong probe becomes the mean of its subject's right ones. ``cleaned`` leaves
    wrong probes out.

    Raises:
        ReaderError: a list is malformed, or a subject has wrong images only.
    """
    files = files_below(root)
    of_probes, of_distractors = (
        {row["sample_id"]: row for row in rows if bool(row.get("subject_id")) is known}
        for known in (True, False)
    )
    probes = _listed(root, files, "facescrub_features_list.json", megaface.probe_of, of_probes)
    distractors = _listed(
        *(root, files, "megaface_features_list.json_1000000_1"),
        *(megaface.distractor_of, of_distractors),
    )
    noise = _noises(root, files, of_probes, of_distractors)
    all_mates = [r for r in rows if r.get("subject_id") and _chosen(r["sample_id"], probes)]
    all_others = [
        r for r in rows if not r.get("subject_id") and _chosen(r["sample_id"], distractors)
    ]
    right = [row for row in all_mates if row["sample_id"] not in noise]
    others = [row for row in all_others if row["sample_id"] not in noise]
    tables = {"official": ([single(row) for row in all_mates], all_others, "")}
    if noise:
        rule = " Wrong distractors are left out, and wrong probes"
        tables["refined"] = (
            _refined(all_mates, right),
            others,
            f"{rule} are the mean of their subject's right ones, as in InsightFace's code.",
        )
        tables["cleaned"] = ([single(row) for row in right], others, f"{rule}, too.")
    for name, (mates, strangers, rule) in tables.items():
        yield Protocol(
            name,
            Provenance.OFFICIAL,
            "MegaFace challenge 1: each probe among the distractors and one mate at a time; "
            f"verification of all genuine pairs against all probe-distractor pairs.{rule}",
            enroll=template_table([*mates, *map(single, strangers)]),
            probe=template_table(mates),
            match=None,
            train=train_table(),
            exclude=Exclude.OTHER_MATES,
            kind=Kind.DISTRACTORS,
        )


def _refined(mates: Sequence[Row], right: Sequence[Row]) -> list[Row]:
    """Make templates of one image each; of a wrong one, of all right images of its subject.

    Raises:
        ReaderError: there is none.
    """
    kept = {row["sample_id"] for row in right}
    of_subject: dict[str, list[Row]] = {}
    for row in right:
        of_subject.setdefault(row["subject_id"], []).append(row)
    made = []
    for row in mates:
        if row["sample_id"] in kept:
            made.append(single(row))
            continue
        if row["subject_id"] not in of_subject:
            raise ReaderError(
                f"facescrub_noises.txt names all images of {row['subject_id']}: expected one that "
                "is right, whose embedding stands for the others"
            )
        made += [
            single(other) | {"template_id": row["sample_id"]}
            for other in of_subject[row["subject_id"]]
        ]
    return made


def _chosen(sample_id: str, listed: set[str]) -> bool:
    return not listed or sample_id in listed


def _listed(
    root: Path,
    files: Sequence[str],
    name: str,
    sample_of: Callable[[str], str],
    known: Collection[str],
) -> set[str]:
    """Return the sample ids of a feature list, none where there is no list."""
    found = find_list(files, name)
    if not found:
        return set()
    try:
        paths = [str(path) for path in json.loads(read_text(root / found))["path"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ReaderError(f"{root / found}: expected {{'path': [...], 'id': [...]}}") from error
    listed = {path: sample_of(path) for path in paths}
    report_unmatched(root / found, [path for path, i in listed.items() if i not in known])
    return set(listed.values())


def _noises(
    root: Path, files: Sequence[str], probes: Mapping[str, Row], distractors: Collection[str]
) -> set[str]:
    """Return the sample ids that InsightFace's lists call wrong; probes are listed by name only.

    Of a line of several fields, parted by tabs, the second is the name.
    """
    noise: set[str] = set()
    if found := find_list(files, "facescrub_noises.txt"):
        of_name: dict[str, list[str]] = {}
        for sample_id, row in probes.items():
            of_name.setdefault(stem_of(row["path"]).rpartition("/")[2], []).append(sample_id)
        lines = _noise_lines(root / found)
        stems = {line: stem_of(line).rpartition("/")[2] for line in lines}
        report_unmatched(root / found, [line for line in lines if stems[line] not in of_name])
        noise.update(i for stem in stems.values() for i in of_name.get(stem, ()))
    if found := find_list(files, "megaface_noises.txt"):
        listed = {line: megaface.distractor_of(line) for line in _noise_lines(root / found)}
        report_unmatched(root / found, [line for line, i in listed.items() if i not in distractors])
        noise.update(listed.values())
    return noise


def _noise_lines(file: Path) -> list[str]:
    """Read a noise list: without its comments, of fields the second."""
    fields = [line.split("\t") for _, line in read_some_lines(file, "names") if line[0] != "#"]
    return [(each[1] if len(each) > 1 else each[0]).strip() for each in fields]
