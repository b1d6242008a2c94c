from itertools import combinations

import pytest
import torch
from torch import nn

from models.backbones.lightcnn import LightCNN9
from models.rm_rgm.network import CHANNELS, PLACES, RelationGraph, RelationModule


@pytest.fixture(scope="module")
def backbone():
    torch.manual_seed(0)
    return LightCNN9()


def places(count=PLACES, images=2):
    return torch.randn(images, count, CHANNELS, generator=torch.Generator().manual_seed(1))


def test_rm_is_one_layer_on_each_concatenated_pair_of_places_with_their_coordinates(backbone):
    net, x = RelationModule(backbone), places()

    def place(number):
        row, column = divmod(number, 8)
        where = torch.tensor([2 * row / 7 - 1, 2 * column / 7 - 1]).expand(len(x), 2)
        return torch.cat([x[:, number], where], dim=1)

    pairs = [torch.cat([place(a), place(b)], dim=1) for a, b in combinations(range(64), 2)]
    slow = torch.stack([torch.relu(net.relation(pair)) for pair in pairs]).mean(dim=0)
    torch.testing.assert_close(net.related(x), slow)


def test_the_edges_of_rgm_are_a_shared_layer_of_each_pair(backbone):
    net, x = RelationGraph(backbone), places()
    found = net.edges(x)
    logits = [net.edge(torch.cat([x[1, 3], x[1, j]])) for j in range(PLACES)]
    slow = nn.functional.leaky_relu(torch.cat(logits)).softmax(dim=0)
    torch.testing.assert_close(found[1, 3], slow)
    torch.testing.assert_close(found.sum(dim=2), torch.ones(2, PLACES))


def test_a_node_of_rgm_is_itself_and_what_its_edges_bring_weighed_by_its_attention(backbone):
    """x_i + Σ_j e_ij W x_j, a node at a time."""
    net, x = RelationGraph(backbone), places(images=1)
    with torch.no_grad():
        messages = [net.message(place) for place in x[0]]
        nodes = []
        for mine in x[0]:
            logits = torch.cat([net.edge(torch.cat([mine, other])) for other in x[0]])
            edges = nn.functional.leaky_relu(logits).softmax(dim=0)
            brought = [edge * message for edge, message in zip(edges, messages, strict=True)]
            nodes.append(mine + sum(brought))
        squeezed = torch.stack([node.mean() for node in nodes])
        excited = net.attention[2](torch.relu(net.attention[0](squeezed)))
        weights = 1.0 / (1.0 + torch.exp(-excited))
        weighed = [weight * node for weight, node in zip(weights, nodes, strict=True)]
        torch.testing.assert_close(net.related(x)[0], net.embedding(torch.cat(weighed)))


def test_a_node_of_no_attention_is_not_embedded(backbone):
    net, x = RelationGraph(backbone), places()
    with torch.no_grad():
        net.attention[2].weight.zero_()
        net.attention[2].bias.fill_(-1e4)
    torch.testing.assert_close(net.related(x), net.embedding.bias.expand(2, -1))


@pytest.mark.parametrize("network", [RelationGraph, RelationModule])
def test_only_the_last_group_and_the_relations_learn(backbone, network):
    net = network(backbone)
    found = net(torch.rand(1, 1, 1, 128, 128))
    assert found.embedding.shape == (1, 512)
    assert found.components.shape == (1, 1, 512)
    found.embedding.sum().backward()
    learned = {name for name, p in net.named_parameters() if p.grad is not None}
    asked = {name for name, p in net.named_parameters() if p.requires_grad}
    assert learned == asked
    assert not any(name.startswith(f"trunk.{i}.") for name in learned for i in range(7))
    assert any(name.startswith("trunk.7.") for name in learned)
