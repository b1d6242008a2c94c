"""Trains CycleGAN between sharp and low-quality faces: a task of ``training.loop``."""

from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from models.cyclegan.losses import cycle_loss, discriminator_loss, generator_loss
from models.cyclegan.network import PatchDiscriminator, ResNetGenerator
from pipeline.params.train_degrader import TrainDegraderParams
from pipeline.rng import generator_for
from pipeline.synthesis.degrade.cyclegan import pixels_to_input
from pipeline.training.image_pool import ImagePool
from pipeline.training.loop import save_whole
from pipeline.types import UInt8

LOSSES = ("adversarial", "cycle", "identity", "discriminator")
_BETAS = (0.5, 0.999)


class DegraderTraining:
    """One training: its networks, its optimisers, its pools of former outputs."""

    def __init__(self, params: TrainDegraderParams, sharp: UInt8, low: UInt8) -> None:
        """Set up a training.

        Args:
            params: the stage's params.
            sharp: uint8 (n, f, f, 3), n ≥ 1.
            low: uint8 (m, f, f, 3), m ≥ 1; not the same images.
        """
        self.params = params
        self._faces = sharp, low
        self._pools = ImagePool(params.pool_images), ImagePool(params.pool_images)
        torch.set_num_threads(params.threads)
        self._fabric = Fabric(accelerator=params.device, devices=1, precision=params.precision)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(params.seed)
            self._nets = _networks(params)
        self._to_low, self._to_sharp, self._judge_low, self._judge_sharp = (
            self._fabric.setup_module(net) for net in self._nets.values()
        )
        self._optimizers = [self._optimizer("to_low", "to_sharp")]
        self._optimizers.append(self._optimizer("judge_low", "judge_sharp"))

    def save_generator(self, path: Path) -> None:
        """Write the generator from sharp to low, as ``CycleGanDegrader`` loads it."""
        values = {
            "channels": self.params.generator_channels,
            "blocks": self.params.blocks,
            "frame_px": self.params.frame_px,
            "state_dict": {k: v.cpu() for k, v in self._nets["to_low"].state_dict().items()},
        }
        save_whole(values, path)

    def step(self, number: int) -> dict[str, float]:
        """Take one step of both optimisers; returns the losses named in ``LOSSES``."""
        params = self.params
        generator = generator_for(params.seed, f"step/{number}")
        sharp, low = (self._batch(faces, generator) for faces in self._faces)
        decay = _decay(number, params.steps, params.decay_from)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = params.learning_rate * decay
        of_generators, _ = self._optimizers
        self._judge(False)
        of_generators.zero_grad()
        # Norms are of single images, so what goes through the same network goes there together.
        made_low, same_low = self._made(self._to_low, sharp, low)
        made_sharp, same_sharp = self._made(self._to_sharp, low, sharp)
        adversarial = generator_loss(self._judge_low(made_low))
        adversarial = adversarial + generator_loss(self._judge_sharp(made_sharp))
        cycle = cycle_loss(sharp, self._to_sharp(made_low))
        cycle = cycle + cycle_loss(low, self._to_low(made_sharp))
        total = adversarial + params.cycle_weight * cycle
        identity = torch.zeros_like(total)
        if params.identity_weight:
            identity = cycle_loss(low, same_low) + cycle_loss(sharp, same_sharp)
            total = total + params.identity_weight * identity
        self._fabric.backward(total)
        of_generators.step()
        seen_low = self._pools[0].exchange(made_low.detach(), generator)
        seen_sharp = self._pools[1].exchange(made_sharp.detach(), generator)
        judged = self._teach_discriminators(sharp, low, seen_low, seen_sharp)
        losses = [*(float(value.detach()) for value in (adversarial, cycle, identity)), judged]
        return dict(zip(LOSSES, losses, strict=True))

    def state(self) -> dict[str, Any]:
        """Return networks, optimisers and pools."""
        return {
            "nets": {name: net.state_dict() for name, net in self._nets.items()},
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            "pools": [pool.images for pool in self._pools],
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up networks, optimisers and pools."""
        for name, net in self._nets.items():
            net.load_state_dict(state["nets"][name])
        for optimizer, values in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(values)
        for pool, images in zip(self._pools, state["pools"], strict=True):
            pool.images = [self._fabric.to_device(image) for image in images]

    def _teach_discriminators(
        self, sharp: Tensor, low: Tensor, made_low: Tensor, made_sharp: Tensor
    ) -> float:
        """Take one step of both discriminators; returns their loss."""
        _, of_discriminators = self._optimizers
        self._judge(True)
        of_discriminators.zero_grad()
        of_low = self._judge_low(torch.cat([low, made_low])).split(len(low))
        of_sharp = self._judge_sharp(torch.cat([sharp, made_sharp])).split(len(sharp))
        judged = discriminator_loss(*of_low) + discriminator_loss(*of_sharp)
        self._fabric.backward(judged)
        of_discriminators.step()
        return float(judged.detach())

    def _made(self, network: nn.Module, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return what a generator makes of its source, and of its target, which it should keep."""
        if not self.params.identity_weight:
            return network(source), target
        made, same = network(torch.cat([source, target])).split(len(source))
        return made, same

    def _optimizer(self, *names: str) -> torch.optim.Adam:
        weights = chain.from_iterable(self._nets[name].parameters() for name in names)
        adam = torch.optim.Adam(weights, lr=self.params.learning_rate, betas=_BETAS)
        return cast(torch.optim.Adam, self._fabric.setup_optimizers(adam))

    def _judge(self, learning: bool) -> None:
        """Let the discriminators' weights take gradients, or not."""
        for net in ("judge_low", "judge_sharp"):
            self._nets[net].requires_grad_(learning)

    def _batch(self, faces: UInt8, generator: np.random.Generator) -> Tensor:
        """Draw random crops, half of them mirrored: (n, 3, crop, crop) in [-1, 1]."""
        side, room = self.params.crop_px, faces.shape[1] - self.params.crop_px + 1
        crops = []
        for index in generator.integers(len(faces), size=self.params.batch_faces):
            top, left = generator.integers(room, size=2)
            crop = faces[index, top : top + side, left : left + side]
            crops.append(crop[:, ::-1] if generator.random() < 0.5 else crop)
        pixels = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
        return pixels_to_input(self._fabric.to_device(pixels)).contiguous()


def _networks(params: TrainDegraderParams) -> dict[str, nn.Module]:
    def generator() -> ResNetGenerator:
        return ResNetGenerator(channels=params.generator_channels, blocks=params.blocks)

    def discriminator() -> PatchDiscriminator:
        return PatchDiscriminator(channels=params.discriminator_channels)

    return {
        "to_low": generator(),
        "to_sharp": generator(),
        "judge_low": discriminator(),
        "judge_sharp": discriminator(),
    }


def _decay(step: int, steps: int, decay_from: float) -> float:
    """Return 1 up to ``decay_from`` of the steps, then a straight fall towards 0."""
    start = decay_from * steps
    return 1.0 if step < start else (steps - step) / max(steps - start, 1.0)
