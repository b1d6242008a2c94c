"""Published results, in percent, to stand beside ours; none of them was measured here.

Sources: ``pram``: PRAM + CAT paper, tables 1 to 3 (which cites the others' results); ``hsst``: HSST
paper, tables I and II (fold 1 of CASIA NIR-VIS 2.0; NIR probes with synthesised masks).
"""

from dataclasses import dataclass


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
    """

    paper: str
    method: str
    data_set: str
    rank1: float | None
    tar_at_1e2: float | None
    tar_at_1e3: float | None


_CASIA, _BUAA, _OULU = "CASIA NIR-VIS 2.0", "BUAA-VisNir", "Oulu-CASIA"
_MASKED = "masked CASIA NIR-VIS 2.0, fold 1"

PUBLISHED = (
    Published("pram", "fine-tuned LightCNN-9", _CASIA, 96.06, 95.19, 94.06),
    Published("pram", "+ PRAM", _CASIA, 97.55, 95.87, 95.06),
    Published("pram", "+ PRAM + L_C", _CASIA, 98.21, 97.07, 96.33),
    Published("pram", "+ PRAM + L_CAT", _CASIA, 98.53, 98.0, 97.49),
    Published("pram", "fine-tuned LightCNN-9", _BUAA, 95.77, 95.88, None),
    Published("pram", "+ PRAM", _BUAA, 96.55, 95.44, None),
    Published("pram", "+ PRAM + L_C", _BUAA, 98.88, 97.00, None),
    Published("pram", "+ PRAM + L_CAT", _BUAA, 99.44, 98.44, None),
    Published("pram", "RM", _CASIA, 94.73, None, 94.31),
    Published("pram", "RGM", _CASIA, 97.2, None, 95.79),
    Published("pram", "IDR", _CASIA, 97.33, None, 95.73),
    Published("pram", "WCNN", _CASIA, 98.7, None, 98.4),
    Published("hsst", "plain, trained bare, tested bare", f"{_CASIA}, fold 1", 98.25, None, 97.74),
    Published("hsst", "plain, trained bare, tested masked", _MASKED, 53.88, None, 42.36),
    Published("hsst", "plain, trained masked, tested masked", _MASKED, 83.90, None, 77.23),
    Published("hsst", "HSST, trained bare, tested bare", f"{_CASIA}, fold 1", 99.30, None, 98.79),
    Published("hsst", "HSST, trained bare, tested masked", _MASKED, 67.52, None, 59.35),
    Published("hsst", "HSST, trained masked, tested masked", _MASKED, 93.60, None, 90.25),
    Published("hsst", "softmax", _MASKED, 93.81, None, 90.83),
    Published("hsst", "AM-softmax", _MASKED, 95.00, None, 92.38),
    Published("hsst", "Arc-softmax", _MASKED, 94.63, None, 91.73),
    Published("hsst", "triplet", _MASKED, 97.40, None, 96.43),
    Published("hsst", "IDR", _MASKED, 95.57, None, 93.89),
    Published("hsst", "W-CNN", _MASKED, 96.72, None, 95.62),
    Published("hsst", "HSST (softmax)", _MASKED, 97.92, None, 97.89),
    Published("hsst", "HSST (AM-softmax)", _MASKED, 98.53, None, 98.42),
    Published("hsst", "HSST (Arc-softmax)", _MASKED, 98.24, None, 98.35),
    Published("hsst", "HSST (triplet)", _MASKED, 98.60, None, 98.58),
    Published("hsst", "HSST (triplet)", f"masked {_OULU}", None, 91.3, 83.0),
    Published("hsst", "HSST (triplet)", f"masked {_BUAA}", 98.4, 85.3, 70.6),
)


def published_by(paper: str) -> list[Published]:
    """Return a paper's rows."""
    return [row for row in PUBLISHED if row.paper == paper]
