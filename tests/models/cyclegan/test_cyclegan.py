"""CycleGAN's networks are the published ones, and its losses are their equations."""

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter as box_filter

from models.cyclegan.losses import cycle_loss, discriminator_loss, generator_loss
from models.cyclegan.network import PatchDiscriminator, ResNetGenerator


def weights(net):
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize(("blocks", "millions"), [(6, 7.838), (9, 11.378)])
def test_the_generator_has_as_many_weights_as_the_published_one(blocks, millions):
    gates = 2 * (64 * 7 * 7 + 1)  # of the last layer, which the published one lacks
    found = weights(ResNetGenerator(channels=64, blocks=blocks)) - gates
    assert round(found / 1e6, 3) == millions


def test_the_discriminator_has_as_many_weights_as_the_published_one():
    assert round(weights(PatchDiscriminator(channels=64)) / 1e6, 3) == 2.765


@pytest.mark.parametrize("hw", [(32, 32), (44, 72)])
def test_the_generator_keeps_the_images_shape_and_range(hw):
    made = ResNetGenerator(channels=4, blocks=6)(torch.rand(2, 3, *hw) * 2 - 1)
    assert made.shape == (2, 3, *hw)
    assert made.abs().max() <= 1


def test_a_score_of_the_discriminator_sees_a_patch_of_70_pixels():
    net = PatchDiscriminator(channels=4)
    for layer in net.layers:
        if isinstance(layer, torch.nn.Conv2d):  # else a weight near zero could hide a pixel
            torch.nn.init.ones_(layer.weight)
    linear = torch.nn.Sequential(*(x for x in net.layers if isinstance(x, torch.nn.Conv2d)))
    x = torch.zeros(1, 3, 144, 144, requires_grad=True)
    scores = linear(x)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    seen = x.grad[0].abs().sum(0) > 0
    assert (seen.any(0).sum(), seen.any(1).sum()) == (70, 70)


def test_the_least_squares_losses_follow_the_equation():
    assert generator_loss(torch.tensor([1.0, 0.0])).item() == 0.5
    assert discriminator_loss(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0])).item() == 1.25


def test_an_image_that_comes_back_unchanged_costs_nothing():
    image = torch.rand(1, 3, 4, 4)
    assert cycle_loss(image, image).item() == 0
    assert cycle_loss(image, image + 0.5).item() == pytest.approx(0.5)


def spectrum_peak(image):
    """Energy at halves and quarters of the sampling rate, to that beside it, worst of both axes."""
    grey = image - image.mean()
    power = torch.fft.fft2(grey).abs().square()
    side = power.shape[-1]
    worst = 0.0
    for lines in (power.mean(0), power.mean(1)):
        for at in (side // 2, side // 4):
            beside = torch.cat([lines[at - 4 : at - 1], lines[at + 2 : at + 5]])
            worst = max(worst, float(lines[at] / beside.mean()))
    return worst


@pytest.mark.parametrize("seed", range(4))
def test_fresh_weights_leave_no_grid_in_the_spectrum(seed):
    torch.manual_seed(seed)
    net = ResNetGenerator(channels=8, blocks=6)
    torch.nn.init.normal_(net.layers[-1].weight, 0.0, 0.02)  # else nothing is added
    smooth = torch.nn.functional.avg_pool2d(torch.rand(1, 3, 80, 80) * 2 - 1, 17, 1)
    with torch.no_grad():
        added = torch.atanh(net(smooth)) - torch.atanh(0.998 * smooth)
    # Transposed convolutions had 40 and more here.
    assert spectrum_peak(added[0, 0]) < 6


def test_an_untrained_generator_keeps_its_image():
    x = torch.rand(1, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        made = ResNetGenerator(channels=4, blocks=6)(x)
    assert (made - x).abs().max() < 1 / 255


def blurred(image, passes):
    for _ in range(passes):
        image = box_filter(image, 3, axes=(2, 3), mode="mirror")
    return image


@pytest.mark.parametrize(("gate", "passes"), [(3, 2), (4, 6)])
def test_an_open_gate_blurs_the_image(gate, passes):
    net = ResNetGenerator(channels=4, blocks=6)
    x = torch.rand(1, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        net.layers[-1].bias[gate] = 1.0
        made = net(x)
    np.testing.assert_allclose(made, blurred(x.numpy(), passes), atol=1 / 255)


def test_discriminators_see_no_colour_cast():
    net = PatchDiscriminator(channels=4)
    x = torch.rand(1, 3, 48, 48) - 0.5
    cast = torch.tensor([0.3, -0.2, 0.1])[None, :, None, None]
    with torch.no_grad():
        torch.testing.assert_close(net(x + cast), net(x), rtol=1e-3, atol=1e-4)


def test_a_discriminator_soon_tells_blur_whatever_the_colours():
    """On whole images it was at chance after 150 steps of eight faces."""
    torch.manual_seed(0)
    net = PatchDiscriminator(channels=4)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.002, betas=(0.5, 0.999))

    def draw(count):
        shades = torch.rand(2 * count, 3, 1, 1) - 0.5
        noise = 0.1 * torch.randn(2 * count, 3, 32, 32)
        soft = torch.from_numpy(blurred(noise[count:].numpy(), 1))
        return shades + torch.cat([noise[:count], soft])

    for _ in range(30):
        sharp, soft = net(draw(4)).chunk(2)
        optimizer.zero_grad()
        discriminator_loss(sharp, soft).backward()
        optimizer.step()
    with torch.no_grad():
        sharp, soft = net(draw(16)).mean((1, 2, 3)).chunk(2)
    assert sharp.min() > soft.max()
