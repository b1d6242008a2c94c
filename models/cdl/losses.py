"""The coupling of two bands' classifiers by a trace norm.

Reference:
    CDL: X. Wu, L. Song, R. He, T. Tan, Coupled Deep Learning for Heterogeneous Face Recognition,
    AAAI 2018: a trace norm and a block-diagonal prior as relevance constraints, and a ranking
    across bands. Our choices: rows are of unit length, as those of all classifiers here; the norm
    is taken exactly, where the paper minimises a variational bound by turns; the block-diagonal
    prior is left out.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


def coupling(first: Tensor, second: Tensor) -> Tensor:
    """Return the trace norm of both classifiers' unit rows, over the number of rows.

    It is lowest where the rows span few directions: where both bands see each class alike, and
    classes are alike.

    Args:
        first: (k, d), rows of one band's classifier, one a class.
        second: (k, d), the other's.
    """
    rows = torch.cat([F.normalize(first), F.normalize(second)])
    norm: Tensor = torch.linalg.matrix_norm(rows, ord="nuc")
    return norm / len(rows)
