"""Measures of recognition: arrays in, numbers out.

Embeddings that fit into memory, scores that need not: ``compare`` two sets and ``measure`` them.
Ties never help: equal scores are accepted together, and a tie with another subject counts against
the probe.
"""

from pipeline.evaluation.bootstrap import (
    VerificationBootstrap,
    bootstrap_interval,
    mean_interval,
)
from pipeline.evaluation.comparison import Comparison, compare, unit_length
from pipeline.evaluation.curve import (
    OperatingPoint,
    ScoreCurve,
    curve_of_scores,
    det,
    eer,
    far_name,
    operating_points,
    roc,
    tar_at_far,
)
from pipeline.evaluation.enrolment import Enrolment, enrolment, enrolment_by
from pipeline.evaluation.identification import (
    cmc,
    dir_at_fpir,
    mean_average_precision,
    mean_inverse_negative_penalty,
    rank_k,
)
from pipeline.evaluation.llcm import (
    PROTOCOLS as LLCM_PROTOCOLS,
)
from pipeline.evaluation.llcm import (
    Pictures,
    TrialResults,
    llcm,
    sample_one_per_camera,
)
from pipeline.evaluation.measures import FARS, Measures, ProbeRanks, measure, rank_probes
from pipeline.evaluation.pairs import FoldAccuracy, fold_accuracy
from pipeline.evaluation.pooling import POOLINGS, pool_templates

__all__ = [
    "FARS",
    "LLCM_PROTOCOLS",
    "POOLINGS",
    "Comparison",
    "Enrolment",
    "FoldAccuracy",
    "Measures",
    "OperatingPoint",
    "Pictures",
    "ProbeRanks",
    "ScoreCurve",
    "TrialResults",
    "VerificationBootstrap",
    "bootstrap_interval",
    "cmc",
    "compare",
    "curve_of_scores",
    "det",
    "dir_at_fpir",
    "eer",
    "enrolment",
    "enrolment_by",
    "far_name",
    "fold_accuracy",
    "llcm",
    "mean_average_precision",
    "mean_interval",
    "mean_inverse_negative_penalty",
    "measure",
    "operating_points",
    "pool_templates",
    "rank_k",
    "rank_probes",
    "roc",
    "sample_one_per_camera",
    "tar_at_far",
    "unit_length",
]
