"""PRNet as a back end, with random weights: frames, layout, and files that are wrong."""

import numpy as np
import pytest
import torch

from models.prnet.network import ResFCN256
from pipeline.errors import WeightsError
from pipeline.face3d.backends.prnet import MESH_OF_68, PRNet
from pipeline.face3d.canonical import canonical_texture, canonical_vertices
from pipeline.face3d.position_map import position_map_of_mesh, valid_texels


class Fixed(torch.nn.Module):
    """Stands for the network: always the same map, channels first, in [0, 1]."""

    def __init__(self, made):
        super().__init__()
        self.made = made

    def forward(self, x):
        return self.made[None]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prnet")
    torch.save(ResFCN256().state_dict(), folder / "prnet.pth")
    uv, _ = canonical_texture()
    np.savetxt(folder / "uv.txt", (uv[list(MESH_OF_68)] * 256 - 0.5).T)
    return folder


def test_random_weights_give_a_map_of_our_layout(files):
    network = PRNet(files / "prnet.pth", files / "uv.txt")
    points = canonical_vertices()[list(MESH_OF_68), :2] * 8 + (100, 90)
    made = network.position_map(np.zeros((200, 200, 3), np.uint8), points.astype(np.float32))
    assert made.shape == (256, 256, 3)
    assert (np.isfinite(made).all(axis=2) == valid_texels()).all()


def test_the_map_is_carried_from_the_crop_into_the_image(files):
    network = PRNet(files / "prnet.pth", files / "uv.txt")
    points = (canonical_vertices()[list(MESH_OF_68), :2] * 8 + (100, 90)).astype(np.float32)
    low, high = points.min(axis=0), points.max(axis=0)
    side = float((high - low).mean()) * 1.6
    scale = 255 / side
    ground_truth = position_map_of_mesh(
        (canonical_vertices() * 8 + (100, 90, 0)).astype(np.float32)
    )
    crop = (ground_truth - (*((low + high) / 2 - side / 2), 0)) * (scale, scale, -scale)
    crop = np.nan_to_num(crop) / 281.6
    network._network = Fixed(torch.from_numpy(crop.astype(np.float32)).permute(2, 0, 1))
    made = network.position_map(np.zeros((200, 200, 3), np.uint8), points)
    inner = np.zeros((256, 256), bool)
    inner[90:220, 70:186] = True  # within the 68 landmarks
    np.testing.assert_allclose(made[inner], ground_truth[inner], atol=0.3)


def test_landmarks_in_one_place_are_refused(files):
    network = PRNet(files / "prnet.pth", files / "uv.txt")
    with pytest.raises(ValueError, match="one place"):
        network.position_map(np.zeros((9, 9, 3), np.uint8), np.zeros((68, 2), np.float32))


def test_wrong_files_are_told(files, tmp_path):
    (tmp_path / "text").write_text("no checkpoint")
    with pytest.raises(WeightsError):
        PRNet(tmp_path / "none.pth", files / "uv.txt")
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="not a checkpoint of resfcn256"):
        PRNet(tmp_path / "other.pth", files / "uv.txt")
    np.savetxt(tmp_path / "short.txt", np.zeros((2, 5)))
    with pytest.raises(WeightsError, match="68"):
        PRNet(files / "prnet.pth", tmp_path / "short.txt")
    with pytest.raises(WeightsError, match="no landmarks"):
        PRNet(files / "prnet.pth", tmp_path / "missing.txt")
    for numbers, match in (
        (np.full((2, 68), 256), "0 to 255"),
        (np.full((2, 68), np.nan), "0 to 255"),
    ):
        np.savetxt(tmp_path / "far.txt", numbers)
        with pytest.raises(WeightsError, match=match):
            PRNet(files / "prnet.pth", tmp_path / "far.txt")
    (tmp_path / "bytes.txt").write_bytes(bytes(range(256)))
    with pytest.raises(WeightsError, match="no landmarks"):
        PRNet(files / "prnet.pth", tmp_path / "bytes.txt")


def test_a_damaged_checkpoint_is_told_in_one_line(files, tmp_path):
    whole = (files / "prnet.pth").read_bytes()
    random = np.random.default_rng(0)
    ends = [whole[:n] for n in (0, 1, 1000, len(whole) // 2, len(whole) - 1)]
    starts = [bytes(random.bytes(99)) + whole[99:], whole[:-300] + random.bytes(300)]
    for data in (*ends, *starts):
        (tmp_path / "damaged.pth").write_bytes(data)
        with pytest.raises(WeightsError, match=r"damaged\.pth") as told:
            PRNet(tmp_path / "damaged.pth", files / "uv.txt")
        assert "\n" not in str(told.value)
