import pytest
import torch
from torch import nn

from models.idr_wcnn.network import SharedSubspace


@pytest.fixture
def divided():
    torch.manual_seed(0)
    return SharedSubspace(nn.Flatten(), 6, 4)


def test_the_subspaces_start_orthogonal_and_keep_all_lengths(divided):
    assert divided.orthogonality().item() == pytest.approx(0.0, abs=1e-10)
    x = torch.randn(3, 6)
    for band in (0, 1):
        torch.testing.assert_close(divided.divided(x, band).norm(dim=1), x.norm(dim=1))


def test_a_projection_along_the_shared_subspace_costs(divided):
    with torch.no_grad():
        divided.own[1] = divided.shared[:2]
    # two unit rows of P₂ lie in W; P₁ is orthogonal still
    assert divided.orthogonality().item() == pytest.approx(2.0, rel=1e-5)


def test_the_shared_part_alone_is_embedded(divided):
    x = torch.randn(3, 6)
    torch.testing.assert_close(divided(x), x @ divided.shared.T)
    torch.testing.assert_close(divided(x), divided.divided(x, 0)[:, :4])
    divided(x).sum().backward()
    assert divided.own.grad is None


def test_each_band_needs_dimensions_of_its_own():
    with pytest.raises(ValueError, match="4 of 4"):
        SharedSubspace(nn.Flatten(), 4, 4)
