"""Published results, in percent, to stand beside ours; none of them was measured here.

Sources: ``pram``: PRAM + CAT paper, tables 1 to 3 (which cites the others' results); ``hsst``: HSST
paper, table I (MobileFaceNet) and II (ResNet-50); NIR probes with synthesised masks; ``body``: body
paper, table II (which cites the others' results); ``dmfr``: DMFR paper, tables 3 and 4. A number
means nothing without what made it, so each row names its table, the network and, where it is known,
the protocol of ours that it is of. They stand in ``published.csv``, a line each.

Two rows of the body paper's table II, IDKL and MixER, name no protocol: they were taken over from
the paper of MixER, not measured by the code of DEEN as the others, and their mAP lies 14 points
below rank-1.
"""

import csv
from collections.abc import Iterator
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
        rank1: percent, None where not given.
        tar_at_1e2: verification rate at FAR 1 %, percent.
        tar_at_1e3: verification rate at FAR 0.1 %, percent.
        table: of the paper.
        network: backbone; empty where the paper does not say.
        mean_average_precision: percent.
        protocol: name of our protocol that it is of; empty where that is not known.
        revision: of the data set, where there are several.
        tar_at_1e4: verification rate at FAR 0.01 %, percent.
        tar_at_1e5: at FAR 0.001 %.
    """

    paper: str
    method: str
    data_set: str
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
    ("VII", "32 subjects, all weights", (61.90, 60.32, 49.21), 63),
    ("VII", "32 subjects, LoRA", (66.67, 71.43, 63.49), 63),
    ("VII", "96 subjects, all weights", (82.54, 71.43, 66.67), 63),
    ("VII", "96 subjects, LoRA", (74.60, 68.25, 66.67), 63),
)


def published_between_bands() -> str:
    """Return the body paper's rows on IJB-MDF, gallery 2, as a Markdown table."""
    lines = [
        "Published by the body paper on IJB-MDF, gallery 2; not measured here. The papers' faces",
        "and bodies are of different numbers of subjects.",
        "",
        "| table | row | VIS → SWIR | VIS → MWIR | VIS → LWIR | n |",
        "|---|---|---|---|---|---|",
    ]
    for table, row, rates, count in _BODY_BETWEEN_BANDS:
        cells = " | ".join(f"{rate:.2f}" for rate in rates)
        lines.append(f"| {table} | {row} | {cells} | {count} |")
    return "\n".join(lines)


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
