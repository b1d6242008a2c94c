"""What DMFR's methods lose in a step, worked out once more from the features of the same batch."""

import math

import numpy as np
import pytest
import torch
from dmfr_rows import folders_of, rows_of
from slow_dmfr import MARGIN, MOVED, SCALE, cosface, each_loss, unit_rows, virtual_step
from test_dmfr_methods import method_of

from pipeline.training.engine.method import TOTAL
from pipeline.training.methods.dmfr import DmfrMethod


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return folders_of(tmp_path_factory.mktemp("stages"), rows_of(["a", "b", "c", "d"]))


def drawn(kind, folders, **changes):
    """A method as it is at a test, with prototypes apart, and a batch."""
    method = method_of(kind, folders, scale=SCALE, margin=MARGIN, **changes).eval()
    return method, method.sample_batch(np.random.default_rng(0))


def numbers(*tensors):
    return [each.detach().double().numpy() for each in tensors]


def prototypes(head):
    return unit_rows(head.weight.detach().double().numpy())


def classified(head, features, labels, **options):
    """Each sample's loss."""
    (features,) = numbers(features)
    return each_loss(prototypes(head), features, labels.tolist(), **options)


@pytest.mark.parametrize("loss", MOVED)
def test_plain_training_classifies_by_the_loss_that_params_name(folders, loss):
    method, (images, labels, roles) = drawn("plain", folders, loss=loss)
    found = method.training_step((images, labels, roles), 0)[TOTAL]
    each = classified(method.head, method.network(images), labels, loss=loss)
    assert found.item() == pytest.approx(np.mean(each), rel=1e-5)


def test_separate_classifiers_take_their_own_samples_and_count_by_them(folders):
    method, (images, labels, roles) = drawn("separate", folders, ratio=(3, 1))
    losses = method.training_step((images, labels, roles), 0)
    features, real = method.network(images), roles == 0
    first = classified(method.real_head, features[real], labels[real])
    second = classified(method.made_head, features[~real], labels[~real])
    assert losses["real"].item() == pytest.approx(np.mean(first), rel=1e-5)
    assert losses["synthetic"].item() == pytest.approx(np.mean(second), rel=1e-5)
    assert losses[TOTAL].item() == pytest.approx(np.mean([*first, *second]), rel=1e-5)


def test_the_virtual_step_of_meta_is_of_all_but_the_domain_that_tests_it(folders):
    generators = ("head_mesh", "photometric")
    method, batch = drawn(
        "meta", folders, generators=generators, meta_rate=0.5, meta_weight=0.25, meta_test_images=3
    )
    images, labels, roles = batch
    losses = method.training_step(batch, 0)
    features, prototype = *numbers(method.network(images)), prototypes(method.head)
    tested = (roles == 2).numpy()
    assert tested.sum() == 3
    train, test = ((features[which], labels[which].tolist()) for which in (~tested, tested))
    first = cosface(prototype, *train)
    second = cosface(virtual_step(prototype, *train, 0.5), *test)
    assert losses["meta_train"].item() == pytest.approx(first, rel=1e-5)
    assert losses["meta_test"].item() == pytest.approx(second, rel=1e-5)
    assert losses[TOTAL].item() == pytest.approx(0.25 * first + 0.75 * second, rel=1e-5)


def test_dul_classifies_a_draw_and_not_its_mean(folders):
    method, (images, labels, roles) = drawn("dul", folders, divergence_weight=0.5)
    torch.manual_seed(3)
    noise = torch.randn(8, 8)
    torch.manual_seed(3)
    losses = method.training_step((images, labels, roles), 0)
    feature_map = method.network.feature_map(images)
    log_variance = method.variance(feature_map)
    mean, log_variance, noise = numbers(method.network(images), log_variance, noise)
    sigma = np.exp(log_variance) ** 0.5
    each = each_loss(prototypes(method.head), mean + noise * sigma, labels.tolist())
    apart = ((mean**2 + sigma**2 - 1.0 - np.log(sigma**2)) / 2.0).sum(axis=1).mean()
    assert losses["classify"].item() == pytest.approx(np.mean(each), rel=1e-5)
    assert losses["divergence"].item() == pytest.approx(apart, rel=1e-4)
    assert losses[TOTAL].item() == pytest.approx(np.mean(each) + 0.5 * apart, rel=1e-5)
    assert losses["sigma"].item() == pytest.approx(sigma.mean(), rel=1e-5)
    assert losses["sigma_spread"].item() == pytest.approx(sigma.mean(axis=1).std(), rel=1e-4)


def test_each_sample_is_classified_by_the_scale_of_its_own_confidence(folders):
    method, (images, labels, roles) = drawn("confidence", folders)
    torch.nn.init.normal_(method.sure.trunk[-1].weight, std=0.2)
    losses = method.training_step((images, labels, roles), 0)
    (logits,) = numbers(method.sure.trunk(method.network.feature_map(images))[:, 0])
    scales = [2.0 * SCALE / (1.0 + math.exp(-logit)) for logit in logits.tolist()]
    assert max(scales) > 1.5 * min(scales)
    each = classified(method.head, method.network(images), labels, scales=scales)
    assert losses[TOTAL].item() == pytest.approx(np.mean(each), rel=1e-5)
    assert losses["confidence"].item() == pytest.approx(np.mean(scales), rel=1e-5)


def test_a_mixed_image_is_of_both_subjects_by_the_share_of_each(folders):
    method, (images, real, made, share) = drawn("mixup", folders)
    found = method.training_step((images, real, made, share), 0)[TOTAL]
    features = method.network(images)
    first, second = (classified(method.head, features, labels) for labels in (real, made))
    each = [
        part * mine + (1.0 - part) * other
        for part, mine, other in zip(share.tolist(), first, second, strict=True)
    ]
    assert found.item() == pytest.approx(np.mean(each), rel=1e-5)


def test_mixup_lies_between_its_images(folders):
    """ψ x_real + (1 − ψ) x_synthetic, of what the same generator draws, ψ last."""
    method, (images, real, made, share) = drawn("mixup", folders)
    again = np.random.default_rng(0)
    both, labels, roles = DmfrMethod.sample_batch(method, again)
    assert roles.tolist() == [0] * 8 + [1] * 8
    assert share.tolist() == pytest.approx(again.random(8).tolist())
    for n, part in enumerate(share.tolist()):
        mixture = part * both[n] + (1.0 - part) * both[8 + n]
        torch.testing.assert_close(images[n], mixture)
    assert [*real.tolist(), *made.tolist()] == labels.tolist()


@pytest.mark.parametrize("weight", [0.0, 0.1, 2.0])
def test_features_unlearn_what_the_judge_learns_by_the_weight_that_params_name(folders, weight):
    method, (images, labels, roles) = drawn("reversal", folders, reversal_weight=weight)
    losses = method.training_step((images, labels, roles), 0)
    features = method.network(images)
    each = classified(method.head, features, labels)
    logits = method.judge.layers(features / features.norm(dim=1, keepdim=True))[:, 0]
    judged = -torch.where(roles == 1, logits, -logits).sigmoid().log().mean()
    assert losses["classify"].item() == pytest.approx(np.mean(each), rel=1e-5)
    assert losses["judge"].item() == pytest.approx(judged.item(), rel=1e-5)
    assert losses[TOTAL].item() == pytest.approx(np.mean(each) + judged.item(), rel=1e-5)
    network, judge = ([*part.parameters()] for part in (method.network, method.judge))
    straight = torch.autograd.grad(judged, [*network, *judge])
    turned = torch.autograd.grad(losses["judge"], [*network, *judge])
    for n, (right, found) in enumerate(zip(straight, turned, strict=True)):
        factor = -weight if n < len(network) else 1.0
        torch.testing.assert_close(found, factor * right, rtol=1e-3, atol=1e-6)
