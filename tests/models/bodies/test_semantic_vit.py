"""The body network on inputs made by hand: tokens, what they see, what is made of them."""

import pytest
import torch

from models.bodies.lora import adapt, merge
from models.bodies.semantic_vit import (
    CAMERA_WEIGHT,
    SIZES,
    Design,
    SemanticViT,
    Size,
    filled,
    local_mask,
    patch_regions,
)

SMALL = Size(24, 2, 3)


def network(**options):
    torch.manual_seed(0)
    return SemanticViT(Design(SMALL, hw=(48, 16), patch_px=8, **options)).eval()


def images(count=2):
    return torch.rand(count, 3, 48, 16, generator=torch.Generator().manual_seed(1))


def rows_of(face, torso, lower):
    """Regions (1, 3, 12) of the 6 × 2 patches, by their rows."""
    regions = torch.zeros(1, 3, 6, 2, dtype=torch.bool)
    for index, chosen in enumerate((face, torso, lower)):
        regions[0, index, list(chosen)] = True
    return regions.flatten(2)


def test_the_paper_has_196_tokens_each_with_its_own_position():
    built = SemanticViT(Design(SIZES["base"]))
    assert built.embedded(torch.zeros(1, 3, 384, 128)).shape == (1, 1 + 3 + 192, 768)
    assert built.pos_embed.shape == (1, 192, 768)
    assert built.cls_pos.shape[1] + built.local_pos.shape[1] == 4
    assert built.dimensions == 1536


def test_tokens_come_global_first_then_face_torso_lower_body_then_patches_row_by_row():
    built = network()
    with torch.no_grad():
        for parameter in (built.cls_pos, built.local_pos, built.pos_embed):
            parameter.zero_()
        built.cls_token.fill_(10.0)
        built.local_tokens.copy_(torch.tensor([1.0, 2.0, 3.0])[None, :, None].expand(1, 3, 24))
        built.patch_embed.proj.weight.zero_()
        built.patch_embed.proj.weight[:, 0, 0, 0] = 1.0
        built.patch_embed.proj.bias.zero_()
    image = torch.zeros(1, 3, 48, 16)
    image[0, 0, ::8, ::8] = torch.arange(12.0).reshape(6, 2)
    tokens = built.embedded(image)[0, :, 0]
    assert tokens.tolist() == [10.0, 1.0, 2.0, 3.0, *range(12)]


def test_a_token_and_its_position_add_up():
    built = network()
    expected = built.local_tokens + built.local_pos
    assert torch.equal(built.embedded(images(1))[:, 1:4], expected)


def test_the_embedding_is_the_global_and_the_mean_of_the_locals():
    tokens = torch.tensor([[[1.0, 2.0], [3.0, 0.0], [6.0, 0.0], [9.0, 3.0]]])
    built = network()
    assert built.fuse(tokens).tolist() == [[1.0, 2.0, 6.0, 1.0]]
    assert built.fuse(tokens, (True, False, True)).tolist() == [[1.0, 2.0, 6.0, 1.5]]
    assert built.fuse(tokens, (False, False, False)).tolist() == [[1.0, 2.0, 0.0, 0.0]]


def test_half_a_patch_makes_it_the_regions():
    labels = torch.zeros(1, 4, 4, dtype=torch.uint8)
    labels[0, :1, :2] = 1  # half of the first patch
    labels[0, 0, 2] = 1  # a quarter of the second
    labels[0, 2:, :2] = 2
    labels[0, 2:, 2:] = 3
    found = patch_regions(labels, 2)
    assert found[0].int().tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_a_region_that_shows_nowhere_is_everywhere():
    regions = rows_of([0], [], [4, 5])
    whole = filled(regions, 1, 12, torch.device("cpu"))
    assert whole.sum(dim=2).tolist() == [[2, 12, 4]]
    assert filled(None, 2, 12, torch.device("cpu")).all()


def test_the_mask_lets_a_local_token_see_itself_and_its_region_alone():
    mask = local_mask(rows_of([0], [2], [5]))[0, 0]
    assert mask.shape == (16, 16)
    assert mask[[0, *range(4, 16)]].all()
    assert mask[1].nonzero().flatten().tolist() == [1, 4, 5]
    assert mask[2].nonzero().flatten().tolist() == [2, 8, 9]
    assert mask[3].nonzero().flatten().tolist() == [3, 14, 15]


@pytest.mark.parametrize(("local", "moved"), [("areas", False), ("free", True)])
def test_what_changes_outside_its_region_moves_a_free_token_only(local, moved):
    torch.manual_seed(0)
    built = SemanticViT(Design(Size(24, 1, 3), hw=(48, 16), patch_px=8, local=local)).eval()
    with torch.no_grad():
        for block in built.blocks:
            block.attn.qkv.weight.mul_(20.0)
    regions, image = rows_of([0], [2, 3], [4, 5]), images(1)
    changed = image.clone()
    changed[:, :, 8:16] += 1.0  # the second row of patches: nobody's
    before, after = built.tokens(image, regions), built.tokens(changed, regions)
    assert not torch.allclose(before[:, 0], after[:, 0])
    assert torch.allclose(before[:, 1:], after[:, 1:], atol=1e-6) != moved


def test_pooled_locals_are_means_of_their_patches():
    built = network(local="pooled")
    regions = rows_of([0], [], [4, 5])
    patches, _ = built._through(images(1), regions, None, 2)
    patches = built.norm(patches)[0, 1:]
    found = built.tokens(images(1), regions)[0]
    assert found.shape == (4, 24)
    assert torch.allclose(found[1], patches[:2].mean(dim=0), atol=1e-6)
    assert torch.allclose(found[2], patches.mean(dim=0), atol=1e-6)
    assert torch.allclose(found[3], patches[8:].mean(dim=0), atol=1e-6)


def test_ffn_fusion_keeps_the_width_and_learns():
    built = network(fusion="ffn")
    embedded = built(images())
    assert embedded.shape == (2, 48)
    embedded.sum().backward()
    assert built.fusion[0].weight.grad.abs().sum() > 0


def test_a_camera_adds_its_embedding_three_times_to_every_token():
    built = network(cameras=2)
    with torch.no_grad():
        built.sie_embed.copy_(torch.tensor([0.0, 1.0])[:, None, None].expand(2, 1, 24))
    first = built.embedded(images(1), torch.tensor([0]))
    second = built.embedded(images(1), torch.tensor([1]))
    assert torch.allclose(second - first, torch.full_like(first, CAMERA_WEIGHT), atol=1e-5)
    with pytest.raises(ValueError, match="expected each image's camera"):
        built(images(1))


def test_attention_shows_where_the_network_itself_looks():
    built = network()
    regions = rows_of([0], [2, 3], [4, 5])
    maps = built.attention(images(1), regions)[0]
    assert maps.shape == (4, 6, 2)
    assert maps[1, 1:].abs().max() == 0
    assert maps[1, 0].min() > 0
    assert (maps.flatten(1).sum(dim=1) <= 1 + 1e-6).all()


def test_recomputed_activations_give_the_same_gradients():
    gradients = []
    for recompute in (False, True):
        built = network(drop_path=0.5).train()
        built.recompute = recompute
        torch.manual_seed(4)
        built(images(), rows_of([0], [2], [4]).expand(2, -1, -1)).square().sum().backward()
        gradients.append([value.grad for value in built.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_images_that_are_no_multiple_of_the_patch_are_refused():
    with pytest.raises(ValueError, match="50×16 pixels are not a multiple of 8"):
        SemanticViT(Design(SMALL, hw=(50, 16), patch_px=8))


def test_lora_trains_attention_alone_and_merges_to_the_same_output():
    built = network()
    names, before = list(built.state_dict()), built(images())
    adapted = adapt(built, rank=2, alpha=4)
    training = [name for name, value in built.named_parameters() if value.requires_grad]
    assert {name.rpartition(".lora_")[0] for name in training} == {
        f"blocks.{block}.attn.{layer}" for block in range(2) for layer in ("qkv", "proj")
    }
    assert torch.allclose(built(images()), before, atol=1e-6)
    with torch.no_grad():
        for name, value in built.named_parameters():
            if "lora_B" in name:
                value.normal_(std=0.1)
    learned = built(images())
    assert not torch.allclose(learned, before, atol=1e-3)
    merge(adapted)
    assert list(built.state_dict()) == names
    assert torch.allclose(built(images()), learned, atol=1e-5)


def test_in_reduced_precision_training_attends_as_testing_does():
    built, regions = network(), rows_of([0], [1, 2], [3, 4, 5])
    with torch.autocast("cpu", torch.bfloat16):
        trained = built(images(1), regions)
        with torch.no_grad():
            tested = built(images(1), regions)
    assert trained.requires_grad
    torch.testing.assert_close(trained.float(), tested.float(), atol=0.05, rtol=0.05)


def test_in_reduced_precision_a_local_token_sees_its_region_alone_too():
    built, regions = network(), rows_of([0], [1, 2], [3, 4, 5])
    image = images(1)
    changed = image.clone()
    changed[:, :, 8:] = 0.0  # all below the face
    with torch.autocast("cpu", torch.bfloat16):
        (before, _), (after, _) = (
            built._through(each, regions, None, 1) for each in (image, changed)
        )
    assert torch.equal(before[0, 1], after[0, 1])
    assert not torch.equal(before[0, 2], after[0, 2])
