import pytest
import torch

from models.losses.conditional import conditional_triplet


def test_conditional_triplet_by_hand():
    # S_p = 1, S_n = 0: (0 + 1) / (1 + 1) = 0.5 < 0.55; S_p = 0, S_n = 1: 2 / 1 - 0.55.
    x, y = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    assert conditional_triplet(x, x, y).item() == 0.0
    assert conditional_triplet(x, y, x).item() == pytest.approx(1.45)


def test_opposite_vectors_leave_the_loss_finite():
    x = torch.tensor([1.0, 0.0], requires_grad=True)
    loss = conditional_triplet(x, -x.detach(), x.detach())
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(x.grad).all()
