import math

import pytest
import torch
from torch import nn

from models.hsst.network import UNFILLED, PrototypeQueue, SemiSiamese


def tiny(**options):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.BatchNorm1d(4))
    return SemiSiamese(network, 4, **{"prototypes": 6, "scale": 4.0} | options)


def batch(count=4, seed=1):
    random = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, count, 3, 2, 2, generator=random)
    return first, second, torch.arange(count), torch.arange(count) % 2 == 1


def test_the_queue_forgets_the_oldest():
    queue = PrototypeQueue(3, 1)
    assert queue.subjects.tolist() == [UNFILLED] * 3
    queue.push(torch.tensor([[1.0], [2.0]]), torch.tensor([1, 2]))
    queue.push(torch.tensor([[3.0], [4.0]]), torch.tensor([3, 4]))
    assert queue.subjects.tolist() == [4, 2, 3]
    assert queue.features[:, 0].tolist() == [4.0, 2.0, 3.0]
    queue.push(torch.arange(5.0)[:, None], torch.arange(5))
    assert sorted(queue.subjects.tolist()) == [2, 3, 4]


def test_own_subjects_and_empty_places_are_left_out_exactly():
    queue = PrototypeQueue(4, 1)
    queue.push(torch.zeros(3, 1), torch.tensor([7, 8, 7]))
    assert queue.negatives(torch.tensor([8, 9])).tolist() == [True, False, True, False]


def test_the_loss_is_equation_2_in_both_directions():
    model = tiny().eval()
    model(*batch())  # fills the queues
    first, second, _, swap = batch(seed=2)
    subjects = torch.tensor([2, 3, 8, 9])
    queues = [(q.features.clone(), q.subjects.clone()) for q in model.queues]
    with torch.no_grad():
        found = model(first, second, subjects, swap)
    total, left_out = 0.0, (UNFILLED, 2, 3, 8, 9)
    for i in range(4):
        probe, gallery = (second, first) if swap[i] else (first, second)
        x = nn.functional.normalize(model.probe(probe[i : i + 1]))[0]
        y = nn.functional.normalize(model.gallery(gallery[i : i + 1]))[0]
        features, owners = queues[0 if swap[i] else 1]  # the queue of the gallery image's band
        negatives = [f for f, o in zip(features, owners.tolist(), strict=True) if o not in left_out]
        assert len(negatives) == 1
        terms = [math.exp(4.0 * (x @ f).item()) for f in (y, *negatives)]
        total -= math.log(terms[0] / sum(terms))
    assert found.item() == pytest.approx(total / 4, rel=1e-5)


def test_each_queue_holds_one_band_only():
    model = tiny().eval()
    first, second, subjects, swap = batch()
    model(first, second, subjects, swap)
    # Where swapped, the first band's image went through the gallery-net.
    assert model.queues[0].subjects[:2].tolist() == [1, 3]
    assert model.queues[1].subjects[:2].tolist() == [0, 2]
    mixed = tiny(queues=1).eval()
    mixed(first, second, subjects, swap)
    assert mixed.queues[0].subjects[:4].tolist() == [0, 1, 2, 3]


def test_the_gallery_follows_with_its_running_statistics():
    model = tiny(momentum=0.9)
    before = {k: v.clone() for k, v in model.gallery.state_dict().items()}
    with torch.no_grad():
        for parameter in model.probe.parameters():
            parameter.add_(1.0)
        model.probe[2].running_mean.fill_(5.0)
        model.probe[2].num_batches_tracked.fill_(7)
    model.follow()
    after = model.gallery.state_dict()
    torch.testing.assert_close(after["1.weight"], before["1.weight"] + 0.1)
    torch.testing.assert_close(after["2.running_mean"], before["2.running_mean"] * 0.9 + 0.5)
    assert after["2.num_batches_tracked"] == 7


def test_only_the_probe_learns():
    model = tiny()
    model(*batch()).backward()
    model(*batch(seed=2)).backward()
    assert all(p.grad is None for p in model.gallery.parameters())
    assert all(p.grad is not None for p in model.probe.parameters())


@pytest.mark.parametrize("loss", ["am_softmax", "arcface", "softmax", "triplet"])
def test_every_loss_falls_when_partners_come_closer(loss):
    model = tiny(loss=loss, margin=0.2).eval()
    model(*batch())
    first, second, _, swap = batch(seed=3)
    negatives = torch.tensor([20, 21, 22, 23])
    apart, together = (model(first, x, negatives, swap).item() for x in (second, first))
    assert together < apart


def test_a_subject_twice_in_a_batch_is_refused():
    first, second, _, swap = batch()
    with pytest.raises(ValueError, match="twice"):
        tiny()(first, second, torch.tensor([0, 1, 1, 2]), swap)
