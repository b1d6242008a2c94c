"""Reader ``ijb_insightface``: IJB-B or IJB-C as InsightFace hands them round, cut out loosely.

227,630 crops of IJB-B, 469,375 of IJB-C, made of the data sets that NIST gave out on request
(https://github.com/deepinsight/insightface/tree/master/recognition/_evaluation_/ijb).

Layout: ``loose_crop/1.jpg`` …, and ``meta/`` with, for ``ijbb`` or ``ijbc``,

- ``ijbc_face_tid_mid.txt``: ``1.jpg 1 69544``, a crop, its template, its media;
- ``ijbc_template_pair_label.txt``: ``1 11065 1``, two templates and whether they are of one person;
- ``ijbc_name_5pts_score.txt``: ``1.jpg x y … score``, five landmarks as the templates have them;
- optionally ``ijbc_1N_gallery_G1.csv``, ``ijbc_1N_gallery_G2.csv``, ``ijbc_1N_probe_mixed.csv``
  (IJB-B: ``S1``, ``S2``), which say whose each template is.

Without those three a template's subject is all templates that the pairs join to it, named after
the lowest: as many people, under other names.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from pipeline.errors import ReaderError
from pipeline.params.datasets import DatasetParams
from pipeline.readers import ijbb, ijbc
from pipeline.readers.ijb import subjects_by_template
from pipeline.readers.layout import (
    find_list,
    is_image,
    list_official,
    make_listing,
    numbered_lists,
    official_row,
    read_lines,
    read_some_lines,
    read_table,
    refuse_root,
    report_absent,
    stem_of,
)
from pipeline.readers.listing import sample_id_of
from pipeline.readers.tables import whole_id
from pipeline.readers.unmatched import report_unmatched
from pipeline.store import Listing
from pipeline.types import Band, Float32, Region

EXPECTED = "meta/ijb{b,c}_{face_tid_mid,template_pair_label,name_5pts_score}.txt and loose_crop/"
PUBLISHED: dict[str, int] = {}
"""A crop may miss where a detector gave up, and nobody published how many."""
RELEASES = {"ijbb": ijbb.RELEASE, "ijbc": ijbc.RELEASE}

FACES, PAIRS, POINTS = "face_tid_mid", "template_pair_label", "name_5pts_score"
_LIST = rf"(ijb[bc])_({FACES}|{PAIRS}|{POINTS})\.txt"
_CROP = re.compile(r"(?:.*/)?loose_crop/([^/]+)", re.IGNORECASE)


def read(root: Path, dataset: str, params: DatasetParams) -> Listing:
    """List all crops that ``face_tid_mid`` names.

    Raises:
        ReaderError: a list is missing or malformed, or both releases lie below the root.
    """
    files = list_official(root, dataset, EXPECTED)
    release, lists = official_lists(root, dataset, files)
    faces = list(read_faces(lists[FACES]))
    subjects = subjects_of(root, release, files, lists[PAIRS])
    points = dict(read_points(lists[POINTS])) if POINTS in lists else {}
    names = {name for name, _, _ in faces}
    report_unmatched(
        lists.get(POINTS, root),
        [name for name in points if name not in names],
        match=f"name crops that are not in {lists[FACES].name}",
    )
    images = {match[1]: path for path in files if is_image(path) and (match := _CROP.match(path))}
    report_absent(dataset, [name for name, _, _ in faces if name not in images])
    rows = (
        official_row(
            images.get(name, name),
            dataset,
            params,
            sample_id=sample_of(name),
            subject_id=subjects.get(template),
            media_id=media,
            band=str(Band.VIS),
            region=str(Region.SCENE),
            truth_landmarks_xy=points.get(name),
        )
        for name, template, media in faces
    )
    return make_listing(root, dataset, params, EXPECTED, rows)


def official_lists(root: Path, dataset: str, files: list[str]) -> tuple[str, dict[str, Path]]:
    """Find the lists.

    Returns:
        ``ijbb`` or ``ijbc``, and its lists by kind.

    Raises:
        ReaderError: one that has to be there is not, or there are those of both releases.
    """
    found = numbered_lists(files, _LIST)
    releases = sorted({release for release, _ in found})
    if len(releases) > 1:
        raise ReaderError(
            f"data set {dataset!r}: expected the lists of IJB-B or of IJB-C below {root}, found "
            f"both; take one's folder as datasets.{dataset}.root"
        )
    lists = {kind: root / path for (_, kind), path in found.items()}
    if not {FACES, PAIRS} <= lists.keys():
        raise refuse_root(root, dataset, EXPECTED, files)
    return releases[0], lists


def sample_of(name: str) -> str:
    """Return the sample id of a crop."""
    return sample_id_of(stem_of(name))


def read_faces(file: Path) -> Iterator[tuple[str, str, str]]:
    """Yield crop, template and media of each line.

    Raises:
        ReaderError: a line is not these three, or names a crop again.
    """
    seen: dict[str, int] = {}
    for number, line in read_lines(file):
        words = line.split()
        if len(words) != 3 or not all(word.isdecimal() for word in words[1:]):
            raise ReaderError(
                f"{file}, line {number}: expected '<crop> <template> <media>', found {line!r}"
            )
        if words[0] in seen:
            raise ReaderError(
                f"{file}, line {number}: {words[0]!r} is already in line {seen[words[0]]}"
            )
        seen[words[0]] = number
        yield words[0], words[1], words[2]


def read_points(file: Path) -> Iterator[tuple[str, Float32]]:
    """Yield each crop with its five landmarks, float32 (5, 2), pixels.

    Raises:
        ReaderError: a line is not a name, ten numbers and a score.
    """
    for number, line in read_some_lines(file, "a crop's points"):
        name, *words = line.split()
        try:
            values = np.array(words, np.float32)
        except ValueError:
            values = np.empty(0, np.float32)
        if len(values) != 11 or not np.isfinite(values).all():
            raise ReaderError(
                f"{file}, line {number}: expected '<crop> x1 y1 … x5 y5 <score>', found {line!r}"
            )
        yield name, values[:10].reshape(5, 2)


def read_pairs(file: Path) -> pa.Table:
    """Read the pairs: millions of them, so by columns ``enroll``, ``probe`` (text) and ``same``.

    Raises:
        ReaderError: a line is not two template ids and 0 or 1.
    """
    names = {"enroll": pa.string(), "probe": pa.string(), "label": pa.int8()}
    try:
        pairs = pacsv.read_csv(
            file,
            read_options=pacsv.ReadOptions(column_names=list(names)),
            parse_options=pacsv.ParseOptions(delimiter=" "),
            convert_options=pacsv.ConvertOptions(column_types=names),
        ).combine_chunks()
    except pa.ArrowInvalid as error:
        raise ReaderError(
            f"{file}: expected '<template> <template> <0 or 1>' in each line ({error})"
        ) from error
    known = pc.is_in(pairs["label"], value_set=pa.array([0, 1], pa.int8()))
    if wrong := len(pairs) - pc.sum(known).as_py():
        raise ReaderError(f"{file}: expected the label 0 or 1, found another in {wrong} lines")
    return pairs.drop_columns("label").append_column("same", pc.equal(pairs["label"], 1))


def subjects_of(root: Path, release: str, files: list[str], pairs: Path) -> dict[str, str]:
    """Return each template's subject, by the search's lists or else by the pairs.

    Raises:
        ReaderError: a list is malformed, or a template is of two subjects.
    """
    told = RELEASES[release]
    lists = [find_list(files, name) for name in (*told.galleries, told.probes)]
    if all(lists):
        subjects: dict[str, str] = {}
        for path in filter(None, lists):
            for _ in subjects_by_template(root / path, ("TEMPLATE_ID", "SUBJECT_ID"), subjects):
                pass
        return subjects
    return _joined(read_pairs(pairs))


def _joined(pairs: pa.Table) -> dict[str, str]:
    """Name each template after the lowest of those that genuine pairs join to it."""
    from scipy.sparse import coo_array  # slow to import
    from scipy.sparse.csgraph import connected_components

    both = pa.chunked_array([*pairs["enroll"].chunks, *pairs["probe"].chunks])
    names = sorted(pc.unique(both).to_pylist(), key=_by_number)
    same = pairs.filter(pairs["same"])
    known = pa.array(names, pa.string())
    left, right = (
        np.asarray(pc.index_in(same[side], value_set=known)) for side in ("enroll", "probe")
    )
    graph = coo_array((np.ones(len(same), np.int8), (left, right)), (len(names), len(names)))
    _, group = connected_components(graph, directed=False)
    _, first = np.unique(group, return_index=True)
    lowest = [f"template {names[index]}" for index in first]
    return {name: lowest[number] for name, number in zip(names, group, strict=True)}


def _by_number(name: str) -> tuple[int, str]:
    return (int(name) if name.isdecimal() else 0, name)


def templates_in(root: Path, files: Iterable[str], name: str) -> list[str]:
    """Return the templates of one of the search's lists, each once."""
    path = find_list(files, name)
    cells = read_table(root / path, ("TEMPLATE_ID",)) if path else ()
    return list(dict.fromkeys(whole_id(each["TEMPLATE_ID"]) for each in cells))
