import hashlib
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from buckets import served
from hypothesis import given
from hypothesis import strategies as st
from sample_rows import STAGE, noise, sample_row, write_stage

from pipeline.errors import StageError
from pipeline.ops.codec import as_grey, encode_png
from pipeline.store import ShardFolder
from pipeline.store.columns import extend
from pipeline.store.files import place_of
from pipeline.store.seal import write_sealed
from pipeline.training.data import images, sample_set
from pipeline.training.data.sample_set import Part, SampleSet, of_samples, of_split
from pipeline.types import Band, Split

MB = 1 << 20
FIVE = tuple(Band)
TRAIN = of_split(Split.TRAIN, *FIVE)


def opened(*folders, choice=TRAIN, budget_bytes=MB, **more):
    parts = [Part(folder, choice) for folder in folders]
    return SampleSet.open(parts, budget_bytes=budget_bytes, **more)


def test_split_band_and_a_known_subject_decide(tmp_path):
    folder = write_stage(
        tmp_path,
        [
            sample_row("a"),
            sample_row("b", band="NIR"),
            sample_row("c", band="LWIR"),
            sample_row("d", split="test"),
            sample_row("e", None),
        ],
    )
    found = opened(folder, choice=of_split(Split.TRAIN, Band.VIS, Band.NIR))
    assert found.sample_ids.tolist() == ["a", "b"]
    assert found.bands.tolist() == ["VIS", "NIR"]
    assert found.subject_ids.tolist() == ["s0", "s0"]
    assert len(found) == 2


def test_several_stages_of_five_bands_are_one_set_sorted_by_id(tmp_path):
    rows = [sample_row(f"x{n:02}", f"s{n % 3}", FIVE[n % 5]) for n in range(80)]
    first = write_stage(tmp_path / "one", rows[::2], count=3)
    second = write_stage(tmp_path / "two", rows[1::2], count=1)
    found = opened(first, second)
    assert found.sample_ids.tolist() == [f"x{n:02}" for n in range(80)]
    assert found.bands.tolist() == [str(FIVE[n % 5]) for n in range(80)]
    order = np.random.default_rng(0).permutation(80)
    read = found.read(order)
    assert all((i == noise(f"x{n:02}", (6, 4, 3))).all() for i, n in zip(read, order, strict=True))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_stage_in_an_object_store_gives_what_one_on_a_disk_gives(tmp_path):
    rows = [sample_row(f"x{n:02}", f"s{n % 3}", FIVE[n % 5]) for n in range(12)]
    folder = write_stage(tmp_path / "here", rows, count=3)
    with served(tmp_path / "none") as bucket:
        there = ShardFolder(place_of(f"{bucket}/stage"), folder.count)
        for index in range(folder.count):
            there.shard(index).path.send(folder.shard(index).path)
        found, wanted = opened(there), opened(folder)
    assert found.sample_ids.tolist() == wanted.sample_ids.tolist() == sorted(wanted.sample_ids)
    order = np.arange(12)
    assert (found.read(order) == wanted.read(order)).all()


def test_each_stage_is_fetched_once_however_many_shards_it_has(tmp_path, monkeypatch):
    folders = [
        write_stage(tmp_path / name, [sample_row(f"{name}{n}") for n in range(6)], count=3)
        for name in ("one", "two")
    ]
    asked = []
    monkeypatch.setattr(sample_set, "fetched", lambda folder: asked.append(folder) or folder)
    assert len(opened(*folders)) == 12
    assert asked == folders


def test_images_are_what_was_written_whatever_their_column(tmp_path):
    folder = write_stage(tmp_path, [sample_row("a"), sample_row("b", grey=True)])
    found = opened(folder, images=("image", "body_region_labels", "nose"))
    assert found.hw == found.image_hw("image") == found.image_hw("body_region_labels") == (6, 4)
    assert found.image_hw("nose") == (3, 2)
    colour, grey = noise("a", (6, 4, 3)), noise("b", (6, 4))
    read = found.read(np.array([1, 0, 1]))
    assert read.dtype == np.uint8
    assert (read == np.stack([np.repeat(grey[..., None], 3, 2), colour] * 2)[:3]).all()
    assert (found.read(np.array([0, 1]), grey=True) == np.stack([as_grey(colour), grey])).all()
    labels = found.read(np.array([0]), "body_region_labels", grey=True)
    assert (labels[0] == noise("alabels", (6, 4)) % 4).all()


def test_a_missing_image_is_black_and_told(tmp_path):
    rows = [sample_row(f"x{n:03}", nose=n % 3 > 0) for n in range(100)]
    found = opened(write_stage(tmp_path, rows), images=("nose",))
    assert found.present("nose").tolist() == [n % 3 > 0 for n in range(100)]
    read = found.read(np.arange(100), "nose", grey=True)
    for number, image in enumerate(read):
        wanted = noise(f"x{number:03}nose", (3, 2)) if number % 3 else np.zeros((3, 2))
        assert (image == wanted).all()


def test_an_image_that_no_sample_has_is_told(tmp_path):
    found = opened(write_stage(tmp_path, [sample_row("a", nose=False)]), images=("image", "nose"))
    assert not found.present("nose").any()
    with pytest.raises(StageError, match="no sample has an image in column 'nose'"):
        found.read(np.array([0]), "nose")


def test_payloads_of_several_pages_and_row_groups_are_found(tmp_path):
    big = noise("big", (700, 900, 3))  # 2 MB each: a page of its own, eight in a row group
    rows = [
        sample_row(f"x{n:02}", hw=(700, 900))
        | {"image": {"bytes": encode_png(big if n % 2 else 255 - big), "path": "i.png"}}
        for n in range(10)
    ]
    found = opened(write_stage(tmp_path, rows, count=1), budget_bytes=30 * MB)
    read = found.read(np.arange(10))
    assert all((image == (big if n % 2 else 255 - big)).all() for n, image in enumerate(read))


def test_identity_columns_are_always_there_and_null_where_a_stage_has_none(tmp_path):
    lean = extend(STAGE, [], drop=("generator", "camera_id"))
    folder = write_stage(tmp_path, [sample_row("a", session_id="2")], schema=lean)
    found = opened(folder)
    assert found.column("generator") == [None]
    assert found.column("camera_id") == [None]
    assert found.column("session_id").tolist() == ["2"]
    assert found.column("split").tolist() == ["train"]
    assert found.column("simulated").tolist() == [False]


def test_extras_come_with_their_shape(tmp_path):
    rows = [sample_row("a"), sample_row("bb", yaw_deg=None)]
    found = opened(write_stage(tmp_path, rows), extras=("embedding", "grid_xy", "yaw_deg", "codes"))
    assert found.column("embedding").tolist() == [[1, 2, 3], [2, 3, 4]]
    assert found.column("grid_xy").shape == (2, 2, 2)
    assert found.column("yaw_deg") == [1.5, None]
    assert found.column("codes") == [["a", "b"]] * 2
    assert found.take(np.array([0])).column("yaw_deg").tolist() == [1.5]


def test_what_is_taken_keeps_its_rows_and_shares_what_was_decoded(tmp_path):
    rows = [sample_row(f"x{n}", f"s{n}", simulated=n == 1) for n in range(5)]
    found = opened(write_stage(tmp_path, rows))
    taken = found.take(np.array([4, 2])).take(np.array([1, 0]))
    assert taken.sample_ids.tolist() == ["x2", "x4"]
    assert (taken.read(np.array([1])) == found.read(np.array([4]))).all()
    assert taken._store is found._store
    assert (found.simulated, taken.simulated) == (True, False)


def test_the_digest_is_of_content_and_columns(tmp_path):
    folder = write_stage(tmp_path, [sample_row("a"), sample_row("b")])
    found = opened(folder)
    independent = hashlib.sha256(repr(((), ("image",))).encode() + b"6162").hexdigest()
    assert found.digest == independent
    others = [found.take(np.array([0])), opened(folder, extras=("yaw_deg",))]
    assert len({found.digest, *(other.digest for other in others)}) == 3


def test_a_sample_is_or_was_made_of_what_a_protocol_names(tmp_path):
    rows = [sample_row("a#0", parent_id="a"), sample_row("b", parent_id="b"), sample_row("c")]
    found = opened(write_stage(tmp_path, rows), choice=of_samples(["a", "b"], Band.VIS))
    assert found.made_of({"a", "b"}) == ("a", "b")
    assert found.made_of({"a#0", "b"}) == ("a#0", "b")


def test_another_process_can_take_a_set(tmp_path):
    found = opened(write_stage(tmp_path, [sample_row(f"x{n}") for n in range(4)]))
    before = found.read(np.arange(4))
    sent = pickle.loads(pickle.dumps(found))
    assert sent._store.kept_bytes == 0
    assert (sent.read(np.arange(4)) == before).all()
    assert sent.digest == found.digest


@given(
    budget=st.integers(1, 40).map(lambda images: images * 6 * 4 * 3),
    drawn=st.lists(st.lists(st.integers(0, 39), min_size=1, max_size=8), min_size=1, max_size=8),
)
def test_the_budget_is_never_exceeded_and_changes_no_image(forty, budget, drawn):
    found = opened(forty, budget_bytes=budget)
    for indices in drawn:
        if len(indices) * 72 > budget:
            with pytest.raises(StageError, match="image_budget_mb"):
                found.read(np.array(indices))
            continue
        read = found.read(np.array(indices))
        assert all(
            (i == noise(f"x{n:02}", (6, 4, 3))).all() for i, n in zip(read, indices, strict=True)
        )
        held = sum(image.nbytes for image in found._store._kept._images.values())
        assert held == found._store.kept_bytes <= budget


@pytest.fixture(scope="module")
def forty(tmp_path_factory):
    return write_stage(
        tmp_path_factory.mktemp("forty"), [sample_row(f"x{n:02}") for n in range(40)]
    )


def test_threads_read_what_one_does(forty):
    alone, shared = opened(forty), opened(forty, budget_bytes=20 * 72)
    draws = [np.random.default_rng(seed).integers(0, 40, 16) for seed in range(40)]
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(shared.read, draws))
    assert all((a == alone.read(d)).all() for a, d in zip(read, draws, strict=True))
    assert shared._store.kept_bytes <= 20 * 72


def test_a_budget_too_small_for_a_batch_names_what_it_takes(tmp_path):
    row = sample_row("a", hw=(1024, 1024))
    found = opened(write_stage(tmp_path, [row]), budget_bytes=5 * MB)
    with pytest.raises(
        StageError, match=r"2 images 'image' at once take 6 MB.*image_budget_mb is 5"
    ):
        found.read(np.array([0, 0]))


def test_what_is_reserved_is_not_filled_with_images(forty):
    found = opened(forty, budget_bytes=20 * 72)
    found.read(np.arange(16))
    found.reserve(15 * 72, "something else")
    for start in range(0, 40, 10):
        found.read(np.arange(start, start + 10))
    assert found._store.kept_bytes <= 5 * 72
    found.reserve(0, "something else")
    for start in range(0, 40, 10):
        found.read(np.arange(start, start + 10))
    assert found._store.kept_bytes == 20 * 72


def test_a_budget_too_small_for_what_is_reserved_is_told(forty):
    with pytest.raises(StageError, match=r"kept crops takes 3 MB, but image_budget_mb is 1"):
        opened(forty).reserve(3 * MB, "kept crops")


def test_samples_of_unknown_subjects_are_taken_where_they_are_wanted(tmp_path):
    folder = write_stage(tmp_path, [sample_row("a"), sample_row("b", None)])
    found = opened(folder, unknown_subjects=True)
    assert found.sample_ids.tolist() == ["a", "b"]
    assert found.column("subject_id") == ["s0", None]


def test_nothing_that_is_wanted_is_told(tmp_path):
    folder = write_stage(tmp_path, [sample_row("a", split="test")])
    with pytest.raises(StageError, match="no sample of a known subject"):
        opened(folder)
    with pytest.raises(StageError, match="no stage's output"):
        opened()


@pytest.mark.parametrize(
    "asked", [{"extras": ("pose",)}, {"images": ("pose",)}, {"images": ("yaw_deg",)}]
)
def test_a_column_that_the_stage_lacks_is_told(tmp_path, asked):
    folder = write_stage(tmp_path / "poses", [sample_row("a")])
    with pytest.raises(StageError, match=r"poses has no column '\w+', which hsst asks for"):
        opened(folder, asked_by="hsst", **asked)


def test_crops_of_several_sizes_are_refused(tmp_path):
    folder = write_stage(tmp_path, [sample_row("a"), sample_row("b", hw=(8, 4))])
    with pytest.raises(StageError, match="several sizes, 6×4, 8×4"):
        opened(folder)
    found = opened(folder, images=("nose",))
    with pytest.raises(StageError, match="'nose' holds images of 3×2 and of 4×2"):
        found.read(np.array([0, 1]), "nose")


def test_a_sample_that_comes_twice_is_refused(tmp_path):
    folder = write_stage(tmp_path, [sample_row("a"), sample_row("b")])
    with pytest.raises(StageError, match="sample a is there twice"):
        opened(folder, folder)


def test_what_was_not_opened_cannot_be_read(tmp_path):
    found = opened(write_stage(tmp_path, [sample_row("a")]), images=("nose",))
    with pytest.raises(KeyError, match="'image' was not opened"):
        found.image_hw("image")
    with pytest.raises(KeyError, match="'yaw_deg' was not opened"):
        found.column("yaw_deg")
    with pytest.raises(KeyError, match="'body_region_labels' were not opened"):
        found.read(np.array([0]), "body_region_labels")


def test_the_first_image_column_is_what_is_read_by_default(tmp_path):
    folder = write_stage(tmp_path, [sample_row("a")])
    found = opened(folder, images=("nose", "image"))
    assert found.hw == (3, 2)
    assert (found.read(np.array([0])) == found.read(np.array([0]), "nose")).all()
    assert found.image_hw("image") == (6, 4)


def test_an_optional_column_is_null_in_the_rows_of_a_stage_without_it(tmp_path):
    lean = extend(STAGE, [], drop=("yaw_deg",))
    with_it = write_stage(tmp_path / "one", [sample_row("a")])
    without = write_stage(tmp_path / "two", [sample_row("b")], schema=lean)
    found = opened(with_it, without, optional={"yaw_deg": pa.float32()})
    assert found.column("yaw_deg") == [1.5, None]
    with pytest.raises(StageError, match="has no column 'yaw_deg'"):
        opened(with_it, without, extras=("yaw_deg",))


def test_no_file_stays_open(tmp_path):
    folder = write_stage(tmp_path, [sample_row(f"x{n:03}") for n in range(200)], count=40)
    handles = Path("/proc/self/fd")
    before = len(list(handles.iterdir()))
    found = opened(folder)
    found.read(np.arange(200))
    assert len(list(handles.iterdir())) == before


def test_one_image_costs_its_row_group_once_and_then_itself(tmp_path, monkeypatch):
    rows = [sample_row(f"x{n:03}") for n in range(320)]
    folder = write_stage(tmp_path, rows, count=1)
    sizes, read_at = [], images._read_at

    def counted(file, offset, size):
        sizes.append(size)
        return read_at(file, offset, size)

    monkeypatch.setattr(images, "_read_at", counted)
    found = opened(folder, budget_bytes=72)
    assert sizes == []
    for index in (40, 41, 40, 60):  # the second row group
        found.read(np.array([index]))
    longest = max(len(row["image"]["bytes"]) for row in rows)
    # the second, and the first, as the first image tells the size of all
    assert sum(size > longest for size in sizes) == 2
    assert sum(sizes) < folder.shard(0).path.stat().st_size / 3


def test_a_shard_that_another_program_packed_is_told(tmp_path):
    folder = write_stage(tmp_path, [sample_row("a")], count=1)
    file = folder.shard(0).path
    write_sealed(pq.read_table(file), file, compression="ZSTD")
    with pytest.raises(StageError, match="do not lie as crossband writes them"):
        opened(folder).read(np.array([0]))
