"""What an evaluation embeds: rows of the stage that it names, mirrored, by networks as they are."""

import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from face_rows import face_row, open_rows, png, write_rows
from onnx import TensorProto, helper, numpy_helper
from short_params import BANDS, PRAM
from torchvision.transforms.functional import rgb_to_grayscale

from models.backbones.lightcnn import LightCNN9
from pipeline.errors import ParamsError, StageError, WeightsError
from pipeline.ops.templates import ARCFACE_112_XY
from pipeline.params.evaluation import NetworkParams
from pipeline.params.load import load_params
from pipeline.recognition.sface import SFace
from pipeline.schemas.align import ALIGN
from pipeline.schemas.degrade import DEGRADE
from pipeline.schemas.masks import MASKS
from pipeline.schemas.parts import PARTS
from pipeline.store.protocols import read_protocol, write_protocol
from pipeline.training.backbones import backbone_named
from pipeline.training.methods.pram import Pram
from pipeline.training.own_network import by_file
from pipeline.training.zero_shot import arcface_crops
from pipeline.weights.verify import sha256_of


def save_onnx(path, shape=("n", 3, 112, 112), rank=2, kind=TensorProto.FLOAT, *, cast=False):
    """Write a network that returns the mean of each channel, (n, c), or the images themselves.

    With ``cast`` it takes uint8.
    """
    taken = helper.make_tensor_value_info("x", TensorProto.UINT8 if cast else kind, shape)
    if rank == 2:
        axes = numpy_helper.from_array(np.array([2, 3]), "axes")
        values = "values" if cast else "x"
        nodes = [helper.make_node("Cast", ["x"], [values], to=kind)] if cast else []
        nodes.append(helper.make_node("ReduceMean", [values, "axes"], ["y"], keepdims=0))
        out, held = ["n", shape[1]], [axes]
    else:
        nodes, out, held = [helper.make_node("Identity", ["x"], ["y"])], list(shape), []
    returned = helper.make_tensor_value_info("y", kind, out)
    graph = helper.make_graph(nodes, "g", [taken], [returned], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
    return path


def own(path, **changes):
    return {"path": path.name, "sha256": sha256_of(path), "offset": 0.0, "divisor": 1.0} | changes


def test_masked_probes_meet_a_plain_gallery(trained_sample):
    masked = [
        face_row(f"{s}.1.NIR#mask000", s, "NIR", "test") | {"mask_fit": fit}
        for s, fit in (("e0", "proper"), ("e1", "chin"))
    ]
    write_rows(Path("data/sample/masks"), MASKS, masked)
    for name in ("hsst-VIS-NIR", "hsst-VIS-NIR-masked"):
        trained_sample.run("evaluate_nir_vis", name)
    params = load_params(Path("params.yaml")).evaluate_nir_vis["hsst-VIS-NIR-masked"]
    assert (params.gallery_rows, params.rows) == ("parts", "masks")
    metrics = trained_sample.metrics("sample", "evaluate_nir_vis", "hsst-VIS-NIR-masked")
    assert (metrics["genuine"], metrics["impostor"]) == (2, 2)
    for group in ("worn_properly", "worn_otherwise"):  # one probe each, against both enrolled
        assert (metrics[group]["genuine"], metrics[group]["impostor"]) == (1, 1)
    whole = trained_sample.metrics("sample", "evaluate_nir_vis", "hsst-VIS-NIR")
    assert "worn_properly" not in whole
    plain, masked = (
        trained_sample.embeddings("sample", name)
        for name in ("hsst-VIS-NIR", "hsst-VIS-NIR-masked")
    )
    for sample_id in ("e0.0.VIS", "e1.0.VIS"):
        assert np.array_equal(plain[sample_id], masked[sample_id])
    for sample_id in ("e0.1.NIR", "e1.1.NIR"):  # another image has another noise
        assert not np.array_equal(plain[sample_id], masked[sample_id])


def test_a_face_that_was_lost_before_it_was_masked_is_a_failure_to_enrol(trained_sample):
    """As where `reconstruct` rejects it: then `masks` never saw it."""
    masked = face_row("e0.1.NIR#mask000", "e0", "NIR", "test") | {"mask_fit": "proper"}
    write_rows(Path("data/sample/masks"), MASKS, [masked])
    trained_sample.run("evaluate_nir_vis", "hsst-VIS-NIR-masked")
    metrics = trained_sample.metrics("sample", "evaluate_nir_vis", "hsst-VIS-NIR-masked")
    assert (metrics["failure_to_enrol"]["value"], metrics["failure_to_enrol"]["n"]) == (0.25, 4)
    assert metrics["rank1"]["n"] == 2


def test_a_method_on_whole_faces_is_tested_on_rows_of_any_stage_that_has_them(trained_sample):
    rows = [
        face_row(f"{s}.{n}.{b}", s, b, "test") for s in ("e0", "e1") for n in (0, 1) for b in BANDS
    ]
    write_rows(Path("data/sample/align"), ALIGN, rows)
    blurred = [face_row(f"{r['sample_id']}#p0", r["subject_id"], r["band"], "test") for r in rows]
    write_rows(Path("data/sample/degrade"), DEGRADE, blurred)
    for stage in ("align", "degrade"):
        trained_sample.edit(evaluate_nir_vis={"hsst-VIS-NIR": {"rows": stage}})
        trained_sample.run("evaluate_nir_vis", "hsst-VIS-NIR")
        metrics = trained_sample.metrics("sample", "evaluate_nir_vis", "hsst-VIS-NIR")
        assert (metrics["genuine"], metrics["impostor"]) == (2, 2)
    trained_sample.edit(evaluate_nir_vis={"pram_cat-VIS-NIR": {"rows": "degrade"}})
    with pytest.raises(StageError, match=r"no column 'labels', .* which the method Pram asks for"):
        trained_sample.run("evaluate_nir_vis", "pram_cat-VIS-NIR")


def test_some_folds_are_trained_and_tested_alone(trained_sample):
    folder = Path("data/sample/protocols")
    protocol = read_protocol(folder / "VIS-NIR")
    train = protocol.train.to_pylist()
    both = protocol.train.schema.empty_table().from_pylist(
        [row | {"fold": fold} for fold in (1, 2) for row in train], protocol.train.schema
    )
    write_protocol(folder, type(protocol)(**vars(protocol) | {"train": both}))
    trained_sample.edit(
        train_nir_vis={"hsst": {"folds": [2]}},
        evaluate_nir_vis={"hsst-VIS-NIR": {"folds": [2]}, "hsst-VIS-NIR-masked": None},
    )
    shutil.rmtree("data/trained/train_nir_vis")
    trained_sample.run("train_nir_vis", "hsst")
    networks = Path("data/trained/train_nir_vis/hsst").glob("*/network.pt")
    assert [path.parent.name for path in networks] == ["fold-02"]
    trained_sample.run("evaluate_nir_vis", "hsst-VIS-NIR")
    assert (
        "folds" not in trained_sample.metrics("sample", "evaluate_nir_vis", "hsst-VIS-NIR")["rank1"]
    )
    trained_sample.edit(evaluate_nir_vis={"hsst-VIS-NIR": {"folds": [3]}})
    with pytest.raises(StageError, match=r"folds \[3\] do not exist: choose among \[1, 2\]"):
        trained_sample.run("evaluate_nir_vis", "hsst-VIS-NIR")
    # a network of the other fold that former params left is not what these ask for
    shutil.copytree(
        "data/trained/train_nir_vis/hsst/fold-02", "data/trained/train_nir_vis/hsst/fold-01"
    )
    trained_sample.edit(evaluate_nir_vis={"hsst-VIS-NIR": {"folds": [1, 2]}})
    told = r"only on the folds \[2\] of VIS-NIR: .* found \[1\]"
    with pytest.raises(StageError, match=told):
        trained_sample.run("evaluate_nir_vis", "hsst-VIS-NIR")
    # It is told before the training, too: a long one would end in an evaluation that stops.
    shutil.rmtree("data/trained/train_nir_vis")
    for tested in ([1, 2], None):
        trained_sample.edit(evaluate_nir_vis={"hsst-VIS-NIR": None})
        entry = {"training": "hsst", "dataset": "sample", "protocol": "VIS-NIR", "rows": "parts"}
        entry |= {"folds": tested} if tested else {}
        trained_sample.edit(evaluate_nir_vis={"hsst-VIS-NIR": entry})
        with pytest.raises(StageError, match=rf"^evaluate_nir_vis\.hsst-VIS-NIR: .*{told}"):
            trained_sample.run("train_nir_vis", "hsst")
    assert not Path("data/trained/train_nir_vis").exists()


def test_a_mirrored_face_has_the_eyes_of_the_other_side(tmp_path):
    row = face_row("a", "s0")
    mirror = {"left_eye": "right_eye", "right_eye": "left_eye"}
    turned = row | {"sample_id": "b"}
    for name in ("image", "left_eye", "right_eye", "nose", "mouth"):
        turned[mirror.get(name, name)] = png(decoded(row[name])[:, ::-1])
    samples = open_rows(
        tmp_path, PARTS, [row, turned], images=Pram.images, extras=(*Pram.extras, "template")
    )
    method = Pram(PRAM, LightCNN9(), backbone_named("lightcnn9").preprocess)
    first, second = (method.network_inputs(samples, np.array([n])) for n in (0, 1))
    assert torch.equal(method.mirrored(first), second)
    assert torch.equal(method.mirrored(second), first)


def decoded(image):
    from pipeline.ops.codec import decode

    return decode(image["bytes"])


def test_a_flip_test_cannot_tell_an_image_from_its_mirror_image(sample):
    texture = {s: decoded(face_row(f"{s}.0", s)["image"]) for s in ("e0", "e1")}
    rows = []
    for subject, pixels in texture.items():
        for name, shown in ((f"{subject}.0.VIS", pixels), (f"{subject}.1.NIR", pixels[:, ::-1])):
            row = face_row(name, subject, name.rpartition(".")[2], "test")
            rows.append(row | {"image": png(shown)})
    trained = [face_row(f"t{n}.{band}", f"t{n}", band) for n in range(3) for band in BANDS]
    protocol = read_protocol(Path("data/sample/protocols/VIS-NIR"))
    sample.faces("sample", rows + trained)
    named = protocol.train.schema.empty_table().from_pylist(
        [
            {"fold": None, "sample_id": r["sample_id"], "subject_id": r["subject_id"]}
            for r in trained
        ],
        protocol.train.schema,
    )
    write_protocol(
        Path("data/sample/protocols"), type(protocol)(**vars(protocol) | {"train": named})
    )
    sample.edit(evaluate_nir_vis={"hsst-VIS-NIR": {"flip_test": True}})
    sample.run("pretrain_nir_vis", "lightcnn9")
    sample.run("train_nir_vis", "hsst")
    sample.run("evaluate_nir_vis", "hsst-VIS-NIR")
    found = sample.embeddings("sample", "hsst-VIS-NIR")
    for subject in texture:
        ours, theirs = found[f"{subject}.0.VIS"], found[f"{subject}.1.NIR"]
        assert np.allclose(ours, theirs, atol=1e-3 * np.abs(ours).max())
    metrics = sample.metrics("sample", "evaluate_nir_vis", "hsst-VIS-NIR")
    for row in (metrics, metrics["sface"], metrics["pretrained"]):
        assert row["rank1"]["value"] == 1.0


def test_sfaces_crop_shows_landmarks_where_its_template_wants_them(tmp_path):
    row = face_row("a", "s0")
    shown = np.zeros((144, 144, 3), np.uint8)
    for x, y in row["landmarks_xy"]:
        shown[
            round(float(y)) - 1 : round(float(y)) + 2, round(float(x)) - 1 : round(float(x)) + 2
        ] = 255
    samples = open_rows(
        tmp_path, PARTS, [row | {"image": png(shown)}], extras=("landmarks_xy", "warp_2x3")
    )
    (crop,) = arcface_crops(samples, np.array([0]))
    assert crop.shape == (112, 112, 3)
    for x, y in ARCFACE_112_XY:
        rows, columns = np.nonzero(
            crop[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5, 0] > 99
        )
        assert abs(rows.mean() - 4 + round(y) - y) < 1.5
        assert abs(columns.mean() - 4 + round(x) - x) < 1.5


def test_a_network_of_the_users_own_stands_in_the_table(trained_sample):
    path = save_onnx(Path("mine.onnx"))
    trained_sample.edit(evaluate_nir_vis={"hsst-VIS-NIR": {"network": own(path)}})
    trained_sample.run("evaluate_nir_vis", "hsst-VIS-NIR")
    metrics = trained_sample.metrics("sample", "evaluate_nir_vis", "hsst-VIS-NIR")
    assert (metrics["network"]["genuine"], metrics["network"]["impostor"]) == (2, 2)
    table = Path("reports/figures/sample/evaluate_nir_vis/hsst-VIS-NIR.md").read_text()
    assert "| own network, zero-shot |" in table


def test_a_users_network_sees_the_middle_of_the_crop_scaled_as_told(tmp_path):
    rows = [face_row(name, "s0") for name in "ab"]
    samples = open_rows(tmp_path / "rows", PARTS, rows)
    path = save_onnx(tmp_path / "mine.onnx", ("n", 3, 100, 100))
    embed = by_file(path, NetworkParams(**own(path, offset=10.0, divisor=4.0)), "cpu")
    found = embed(samples, np.array([1, 0]), False)
    for vector, row in zip(found, reversed(rows), strict=True):
        middle = decoded(row["image"])[22:122, 22:122].astype(np.float64)
        assert vector == pytest.approx((middle.mean(axis=(0, 1)) - 10) / 4, rel=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_users_network_of_uint8_gets_pixels_as_they_are(tmp_path, channels):
    """Grey is red, green and blue by torchvision's weights, rounded down."""
    row = face_row("a", "s0")
    shown = np.random.default_rng(5).integers(0, 256, (144, 144, 3), np.uint8)
    samples = open_rows(tmp_path / "rows", PARTS, [row | {"image": png(shown)}])
    path = save_onnx(tmp_path / "mine.onnx", ("n", channels, 100, 100), cast=True)
    embed = by_file(path, NetworkParams(path=path.name, sha256=sha256_of(path)), "cpu")
    middle = torch.from_numpy(shown[22:122, 22:122]).permute(2, 0, 1)
    wanted = rgb_to_grayscale(middle) if channels == 1 else middle
    (found,) = embed(samples, np.array([0]), False)
    assert found == pytest.approx(wanted.double().mean(dim=(1, 2)).numpy(), rel=1e-5)


@pytest.mark.parametrize(
    ("cast", "scaled", "message"),
    [
        (True, {}, r"takes values of 0\.\.255, uint8, .* leave them out"),
        (False, {"offset": None, "divisor": None}, "takes float32: expected offset and divisor"),
    ],
)
def test_values_are_scaled_once(tmp_path, cast, scaled, message):
    path = save_onnx(tmp_path / "mine.onnx", cast=cast)
    with pytest.raises(ParamsError, match=message):
        by_file(path, NetworkParams(**own(path, **scaled)), "cpu")


def test_an_offset_without_a_divisor_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected both offset and divisor, or neither"):
        NetworkParams(path="mine.onnx", sha256="0" * 64, offset=1.0)


@pytest.mark.parametrize(
    ("shape", "rank", "message"),
    [
        (("n", 3, "h", "w"), 2, "with a fixed height and width"),
        (("n", 4, 112, 112), 2, r"one input of images \(n, 1 or 3, h, w\)"),
        (("n", 3, 112, 112), 4, r"expected embeddings \(1, d\), found \(1, 3, 112, 112\)"),
    ],
)
def test_a_file_that_does_not_embed_images_is_refused(tmp_path, shape, rank, message):
    samples = open_rows(tmp_path / "rows", PARTS, [face_row("a", "s0")])
    path = save_onnx(tmp_path / "mine.onnx", shape, rank)
    with pytest.raises(WeightsError, match=message):
        by_file(path, NetworkParams(**own(path)), "cpu")(samples, np.array([0]), False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": (1, 3, 112, 112)}, r"\[1, 3, 112, 112\].*any number n"),
        ({"kind": TensorProto.DOUBLE}, r"tensor\(double\).*float32"),
    ],
)
def test_a_file_that_takes_one_image_or_other_numbers_is_refused(tmp_path, options, message):
    path = save_onnx(tmp_path / "mine.onnx", **options)
    with pytest.raises(WeightsError, match=message):
        by_file(path, NetworkParams(**own(path)), "cpu")


def test_a_file_that_holds_the_number_of_images_within_is_told(tmp_path):
    samples = open_rows(tmp_path / "rows", PARTS, [face_row(name, "s0") for name in "ab"])
    path = save_onnx(tmp_path / "mine.onnx", rank=4)
    model = onnx.load(path)
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 37632]), "one"))
    model.graph.node[0].CopyFrom(helper.make_node("Reshape", ["x", "one"], ["y"]))
    model.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 37632])
    )
    onnx.save(model, path)
    embed = by_file(path, NetworkParams(**own(path)), "cpu")
    assert embed(samples, np.array([0]), False).shape == (1, 37632)
    with pytest.raises(WeightsError, match=r"can't run it on 2 images.*any number of images"):
        embed(samples, np.array([0, 1]), False)


def test_a_file_that_is_no_network_is_refused(tmp_path):
    path = tmp_path / "mine.onnx"
    path.write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="expected an ONNX network"):
        by_file(path, NetworkParams(**own(path)), "cpu")


@pytest.mark.parametrize("mirror", [False, True])
def test_a_users_network_gets_the_crops_of_its_own_template(tmp_path, mirror):
    """The mean of each channel of what SFace sees; without the template of the middle of 144."""
    rows = [face_row(name, "s0") for name in "abc"]
    extras = ("landmarks_xy", "warp_2x3", "template")
    samples = open_rows(tmp_path / "rows", PARTS, rows, extras=extras)
    path, chosen = save_onnx(tmp_path / "mine.onnx"), np.array([2, 0])
    plain, aligned = (
        by_file(path, NetworkParams(**own(path, **more)), "cpu")(samples, chosen, mirror)
        for more in ({}, {"template": "arcface112"})
    )
    crops = arcface_crops(samples, chosen)
    np.testing.assert_allclose(aligned, crops.mean(axis=(1, 2)), rtol=1e-4)
    middle = samples.read(chosen)[:, 16:128, 16:128]
    np.testing.assert_allclose(plain, middle.mean(axis=(1, 2)), rtol=1e-4)
    assert np.abs(plain - aligned).max() > 0.1


@pytest.mark.parametrize(
    ("device", "machine", "asked", "told"),
    [  # a machine has a GPU; its ONNX Runtime offers CUDA, and has CUDA's libraries
        ("cpu", (True, True, True), ["CPU"], False),
        ("auto", (False, True, True), ["CPU"], False),
        ("auto", (True, True, True), ["CUDA", "CPU"], False),
        ("cuda", (True, True, True), ["CUDA", "CPU"], False),
        ("auto", (True, False, False), ["CPU"], True),
        ("auto", (True, True, False), ["CUDA", "CPU"], True),
    ],
)
def test_a_users_network_runs_where_the_method_does_or_says_why_not(
    tmp_path, monkeypatch, caplog, device, machine, asked, told
):
    """A stand-in for ONNX Runtime on such a machine; the session is the CPU's."""
    (gpu, offered, had), given, session = machine, [], onnxruntime.InferenceSession

    class Opened(session):
        def __init__(self, path, providers):
            given.extend(name.removesuffix("ExecutionProvider") for name in providers)
            super().__init__(path, providers=["CPUExecutionProvider"])

        def get_providers(self):
            return [f"{name}ExecutionProvider" for name in given if had or name == "CPU"]

    names = ["CUDAExecutionProvider"] * offered + ["CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: names)
    monkeypatch.setattr(onnxruntime, "InferenceSession", Opened)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    path = save_onnx(tmp_path / "mine.onnx")
    by_file(path, NetworkParams(**own(path)), device)
    assert given == asked
    assert ("mine.onnx runs on the CPU" in caplog.text) == told


def test_sface_runs_where_the_method_does_and_takes_many_faces_at_once(trained_sample, monkeypatch):
    made = []

    class Made(SFace):
        def __init__(self, weights, **options):
            made.append(options)
            super().__init__(weights, **options)

    monkeypatch.setattr("pipeline.training.zero_shot.SFace", Made)
    trained_sample.edit(train_nir_vis={"hsst": {"device": "auto"}})
    trained_sample.run("evaluate_nir_vis", "hsst-VIS-NIR")
    assert made == [{"device": "auto", "batch_rows": 32}]
