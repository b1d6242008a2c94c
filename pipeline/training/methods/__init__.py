"""Methods by name: how each builds its network, trains it, and feeds it at test.

To add one: params with a new ``kind`` (``pipeline/params/train.py``, into ``AnyMethodParams``),
a ``Learner`` in a module here, and an entry of ``METHODS``. Stages, checkpoints, evaluation and
reports need no change.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.params.train import MethodParams
from pipeline.training.backbones import Inputs
from pipeline.training.faces import Components, FaceSet
from pipeline.training.identities import TrainingFaces
from pipeline.training.learner import Learner
from pipeline.training.methods.hsst import HsstLearner
from pipeline.training.methods.invariant import InvariantLearner, invariant_network
from pipeline.training.methods.plain import PlainLearner
from pipeline.training.methods.pram import PramLearner, pram_inputs, pram_network
from pipeline.training.methods.relation import relation_network


@dataclass(frozen=True)
class Method:
    """One way to train a recogniser on a backbone.

    Attributes:
        components: whether it takes the parts of faces and their masks.
        network: builds the network that embeds from params and the backbone with its start.
        learner: builds the training from params, network, the backbone's inputs and the faces.
        inputs: makes the network's input of some faces at test.
        embed: takes the embedding (n, d) out of what the network returns.
    """

    components: bool
    network: Callable[[Any, nn.Module], nn.Module]
    learner: Callable[[Any, nn.Module, Inputs, TrainingFaces], Learner]
    inputs: Callable[[Inputs, FaceSet, Components | None, Tensor], Tensor]
    embed: Callable[[Any], Tensor]


def whole_faces(
    inputs: Inputs, faces: FaceSet, components: Components | None, chosen: Tensor
) -> Tensor:
    """Return middle crops of some faces, as a backbone takes them."""
    images = torch.from_numpy(faces.images[chosen.numpy()]).permute(0, 3, 1, 2)
    return inputs.values(inputs.cut(images))


METHODS: dict[str, Method] = {
    "pram": Method(
        components=True,
        network=pram_network,
        learner=lambda params, network, _, faces: PramLearner(params, network, faces),
        inputs=lambda _, *faces: pram_inputs(*faces),
        embed=lambda related: related.embedding,
    ),
    "relation": Method(
        components=False,
        network=relation_network,
        learner=lambda params, network, _, faces: PramLearner(params, network, faces),
        inputs=lambda *faces: whole_faces(*faces)[:, None],
        embed=lambda related: related.embedding,
    ),
    "hsst": Method(
        components=False,
        network=lambda params, backbone: backbone,
        learner=HsstLearner,
        inputs=whole_faces,
        embed=lambda features: features,
    ),
    "plain": Method(
        components=False,
        network=lambda params, backbone: backbone,
        learner=PlainLearner,
        inputs=whole_faces,
        embed=lambda features: features,
    ),
    "invariant": Method(
        components=False,
        network=invariant_network,
        learner=InvariantLearner,
        inputs=whole_faces,
        embed=lambda features: features,
    ),
}
"""Methods by the ``kind`` of their params."""


def method_of(params: MethodParams) -> Method:
    """Return the method that params ask for."""
    return METHODS[params.kind]  # type: ignore[attr-defined]
