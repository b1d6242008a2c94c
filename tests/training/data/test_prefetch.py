import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_rows import sample_row, write_stage

from pipeline.errors import StageError
from pipeline.rng import rng_for
from pipeline.training.data.augmentation import FACES
from pipeline.training.data.labels import label
from pipeline.training.data.prefetch import batches, loader_threads
from pipeline.training.data.sample_set import Part, SampleSet, of_split
from pipeline.training.data.samplers import BalancedImages
from pipeline.types import Band, Split

BANDS = (Band.VIS, Band.NIR)


@pytest.fixture(scope="module")
def draw(tmp_path_factory):
    """What a training does: draw, read, augment; the budget holds a third of the images."""
    rows = [sample_row(f"x{n:02}", f"s{n % 6}", BANDS[n // 6 % 2], hw=(12, 8)) for n in range(60)]
    folder = write_stage(tmp_path_factory.mktemp("rows"), rows)
    samples = SampleSet.open(
        [Part(folder, of_split(Split.TRAIN, *BANDS))], budget_bytes=20 * 12 * 8 * 3
    )
    sampler = BalancedImages(label(samples, BANDS).index, BANDS, 16)

    def one(number):
        rng = rng_for(7, f"step/{number}")
        return FACES(samples.read(sampler.draw(rng)), rng)

    return one


@given(start=st.integers(0, 5), count=st.integers(0, 12), threads=st.sampled_from([1, 2, 4, 9]))
def test_any_number_of_threads_gives_the_same_batches(draw, start, count, threads):
    numbers = range(start, start + count)
    with batches(draw, numbers, 0) as inline, batches(draw, numbers, threads) as ahead:
        for alone, shared in zip(inline, ahead, strict=True):
            assert (alone == shared).all()


@pytest.mark.parametrize("threads", [0, 1, 2, 4])
def test_an_error_comes_at_its_batch(threads):
    def fail_at_three(number):
        if number == 3:
            raise StageError("three")
        return number

    with batches(fail_at_three, range(10), threads) as drawn:
        assert [next(drawn) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(StageError, match="three"):
            next(drawn)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_no_more_is_drawn_ahead_than_is_bounded(threads):
    drawn = []
    with batches(drawn.append, range(1000), threads) as made:
        for taken in range(1, 6):
            next(made)
            time.sleep(0.01)
            assert len(drawn) <= taken + 2 * threads


def test_leaving_stops_the_threads():
    before = threading.active_count()
    with batches(lambda number: number, range(1000), 3) as drawn:
        next(drawn)
    assert threading.active_count() == before
    assert list(drawn) == []


@pytest.mark.parametrize("threads", [0, 2])
def test_the_seconds_waited_are_summed(threads):
    with batches(lambda _: time.sleep(0.05), range(4), threads) as drawn:
        assert drawn.waited_s == 0.0
        list(drawn)
        waited = drawn.waited_s
    assert waited >= 0.05 * (4 if threads == 0 else 1)


@pytest.mark.parametrize(("value", "threads"), [(None, 2), ("", 2), ("0", 0), ("5", 5)])
def test_the_environment_says_how_many(monkeypatch, value, threads):
    monkeypatch.delenv("CROSSBAND_LOADER_THREADS", raising=False)
    if value is not None:
        monkeypatch.setenv("CROSSBAND_LOADER_THREADS", value)
    assert loader_threads() == threads


@pytest.mark.parametrize("value", ["-1", "two", "1.5"])
def test_no_number_of_threads_is_told(monkeypatch, value):
    monkeypatch.setenv("CROSSBAND_LOADER_THREADS", value)
    with pytest.raises(StageError, match="whole number from 0"):
        loader_threads()
