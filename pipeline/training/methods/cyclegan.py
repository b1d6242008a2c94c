"""CycleGAN between sharp and low-quality faces."""

from collections import deque
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.cyclegan.losses import cycle_loss, discriminator_loss, generator_loss
from models.cyclegan.network import PatchDiscriminator, ResNetGenerator
from models.cyclegan.pool import ImagePool
from models.seeding import seeded
from pipeline.params.train_degrader import TrainDegraderParams
from pipeline.store.networks import save_network
from pipeline.synthesis.degrade.cyclegan import pixels_to_input
from pipeline.training.engine.method import TOTAL, Batch, Losses, Method
from pipeline.training.methods.cyclegan_faces import Quality, QualityFaces

LOSSES = ("adversarial", "cycle", "identity", "discriminator")
_BETAS = (0.5, 0.999)


class CycleGan(Method):
    """Two generators and, by turns with them, the two discriminators that judge what they make.

    Reference:
        J.-Y. Zhu et al., Unpaired image-to-image translation using cycle-consistent adversarial
        networks, ICCV 2017, sections 3 and 4.
    """

    inputs = ("align",)
    params: TrainDegraderParams

    def __init__(self, params: TrainDegraderParams, faces: QualityFaces) -> None:
        """Build networks and pools.

        Args:
            params: of the training.
            faces: sharp ones and ones of low quality, some of both.
        """
        super().__init__(params)
        self.faces = faces
        with seeded(params.seed):
            self.to_low, self.to_sharp = (
                ResNetGenerator(channels=params.generator_channels, blocks=params.blocks)
                for _ in range(2)
            )
            self.judge_low, self.judge_sharp = (
                PatchDiscriminator(channels=params.discriminator_channels) for _ in range(2)
            )
        self.to(memory_format=torch.channels_last)  # half the time of a step on a CPU
        shape = 3, params.crop_px, params.crop_px
        self.pool_low, self.pool_sharp = (ImagePool(params.pool_images, shape) for _ in range(2))
        self._made = deque[tuple[Tensor, Tensor]]()

    def sample_batch(self, rng: np.random.Generator) -> Batch:
        """Draw sharp and low-quality crops (n, 3, c, c), and what the pools exchange (2, n, 2)."""
        sharp, low = (self._crops(quality, rng) for quality in Quality)
        draws = rng.random((2, len(sharp), 2), np.float32)
        return sharp, low, torch.from_numpy(draws)

    def training_step(self, batch: Batch, optimizer_index: int) -> Losses:
        """Return the generators' losses, then the discriminators' on what was made."""
        sharp, low, draws = batch
        for judge in (self.judge_low, self.judge_sharp):
            judge.requires_grad_(optimizer_index == 1)
        if optimizer_index == 0:
            return self._generate(sharp, low)
        made_low, made_sharp = self._made.popleft()
        seen_low = self.pool_low.exchange(made_low, draws[0])
        seen_sharp = self.pool_sharp.exchange(made_sharp, draws[1])
        of_low = self.judge_low(torch.cat([low, seen_low])).float().split(len(low))
        of_sharp = self.judge_sharp(torch.cat([sharp, seen_sharp])).float().split(len(sharp))
        judged = discriminator_loss(*of_low) + discriminator_loss(*of_sharp)
        return {TOTAL: judged, "discriminator": judged}

    def _generate(self, sharp: Tensor, low: Tensor) -> Losses:
        params = self.params
        # Norms are of single images, so what goes through the same network goes there together.
        made_low, same_low = self.made(self.to_low, sharp, low)
        made_sharp, same_sharp = self.made(self.to_sharp, low, sharp)
        adversarial = generator_loss(self.judge_low(made_low).float())
        adversarial = adversarial + generator_loss(self.judge_sharp(made_sharp).float())
        cycle = cycle_loss(sharp, self.to_sharp(made_low))
        cycle = cycle + cycle_loss(low, self.to_low(made_sharp))
        total = adversarial + params.cycle_weight * cycle
        identity = torch.zeros_like(total)
        if params.identity_weight:
            identity = cycle_loss(low, same_low) + cycle_loss(sharp, same_sharp)
            total = total + params.identity_weight * identity
        self._made.append((made_low.detach(), made_sharp.detach()))
        return {TOTAL: total, "adversarial": adversarial, "cycle": cycle, "identity": identity}

    def made(self, network: nn.Module, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return what a generator makes of its source, and of its target, which it should keep."""
        if not self.params.identity_weight:
            return network(source), target
        made, same = network(torch.cat([source, target])).split(len(source))
        return made, same

    def optimizers(self) -> Sequence[torch.optim.Optimizer]:
        """Build one of both generators, one of both discriminators."""
        pairs = (self.to_low, self.to_sharp), (self.judge_low, self.judge_sharp)
        weights = (chain.from_iterable(net.parameters() for net in nets) for nets in pairs)
        return [torch.optim.Adam(w, lr=self.params.learning_rate, betas=_BETAS) for w in weights]

    def learning_rate(self, step: int) -> float:
        """Return the rate: even up to ``decay_from`` of the steps, then a straight fall to 0."""
        steps, start = self.params.steps, self.params.decay_from * self.params.steps
        falling = (steps - step) / max(steps - start, 1.0)
        return self.params.learning_rate * (1.0 if step < start else falling)

    def save_generator(self, path: Path) -> None:
        """Write the generator from sharp to low, as ``CycleGanDegrader`` loads it."""
        values = {
            "channels": self.params.generator_channels,
            "blocks": self.params.blocks,
            "frame_px": self.params.frame_px,
            "state_dict": {name: v.cpu() for name, v in self.to_low.state_dict().items()},
        }
        save_network(values, path)

    def _crops(self, quality: Quality, rng: np.random.Generator) -> Tensor:
        """Draw random crops, half of them mirrored: (n, 3, crop, crop) in [-1, 1]."""
        side, count = self.params.crop_px, self.params.batch_faces
        chosen = rng.integers(self.faces.count(quality), size=count)
        corners = rng.integers(self.params.frame_px - side + 1, size=(count, 2))
        mirrored = rng.random(count) < 0.5
        crops = []
        for frame, (top, left), mirror in zip(
            self.faces.frames(quality, chosen), corners.tolist(), mirrored, strict=True
        ):
            crop = frame[top : top + side, left : left + side]
            crops.append(crop[:, ::-1] if mirror else crop)
        images = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
        return pixels_to_input(images).contiguous(memory_format=torch.channels_last)
