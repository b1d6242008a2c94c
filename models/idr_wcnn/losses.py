"""The two losses of the published baselines: orthogonal subspaces and Wasserstein distance.

Reference:
    IDR: R. He et al., Learning Invariant Deep Representation for NIR-VIS Face Recognition, AAAI
    2017, equations 3 and 5. W-CNN: R. He et al., Wasserstein CNN, PAMI 41(7), 2019, equation 7.
"""

import torch
from torch import Tensor


def orthogonality(shared: Tensor, own: Tensor) -> Tensor:
    """Return ‖W Pᵀ‖²_F, 0 where the shared and a band's own subspace are orthogonal.

    Args:
        shared: (k, d), the band-invariant projection W.
        own: (m, d), the projection P of one band.
    """
    return (shared @ own.T).square().sum()


def wasserstein(first: Tensor, second: Tensor) -> Tensor:
    """Return ½ (‖m₁ − m₂‖² + ‖σ₁ − σ₂‖²): the 2-Wasserstein distance of two Gaussians.

    Their covariances are taken as diagonal, as the paper does.

    Args:
        first: (n, d), features of one band, n ≥ 1.
        second: (m, d), features of the other, m ≥ 1.
    """
    means = (first.mean(dim=0) - second.mean(dim=0)).square().sum()
    spreads = (_spread(first) - _spread(second)).square().sum()
    return 0.5 * (means + spreads)


def _spread(features: Tensor) -> Tensor:
    """Standard deviation of each dimension; kept off 0, where the root has no gradient."""
    variance = features.var(dim=0, unbiased=False)
    return variance.clamp_min(torch.finfo(features.dtype).eps).sqrt()
