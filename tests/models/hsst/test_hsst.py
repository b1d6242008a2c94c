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
    return first, second, torch.arange(count)


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
    first, second, _ = batch(seed=2)
    subjects = torch.tensor([2, 3, 8, 9])
    queues = [(q.features.clone(), q.subjects.clone()) for q in model.queues]
    with torch.no_grad():
        found = model(first, second, subjects)
    totals, left_out = [0.0, 0.0], (UNFILLED, 2, 3, 8, 9)
    for band, (probes, partners) in enumerate(((first, second), (second, first))):
        features, owners = queues[1 - band]  # the queue of the partner's band
        negatives = [f for f, o in zip(features, owners.tolist(), strict=True) if o not in left_out]
        assert len(negatives) == 2
        for probe, partner in zip(probes, partners, strict=True):
            x = nn.functional.normalize(model.probe(probe[None]))[0]
            y = nn.functional.normalize(model.gallery(partner[None]))[0]
            terms = [math.exp(4.0 * (x @ f).item()) for f in (y, *negatives)]
            totals[band] -= math.log(terms[0] / sum(terms)) / 4
    assert found.item() == pytest.approx((totals[0] + totals[1]) / 2, rel=1e-5)


def test_each_queue_holds_one_band_only():
    model = tiny().eval()
    first, second, subjects = batch()
    model(first, second, subjects)
    for queue, images in zip(model.queues, (first, second), strict=True):
        assert queue.subjects.tolist() == [0, 1, 2, 3, UNFILLED, UNFILLED]
        expected = nn.functional.normalize(model.gallery(images))
        torch.testing.assert_close(queue.features[:4], expected)
    mixed = tiny(queues=1, prototypes=8).eval()
    mixed(first, second, subjects)
    assert mixed.queues[0].subjects.tolist() == [0, 1, 2, 3, 0, 1, 2, 3]


def test_a_prototype_is_the_same_each_time_though_the_probe_drops_features():
    network = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(12, 4))
    model = SemiSiamese(network, 4, prototypes=6).train()
    images = batch()[0]
    assert torch.equal(model.gallery(images), model.gallery(images))
    assert not torch.equal(model.probe(images), model.probe(images))


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
    first, second, _ = batch(seed=3)
    subjects = torch.tensor([20, 21, 22, 23])
    apart, together = (model(first, x, subjects).item() for x in (second, first))
    assert together < apart


def test_a_subject_twice_in_a_batch_is_refused():
    first, second, _ = batch()
    with pytest.raises(ValueError, match="twice"):
        tiny()(first, second, torch.tensor([0, 1, 1, 2]))
