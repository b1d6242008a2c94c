"""Published results, in percent, to stand beside ours; none of them was measured here.

Sources: ``pram``: PRAM + CAT paper, tables 1 to 3 (which cites the others' results); ``hsst``: HSST
paper, table I (MobileFaceNet) and II (ResNet-50); NIR probes with synthesised masks; ``body``: body
paper, table II (which cites the others' results); ``dmfr``: DMFR paper, tables 3 and 4. A number
means nothing without what made it, so each row names its table, the network and, where it is known,
the protocol of ours that it is of.
"""

from collections.abc import Iterator
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
    network: str = ""
    mean_average_precision: float | None = None
    protocol: str = ""
    revision: str = ""
    tar_at_1e4: float | None = None
    tar_at_1e5: float | None = None


_CASIA, _BUAA, _OULU, _LLCM = "CASIA NIR-VIS 2.0", "BUAA-VisNir", "Oulu-CASIA", "LLCM"
_FOLD, _MASKED = f"{_CASIA}, fold 1", f"masked {_CASIA}, fold 1"
_LLCM_DATA = "a test set of 13,909 images, as the papers count; the release has 15,846"

# Method; CASIA rank-1, FAR 1 %, 0.1 %; BUAA rank-1, FAR 1 %.
_PRAM_TABLE_1 = (
    ("fine-tuned LightCNN-9", (96.06, 95.19, 94.06), (95.77, 95.88)),
    ("+ PRAM", (97.55, 95.87, 95.06), (96.55, 95.44)),
    ("+ PRAM + L_C", (98.21, 97.07, 96.33), (98.88, 97.00)),
    ("+ PRAM + L_CAT", (98.53, 98.0, 97.49), (99.44, 98.44)),
)
# Method; rank-1, FAR 0.1 %.
_PRAM_TABLE_2 = (
    ("TRIVET", 95.7, 78.0),
    ("IDR", 97.33, 95.73),
    ("ADFL", 98.15, 97.21),
    ("CDL", 98.62, 98.32),
    ("W-CNN", 98.7, 98.4),
    ("RM", 94.73, 94.31),
    ("RGM", 97.2, 95.79),
)
# Method; rank-1, FAR 1 %.
_PRAM_TABLE_3 = (
    ("TRIVET", 93.9, 80.9),
    ("IDR", 94.3, 84.7),
    ("ADFL", 95.2, 95.3),
    ("CDL", 96.9, 95.9),
    ("W-CNN", 97.4, 96.0),
    ("RGM", 97.56, 98.1),
)
# Method; data set; rank-1, FAR 0.1 %.
_HSST_TABLE_1 = (
    ("plain, trained bare, tested bare", _FOLD, 98.25, 97.74),
    ("plain, trained bare, tested masked", _MASKED, 53.88, 42.36),
    ("plain, trained masked, tested masked", _MASKED, 83.90, 77.23),
    ("HSST, trained bare, tested bare", _FOLD, 99.30, 98.79),
    ("HSST, trained bare, tested masked", _MASKED, 67.52, 59.35),
    ("HSST, trained masked, tested masked", _MASKED, 93.60, 90.25),
)
# Method; CASIA rank-1, FAR 0.1 %; Oulu-CASIA FAR 1 %, 0.1 %; BUAA rank-1, FAR 1 %, 0.1 %.
_HSST_TABLE_2 = (
    ("softmax", (93.81, 90.83), (84.4, 61.6), (92.6, 62.3, 43.0)),
    ("AM-softmax", (95.00, 92.38), (85.4, 63.8), (93.0, 67.8, 46.5)),
    ("Arc-softmax", (94.63, 91.73), (85.7, 64.4), (93.3, 68.4, 46.7)),
    ("triplet", (97.40, 96.43), (86.9, 65.0), (97.2, 78.7, 65.8)),
    ("IDR", (95.57, 93.89), (85.9, 64.2), (95.4, 71.8, 58.3)),
    ("W-CNN", (96.72, 95.62), (87.0, 67.7), (96.6, 74.9, 62.4)),
    ("HSST (softmax)", (97.92, 97.89), (89.9, 76.8), (98.1, 85.0, 70.9)),
    ("HSST (AM-softmax)", (98.53, 98.42), (91.0, 78.4), (98.6, 85.9, 71.7)),
    ("HSST (Arc-softmax)", (98.24, 98.35), (90.5, 77.8), (98.3, 86.2, 71.4)),
    ("HSST (triplet)", (98.60, 98.58), (91.3, 83.0), (98.4, 85.3, 70.6)),
)
# Method; "VIS to IR" rank-1, mAP; "IR to VIS" likewise; whether by the code of DEEN. The two
# that are not were taken over from the paper of MixER: their mAP lies 14 points below rank-1.
_BODY_TABLE_2 = (
    ("DEEN", (62.5, 65.8), (54.9, 62.9), True),
    ("WRIM-Net", (67.0, 69.2), (58.4, 64.8), True),
    ("IRM (STL)", (64.9, 64.5), (66.2, 66.6), True),
    ("IDKL", (70.4, 55.0), (62.5, 49.3), False),
    ("MixER", (70.8, 56.6), (65.8, 51.1), False),
    ("ViT, fine-tuned on LLCM", (70.5, 72.9), (64.1, 70.3), True),
)


# Method; IJB-A FAR 1e-2, 1e-3, 1e-4; IJB-C, CQ-IJB-C and CP-IJB-C FAR 1e-2 to 1e-5.
_DMFR_TABLES = (
    (
        "w/o synthetic samples",
        (95.418, 85.133, 61.718),
        (95.357, 88.966, 76.622, 55.689),
        (76.148, 60.965, 42.21, 26.264),
        (76.309, 56.268, 31.806, 10.385),
    ),
    (
        "CosFace",
        (96.231, 88.105, 49.875),
        (96.344, 80.283, 25.316, 0.803),
        (81.419, 28.013, 0.215, 0.033),
        (81.272, 23.115, 0.161, 0.051),
    ),
    (
        "ArcFace",
        (89.080, 76.712, 56.647),
        (94.396, 86.511, 72.710, 53.546),
        (77.532, 60.327, 39.756, 21.2),
        (76.749, 60.647, 39.463, 19.592),
    ),
    (
        "DUL",
        (96.758, 88.329, 65.190),
        (95.378, 82.456, 40.860, 6.984),
        (84.643, 64.827, 30.234, 2.660),
        (83.237, 64.56, 25.089, 2.118),
    ),
    (
        "Shi et al.",
        (96.661, 92.686, 76.512),
        (97.009, 92.453, 76.822, 48.443),
        (84.693, 65.863, 34.038, 14.744),
        (83.297, 65.416, 27.164, 2.922),
    ),
    (
        "DMFR(meta)",
        (95.402, 91.923, 78.969),
        (96.385, 92.795, 80.478, 42.921),
        (81.966, 68.44, 42.309, 31.954),
        (80.468, 67.932, 27.901, 15.7767),
    ),
    (
        "DMFR(filter)",
        (95.434, 86.516, 65.124),
        (95.597, 91.001, 81.659, 64.453),
        (77.358, 65.805, 52.66, 37.303),
        (78.198, 62.697, 37.938, 17.101),
    ),
    (
        "DMFR(disentangle)",
        (94.297, 91.275, 86.662),
        (96.569, 94.396, 90.852, 84.819),
        (84.767, 77.341, 67.777, 59.166),
        (81.924, 74.699, 65.975, 53.93),
    ),
)


def _dmfr() -> Iterator[Published]:
    sets = (("IJB-A", "3"), ("IJB-C", "3"), ("CQ-IJB-C", "4"), ("CP-IJB-C", "4"))
    for method, *rates in _DMFR_TABLES:
        for (name, table), (at_1e2, at_1e3, *lower) in zip(sets, rates, strict=True):
            yield Published(
                "dmfr",
                method,
                name,
                None,
                at_1e2,
                at_1e3,
                table,
                "ResNet-100",
                tar_at_1e4=lower[0],
                tar_at_1e5=lower[1] if len(lower) > 1 else None,
            )


def _pram() -> Iterator[Published]:
    for method, casia, (rank1, tar) in _PRAM_TABLE_1:
        yield Published("pram", method, _CASIA, *casia, "1", "LightCNN-9", protocol="view2")
        yield Published(
            "pram", method, _BUAA, rank1, tar, None, "1", "LightCNN-9", protocol="50_100_v1"
        )
    for method, rank1, tar in _PRAM_TABLE_2:
        yield Published("pram", method, _CASIA, rank1, None, tar, "2", protocol="view2")
    for method, rank1, tar in _PRAM_TABLE_3:
        yield Published("pram", method, _BUAA, rank1, tar, None, "3", protocol="50_100_v1")


def _hsst() -> Iterator[Published]:
    for method, data, rank1, tar in _HSST_TABLE_1:
        yield Published(
            "hsst", method, data, rank1, None, tar, "I", "MobileFaceNet", protocol="view2"
        )
    for method, (rank1, tar), oulu, buaa in _HSST_TABLE_2:
        network = "ResNet-50"
        yield Published("hsst", method, _MASKED, rank1, None, tar, "II", network, protocol="view2")
        yield Published(
            "hsst", method, f"masked {_OULU}", None, *oulu, "II", network, protocol="20_20_v1"
        )
        yield Published(
            "hsst", method, f"masked {_BUAA}", *buaa, "II", network, protocol="50_100_v1"
        )


def _body() -> Iterator[Published]:
    names = ("VIS to IR", "IR to VIS")
    ours = ("sampled_to_all_ir_to_vis", "all_to_sampled_ir_to_vis")
    for method, *both, by_deen in _BODY_TABLE_2:
        for name, protocol, (rank1, precision) in zip(names, ours, both, strict=True):
            yield Published(
                "body",
                method,
                f'{_LLCM}, "{name}"',
                rank1,
                None,
                None,
                "II",
                mean_average_precision=precision,
                protocol=protocol if by_deen else "",
                revision=_LLCM_DATA,
            )


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


PUBLISHED = (*_pram(), *_hsst(), *_body(), *_dmfr())


def published_by(paper: str) -> list[Published]:
    """Return a paper's rows."""
    return [row for row in PUBLISHED if row.paper == paper]
