"""The pool gives back what came in, or what came in before."""

import torch

from models.cyclegan.pool import ImagePool


def images(*values):
    return torch.tensor(values, dtype=torch.float32).reshape(-1, 1, 1, 1)


def draws(count, seed=0):
    return torch.rand(count, 2, generator=torch.Generator().manual_seed(seed))


def kept(pool):
    return pool.images[: pool.filled].flatten().tolist()


def test_a_pool_that_fills_gives_images_straight_back():
    pool = ImagePool(3, (1, 1, 1))
    for value in (1.0, 2.0, 3.0):
        assert pool.exchange(images(value), draws(1)).item() == value
    assert kept(pool) == [1, 2, 3]


def test_a_full_pool_exchanges_about_half_and_loses_nothing():
    pool = ImagePool(50, (1, 1, 1))
    pool.exchange(images(*range(50)), draws(50))
    came = pool.exchange(images(*range(50, 450)), draws(400, 3)).flatten().tolist()
    assert sorted(came + kept(pool)) == list(range(450))
    straight = sum(a == b for a, b in zip(came, range(50, 450), strict=True))
    assert 160 <= straight <= 240


def test_the_second_draw_says_which_kept_image_is_exchanged():
    pool = ImagePool(4, (1, 1, 1))
    pool.exchange(images(0.0, 1.0, 2.0, 3.0), draws(4))
    drawn = torch.tensor(
        [[0.1, 0.6], [0.9, 0.3], [0.4, 0.999], [0.5, 0.7], [0.0, 0.25], [0.2, 0.0], [0.3, 0.74]]
    )
    # places 2, 1 (straight back), 3, 2 (straight back), 1, 0, and 2 once more
    came = pool.exchange(images(10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0), drawn)
    assert came.flatten().tolist() == [2, 11, 3, 13, 1, 0, 10]
    assert kept(pool) == [15, 14, 16, 12]


def test_a_pool_without_room_keeps_nothing():
    pool = ImagePool(0, (1, 1, 1))
    assert pool.exchange(images(7.0), draws(1)).item() == 7
    assert kept(pool) == []


def test_kept_images_are_copies():
    pool, image = ImagePool(1, (1, 1, 1)), images(1.0)
    pool.exchange(image, draws(1))
    image.zero_()
    assert kept(pool) == [1]


def test_a_pool_goes_on_from_its_state():
    pool, other = (ImagePool(3, (1, 1, 1)) for _ in range(2))
    pool.exchange(images(1.0, 2.0), draws(2))
    other.load_state_dict(pool.state_dict())
    assert kept(other) == [1, 2]
    other.exchange(images(5.0), draws(1))
    assert kept(other) == [1, 2, 5]
