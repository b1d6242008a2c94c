"""Seeded draws leave the generator where it was."""

import torch

from models.seeding import seeded


def test_draws_are_the_seeds_and_others_go_on_as_if_there_were_none():
    torch.manual_seed(7)
    wanted = torch.rand(4)
    torch.manual_seed(5)
    others = torch.rand(4)
    torch.manual_seed(5)
    with seeded(7):
        drawn = torch.rand(4)
    assert torch.equal(drawn, wanted)
    assert torch.equal(torch.rand(4), others)
