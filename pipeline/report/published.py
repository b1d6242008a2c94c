"""Published results, in percent, to stand beside ours; none of them was measured here.

Sources: ``pram``: PRAM + CAT paper, tables 1 to 3 (which cites the others' results); ``hsst``: HSST
paper, table I (MobileFaceNet) and II (ResNet-50); NIR probes with synthesised masks; ``body``: body
paper, table II (which cites the others' results); ``dmfr``: DMFR paper, tables 2 to 4. A number
means nothing without what made it, so each row names its table, the network and, where it is known,
the protocol of ours that it is of. They stand in ``published.csv``, a line each; below are tables
of other shapes. What a paper repeats from another of its tables stands once.

Two rows of the body paper's table II, IDKL and MixER, name no protocol: they were taken over from
the paper of MixER, not measured by the code of DEEN as the others, and their mAP lies 14 points
below rank-1. The DMFR paper's table 2 names no measure: LFW, YTF and CFP-FP are published as
accuracy, MegaFace as rank-1, so its numbers stand there; which of MegaFace's protocols, it does not
say.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Published:
    """One published row.

    Attributes:
        paper: key of the paper, as in this module's docstring.
        method: as the paper calls it.
        data_set: and its condition.
        accuracy: of pairs told same or different, percent, None where not given.
        rank1: percent, None where not given.
        tar_at_1e2: verification rate at FAR 1 %, percent.
        tar_at_1e3: verification rate at FAR 0.1 %, percent.
        table: of the paper.
        network: backbone; empty where the paper does not say.
        mean_average_precision: percent.
        protocol: name of our protocol that it is of, by the paper or as the only one of the data
            set with such a measure, and the rule that cut it; empty where that is not known.
        revision: of the data set, where there are several.
        tar_at_1e4: verification rate at FAR 0.01 %, percent.
        tar_at_1e5: at FAR 0.001 %.
    """

    paper: str
    method: str
    data_set: str
    accuracy: float | None
    rank1: float | None
    tar_at_1e2: float | None
    tar_at_1e3: float | None
    table: str
    network: str
    mean_average_precision: float | None
    protocol: str
    revision: str
    tar_at_1e4: float | None
    tar_at_1e5: float | None


PAPERS = {"pram": "PRAM + CAT", "hsst": "HSST", "body": "body", "dmfr": "DMFR"}
"""What tables call the papers."""
_PAPERS_OF_KIND = {
    **dict.fromkeys(("pram", "rm", "rgm", "trivet", "cdl", "adfl"), ("pram",)),
    "hsst": ("hsst",),
    **dict.fromkeys(("finetune", "idr", "wcnn"), ("pram", "hsst")),
}
"""By kind of ``train_nir_vis``, the papers whose tables have a row of it."""
_ABOUT = {"network": "network", "protocol": "protocol", "revision": "data revision"}
_MEASURES = {
    **{"accuracy": "accuracy", "rank1": "rank-1", "mean_average_precision": "mAP"},
    **{f"tar_at_1e{power}": f"TAR @ FAR 1e-{power}" for power in range(2, 6)},
}
"""What papers tell and give, and what tables call it."""
_RATES = [field.name for field in fields(Published) if field.type is not str]

# Table; row; rank-1 of VIS → SWIR, MWIR and LWIR; of how many subjects, as the fractions tell.
_BODY_BETWEEN_BANDS = (
    ("I", "AdaFace (pretrained)", (87.50, 0.00, 3.12), 32),
    ("I", "AdaFace (finetuned)", (59.38, 15.62, 15.62), 32),
    ("I", "body model (pretrained)", (38.10, 9.52, 11.11), 63),
    ("I", "body model (finetuned)", (77.78, 77.78, 77.78), 63),
    ("III", "global + torso + lower body", (76.19, 73.02, 69.84), 63),
    ("III", "global + face + lower body", (79.37, 76.19, 66.67), 63),
    ("III", "global + face + torso", (79.37, 74.60, 73.02), 63),
    ("V", "trained on VIS + SWIR", (79.37, 34.92, 25.40), 63),
    ("VI", "random sampling", (79.37, 73.02, 71.43), 63),
    ("VII", "8 subjects, all weights", (49.21, 33.33, 34.92), 63),
    ("VII", "8 subjects, LoRA", (55.56, 39.68, 38.10), 63),
    ("VII", "16 subjects, all weights", (61.90, 47.62, 41.27), 63),
    ("VII", "16 subjects, LoRA", (65.08, 47.62, 49.21), 63),
    ("VII", "32 subjects, all weights", (61.90, 60.32, 49.21), 63),
    ("VII", "32 subjects, LoRA", (66.67, 71.43, 63.49), 63),
    ("VII", "48 subjects, all weights", (68.25, 65.08, 58.73), 63),
    ("VII", "48 subjects, LoRA", (71.43, 60.32, 65.08), 63),
    ("VII", "96 subjects, all weights", (82.54, 71.43, 66.67), 63),
    ("VII", "96 subjects, LoRA", (74.60, 68.25, 66.67), 63),
)

# Table IV, the pretrained model: rank-1 by band of the gallery, then of the probes.
_BODY_MATRIX = {
    "VIS": (None, 26.95, 5.00, 3.55),
    "SWIR": (42.55, None, 12.85, 10.36),
    "MWIR": (11.43, 30.52, None, 95.58),
    "LWIR": (11.35, 27.09, 95.98, None),
}

# DMFR's table 1: mean cosine within and between subjects, of the baseline's features.
_DMFR_SIMILARITIES = (
    ("baseline", 0.809, 0.022),
    ("synthetic samples added", 0.788, 0.216),
    ("after the filter", 0.782, 0.028),
)


def published_between_bands() -> str:
    """Return the body paper's rows on IJB-MDF, gallery 2, and its table IV, as Markdown tables."""
    lines = [
        "Published by the body paper on IJB-MDF, gallery 2; not measured here. The papers' faces",
        "and bodies have different numbers of subjects.",
        "",
        "| table | row | VIS → SWIR | VIS → MWIR | VIS → LWIR | n |",
        "|---|---|---|---|---|---|",
    ]
    for table, row, rates, count in _BODY_BETWEEN_BANDS:
        cells = " | ".join(f"{rate:.2f}" for rate in rates)
        lines.append(f"| {table} | {row} | {cells} | {count} |")
    lines += [
        "",
        "Its table IV, the pretrained model's rank-1 between all bands. It does not say of how",
        "many people: no cell is a fraction of 63.",
        "",
        f"| gallery ↓ probe → | {' | '.join(_BODY_MATRIX)} |",
        "|---" * (1 + len(_BODY_MATRIX)) + "|",
    ]
    for gallery, row_rates in _BODY_MATRIX.items():
        lines.append(f"| {gallery} | {' | '.join(map(_number, row_rates))} |")
    return "\n".join(lines)


def published_similarities() -> list[str]:
    """Return the DMFR paper's table 1 as Markdown."""
    lines = [
        "Table 1 as the DMFR paper published it, mean cosines; not measured here:",
        "",
        "| faces | intra-class | inter-class |",
        "|---|---|---|",
    ]
    return lines + [
        f"| {row} | {own:.3f} | {other:.3f} |" for row, own, other in _DMFR_SIMILARITIES
    ]


def _rows() -> Iterator[Published]:
    with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            values: dict[str, Any] = dict(line)
            for name in _RATES:
                values[name] = float(line[name]) if line[name] else None
            yield Published(**values)


PUBLISHED = tuple(_rows())


def published_by(paper: str) -> list[Published]:
    """Return a paper's rows."""
    return [row for row in PUBLISHED if row.paper == paper]


def published_beside(kind: str) -> list[Published]:
    """Return the rows of the papers whose tables have a kind of ``train_nir_vis``."""
    return [row for paper in _PAPERS_OF_KIND[kind] for row in published_by(paper)]


def published_on(data_set: str, protocol: str) -> list[Published]:
    """Return the body paper's rows of a protocol, and those of its data set that name none.

    Args:
        data_set: by the name of its reader.
        protocol: of ours.
    """
    return [
        row
        for row in published_by("body")
        if row.data_set.partition(",")[0].lower() == data_set and row.protocol in (protocol, "")
    ]


def published_lines(rows: Sequence[Published]) -> list[str]:
    """Return rows as lines of Markdown, in percent: those that name no protocol in a table apart.

    A table has the columns that any of its rows fills.
    """
    told = [row for row in rows if row.protocol]
    others = [row for row in rows if not row.protocol]
    lines = _table(told)
    if others:
        lines += [""] * bool(told) + ["Protocol not given:", "", *_table(others)]
    return lines


def _table(rows: Sequence[Published]) -> list[str]:
    if not rows:
        return []
    about = [name for name in _ABOUT if any(getattr(row, name) for row in rows)]
    rates = [name for name in _MEASURES if any(getattr(row, name) is not None for row in rows)]
    heads = ["method", "data set", "paper, table", *(_ABOUT[name] for name in about)]
    heads += [_MEASURES[name] for name in rates]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in rows:
        cells = [row.method, row.data_set, f"{PAPERS[row.paper]}, {row.table}"]
        cells += [getattr(row, name) or "–" for name in about]
        cells += [_number(getattr(row, name)) for name in rates]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
