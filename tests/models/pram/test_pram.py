import torch

from models.backbones.lightcnn import LightCNN9
from models.freezing import trainable
from models.pram.network import COMPONENTS, PAIRS, PRAM


def made():
    torch.manual_seed(0)
    return PRAM(LightCNN9())


def test_ten_pairs_in_fixed_order():
    assert len(PAIRS) == 10
    assert PAIRS[:4] == ((0, 1), (0, 2), (0, 3), (0, 4))
    assert COMPONENTS[0] == "face"


def test_relations_follow_the_papers_figure():
    network = made().eval()
    x = torch.rand(2, 5, 1, 128, 128)
    with torch.no_grad():
        network.alpha.copy_(torch.linspace(-1.0, 1.0, 10))
        found = network(x)
        vectors = [network.own[i](network.trunk(x[:, i]).flatten(1)) for i in range(5)]
        expected = sum(
            network.alpha[k] * network.relation(torch.cat([vectors[a], vectors[b]], dim=1))
            for k, (a, b) in enumerate(PAIRS)
        )
    assert found.embedding.shape == (2, 512)
    torch.testing.assert_close(found.components, torch.stack(vectors, dim=1))
    torch.testing.assert_close(found.embedding, expected)


def test_only_the_last_group_and_the_new_layers_train():
    network = made()
    names = {name for name, p in network.named_parameters() if p.requires_grad}
    assert {name.split(".")[0] for name in names} == {"trunk", "own", "relation", "alpha"}
    assert {name for name in names if name.startswith("trunk")} == {
        f"trunk.7.{layer}.filter.{kind}"
        for layer in ("conv_a", "conv")
        for kind in ("weight", "bias")
    }
    assert len(list(trainable(network))) == len(names)


def test_the_frozen_layers_may_be_kept():
    network = made().eval()
    x = torch.rand(2, 5, 1, 128, 128)
    kept = network.frozen(x)
    assert kept.shape == (2, 5, 128, 16, 16)
    assert not kept.requires_grad
    torch.testing.assert_close(network.relate(kept).embedding, network(x).embedding)


def test_own_layers_start_alike_and_part_in_training():
    network = made()
    first = network.own[0].filter.weight
    assert all(torch.equal(first, layer.filter.weight) for layer in network.own)
    network(torch.rand(2, 5, 1, 128, 128)).embedding.sum().backward()
    assert not torch.equal(first.grad, network.own[1].filter.weight.grad)
    assert network.trunk[0].filter.weight.grad is None


def test_it_starts_with_the_pairs_that_hold_the_face():
    assert made().alpha.tolist() == [0.25] * 4 + [0.0] * 6


def test_normalised_components_are_centred_and_alike_in_size():
    network = made().eval()
    images = torch.rand(6, 5, 1, 128, 128) * torch.tensor([1.0, 0.2, 0.4, 0.6, 0.8]).view(
        5, 1, 1, 1
    )
    with torch.no_grad():
        network.normalise(network(images).components)
        after = network(images).components
    deviation, mean = torch.std_mean(after, dim=0)
    torch.testing.assert_close(mean, torch.zeros(5, 256), atol=1e-3, rtol=0)
    torch.testing.assert_close(deviation, torch.ones(5, 256), atol=1e-3, rtol=0)
