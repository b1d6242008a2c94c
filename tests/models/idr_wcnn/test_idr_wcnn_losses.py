import pytest
import torch

from models.idr_wcnn.losses import orthogonality, wasserstein


def test_orthogonal_subspaces_cost_nothing():
    shared, own = torch.eye(4)[:2], torch.eye(4)[2:]
    assert orthogonality(shared, own).item() == 0.0
    assert orthogonality(shared, shared).item() == 2.0


def test_wasserstein_of_two_gaussians_by_hand():
    # Means 0 and 3, spreads 1 and 2: half of 9 + 1.
    first, second = torch.tensor([[-1.0], [1.0]]), torch.tensor([[1.0], [5.0]])
    assert wasserstein(first, second).item() == pytest.approx(5.0)
    assert wasserstein(first, first).item() == 0.0


def test_gradients():
    torch.manual_seed(0)
    first, second = torch.randn(2, 4, 3).double()
    first.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: wasserstein(x, second), (first,))
    alone = torch.ones(1, 3, requires_grad=True)
    wasserstein(alone, second.float()).backward()
    assert torch.isfinite(alone.grad).all()
