"""Checkpoints of people in each public layout, from files made here."""

import argparse

import pytest
import torch

from models.bodies.checkpoints import load_person_weights
from models.bodies.semantic_vit import Design, SemanticViT, Size
from pipeline.errors import WeightsError

WIDTH = 24
SIZE = Size(WIDTH, 2, 3)


def network(**options):
    torch.manual_seed(0)
    return SemanticViT(Design(SIZE, hw=(48, 16), patch_px=8, **options))


def vit(positions, *, extra=0, stem=False, depth=2):
    """Weights as timm names them, of a grid of some positions and ``extra`` tokens before it."""
    torch.manual_seed(5)
    built = SemanticViT(
        Design(
            Size(WIDTH, depth, 3),
            hw=(48, 16),
            patch_px=8,
            local="free",
            stem="convolutions" if stem else "patches",
        )
    )
    left_out = ("local", "cls_pos", "pos_embed")
    weights = {n: v for n, v in built.state_dict().items() if not n.startswith(left_out)}
    weights["pos_embed"] = torch.randn(1, positions + extra, WIDTH)
    return weights


def saved(path, values):
    torch.save(values, path)
    return path


def test_pass_brings_its_part_tokens_and_their_positions(tmp_path):
    theirs = vit(8)  # 4 × 2
    for number in (1, 2, 3):
        theirs[f"part_token{number}"] = torch.full((1, 1, WIDTH), float(number))
        theirs[f"part{number}_pos"] = torch.full((1, 1, WIDTH), 10.0 * number)
    theirs["cls_pos"] = torch.full((1, 1, WIDTH), 7.0)
    built = network()
    report = load_person_weights(built, saved(tmp_path / "pass.pth", theirs))
    assert built.local_tokens[0, :, 0].tolist() == [1.0, 2.0, 3.0]
    assert built.local_pos[0, :, 0].tolist() == [10.0, 20.0, 30.0]
    assert built.cls_pos[0, 0, 0].item() == 7.0
    assert (report.resized, report.copied, report.unused, report.missing) == (
        ("pos_embed",),
        (),
        (),
        (),
    )
    assert len(report.loaded) == len(built.state_dict()) - 1


def test_a_dino_teacher_gives_its_backbone_and_copies_of_its_class_token(tmp_path):
    theirs = vit(8, extra=1)
    teacher = {f"module.backbone.{name}": value for name, value in theirs.items()}
    teacher |= {"module.head.mlp.0.weight": torch.zeros(3, 3)}
    file = {"student": teacher, "teacher": teacher, "epoch": 99, "args": argparse.Namespace(lr=1.0)}
    built = network()
    report = load_person_weights(built, saved(tmp_path / "lup.pth", file))
    assert torch.equal(built.cls_pos, theirs["pos_embed"][:, :1])
    assert torch.equal(built.local_tokens, theirs["cls_token"].expand(1, 3, WIDTH))
    assert torch.equal(built.local_pos, theirs["pos_embed"][:, :1].expand(1, 3, WIDTH))
    assert report.copied == ("local_pos", "local_tokens")
    assert report.unused == ("head.mlp.0.weight",)
    assert torch.equal(built.blocks[1].attn.qkv.weight, theirs["blocks.1.attn.qkv.weight"])


def test_timm_has_a_square_grid_and_a_head(tmp_path):
    theirs = vit(16, extra=1)  # 4 × 4
    theirs["pos_embed"][:, 1:] = 2.5  # a plane stays one, however it is resized
    theirs |= {"head.weight": torch.zeros(9, WIDTH), "head.bias": torch.zeros(9)}
    built = network()
    report = load_person_weights(built, saved(tmp_path / "timm.pth", theirs))
    assert torch.allclose(built.pos_embed, torch.full((1, 12, WIDTH), 2.5))
    assert report.unused == ("head.bias", "head.weight")
    assert str(report).startswith(f"{len(report.loaded)} weights loaded; resized: pos_embed; ")


def test_positions_of_the_same_grid_stay_as_they_are(tmp_path):
    theirs = vit(12, extra=1)
    built = network()
    report = load_person_weights(built, saved(tmp_path / "ours.pth", theirs))
    assert torch.equal(built.pos_embed, theirs["pos_embed"][:, 1:])
    assert report.resized == ()


def test_as_many_positions_of_another_grid_are_laid_on_ours(tmp_path):
    theirs = vit(36, extra=1)  # 6 × 6; ours is 18 × 2
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(6.0), indexing="ij")
    theirs["pos_embed"][0, 1:, 0], theirs["pos_embed"][0, 1:, 1] = rows.flatten(), columns.flatten()
    built = SemanticViT(Design(SIZE, hw=(144, 16), patch_px=8))
    report = load_person_weights(built, saved(tmp_path / "square.pth", theirs))
    assert report.resized == ("pos_embed",)
    laid = built.pos_embed.detach().view(18, 2, WIDTH)
    # centres of thirds of a row, and of halves of the width
    thirds = [0.0, 0.0, 1 / 3, 2 / 3, 1.0, 4 / 3, 5 / 3, 2.0]
    assert torch.allclose(laid[:8, 1, 0], torch.tensor(thirds), atol=1e-5)
    assert torch.allclose(laid[9, :, 1], torch.tensor([1.0, 4.0]))


def test_positions_of_no_known_grid_that_are_as_many_as_ours_stay(tmp_path):
    theirs = vit(10, extra=1)
    built = SemanticViT(Design(SIZE, hw=(40, 16), patch_px=8))
    report = load_person_weights(built, saved(tmp_path / "own.pth", theirs))
    assert torch.equal(built.pos_embed, theirs["pos_embed"][:, 1:])
    assert report.resized == ()


def test_safetensors_are_read_too(tmp_path):
    from safetensors.torch import save_file

    save_file(vit(12, extra=1), tmp_path / "timm.safetensors")
    report = load_person_weights(network(), tmp_path / "timm.safetensors")
    assert report.missing == ()


def test_a_stem_of_convolutions_goes_with_a_network_that_has_one(tmp_path):
    path = saved(tmp_path / "ics.pth", {"target_encoder": vit(8, extra=1, stem=True)})
    report = load_person_weights(network(stem="convolutions"), path)
    assert "patch_embed.conv.1.IN.weight" in report.loaded
    with pytest.raises(WeightsError, match="set stem to 'convolutions'"):
        load_person_weights(network(), path)


def test_what_a_network_has_besides_starts_anew_and_is_named(tmp_path):
    path = saved(tmp_path / "x.pth", vit(12, extra=1))
    report = load_person_weights(network(fusion="ffn", cameras=3), path)
    assert report.missing == (
        "fusion.0.bias",
        "fusion.0.weight",
        "fusion.2.bias",
        "fusion.2.weight",
        "sie_embed",
    )


def test_cameras_of_another_number_are_left_over(tmp_path):
    theirs = vit(12, extra=1) | {"sie_embed": torch.zeros(6, 1, WIDTH)}
    path = saved(tmp_path / "x.pth", theirs)
    assert load_person_weights(network(), path).unused == ("sie_embed",)
    report = load_person_weights(network(cameras=2), path)
    assert (report.unused, report.missing) == (("sie_embed",), ("sie_embed",))
    assert "sie_embed" in load_person_weights(network(cameras=6), path).loaded


def test_pooled_networks_have_no_place_for_part_tokens(tmp_path):
    theirs = vit(12) | {"cls_pos": torch.zeros(1, 1, WIDTH)}
    for number in (1, 2, 3):
        theirs[f"part_token{number}"] = theirs[f"part{number}_pos"] = torch.zeros(1, 1, WIDTH)
    report = load_person_weights(network(local="pooled"), saved(tmp_path / "pass.pth", theirs))
    assert report.unused == ("local_pos", "local_tokens")


SWIN = {"patch_embed.proj.weight": torch.zeros(1)} | {
    "layers.0.blocks.0.attn.relative_position_bias_table": torch.zeros(1)
}
WIDE = {"patch_embed.proj.weight": torch.zeros(WIDTH, 3, 16, 16)}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"teacher": {f"module.backbone.{n}": v for n, v in SWIN.items()}}, "Swin transformer"),
        ({"conv1.weight": torch.zeros(1)}, "no cls_token and pos_embed.*found conv1.weight"),
        (vit(12, extra=1, depth=3), "has 3 blocks, the network 2"),
        (vit(10, extra=1), "has 10 positions: expected a grid"),
        (vit(12, extra=1) | WIDE, r"another shape patch_embed.proj.weight \(24, 3, 16, 16\)"),
        (vit(12, extra=1) | {"mystery": torch.zeros(1)}, "unknown mystery"),
        ({n: v for n, v in vit(12, extra=1).items() if n != "norm.weight"}, "missing norm.weight"),
        ([1, 2], "expected names and tensors, found list"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_reason(tmp_path, values, message):
    with pytest.raises(WeightsError, match=message):
        load_person_weights(network(), saved(tmp_path / "x.pth", values))


def test_a_missing_and_a_damaged_file_are_named(tmp_path):
    with pytest.raises(WeightsError, match=r"nowhere\.pth is missing"):
        load_person_weights(network(), tmp_path / "nowhere.pth")
    (tmp_path / "x.pth").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match=r"x\.pth: cannot read a checkpoint of plain tensors"):
        load_person_weights(network(), tmp_path / "x.pth")
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(WeightsError, match=r"x\.safetensors: cannot read a checkpoint"):
        load_person_weights(network(), tmp_path / "x.safetensors")
