"""The pool gives back what came in, or what came in before."""

import numpy as np
import torch

from pipeline.training.image_pool import ImagePool


def images(*values):
    return torch.tensor(values, dtype=torch.float32).reshape(-1, 1, 1, 1)


def test_a_pool_that_fills_gives_images_straight_back():
    pool = ImagePool(3)
    for value in (1.0, 2.0, 3.0):
        assert pool.exchange(images(value), np.random.default_rng(0)).item() == value
    assert [image.item() for image in pool.images] == [1, 2, 3]


def test_a_full_pool_exchanges_about_half_and_loses_nothing():
    pool, generator = ImagePool(50), np.random.default_rng(3)
    pool.exchange(images(*range(50)), generator)
    came = pool.exchange(images(*range(50, 450)), generator).flatten().tolist()
    kept = [image.item() for image in pool.images]
    assert sorted(came + kept) == list(range(450))
    straight = sum(a == b for a, b in zip(came, range(50, 450), strict=True))
    assert 160 <= straight <= 240


def test_a_pool_without_room_keeps_nothing():
    pool = ImagePool(0)
    assert pool.exchange(images(7.0), np.random.default_rng(0)).item() == 7
    assert pool.images == []


def test_kept_images_are_copies():
    pool, image = ImagePool(1), images(1.0)
    pool.exchange(image, np.random.default_rng(0))
    image.zero_()
    assert pool.images[0].item() == 1
