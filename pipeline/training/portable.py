"""A trained network for the tools of others: safetensors, ONNX and a model card."""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.errors import ExportError
from pipeline.params.body_training import AdaFaceParams, PeopleParams
from pipeline.params.training import RecogniserParams
from pipeline.store.whole import write_whole, written_whole
from pipeline.training.backbones import MODULES, backbone_named, make_backbone
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.engine.trained import Trained, load_weights
from pipeline.training.methods.recogniser import Recogniser
from pipeline.training.own_network import TEMPLATE
from pipeline.training.train import build_method, class_of

TOLERANCE = 1e-3
"""How far ONNX Runtime's embeddings may lie from torch's, of the longest one's length."""
_CHECKED_IMAGES = 3
_OPSET = 17
_STATE, _GRAPH, _CARD = "model.safetensors", "model.onnx", "README.md"
_SAYS = "that embeds faces, trained with crossband."
"""In the second paragraph of every card: whose it is."""


@dataclass(frozen=True)
class Portable:
    """A network as it leaves.

    Attributes:
        trained: what it is.
        network: whose state is written.
        module: what the ONNX graph holds: from ``shape`` to embeddings (n, d).
        shape: of an input, without the batch.
        dtype: uint8, where the graph takes aligned crops; float32, where it takes what the method
            makes of them.
        says: the input in words.
    """

    trained: Trained
    network: nn.Module
    module: nn.Module
    shape: tuple[int, ...]
    dtype: torch.dtype
    says: str


class _OfCrops(nn.Module):
    """From aligned crops, uint8 (n, 3, h, w) RGB, to embeddings."""

    def __init__(self, embedder: nn.Module, preprocess: Preprocess, hw: tuple[int, int]) -> None:
        super().__init__()
        self._embedder, self._preprocess = embedder, preprocess
        # the middle, as ``Preprocess.cut`` takes it; in numbers, because a graph is of one size
        rows, columns = (side // 2 for side in preprocess.room(hw))
        height, width = preprocess.hw or hw
        self._middle = slice(rows, rows + height), slice(columns, columns + width)

    def forward(self, crops: Tensor) -> Tensor:
        """Embed."""
        rows, columns = self._middle
        made: Tensor = self._embedder(self._preprocess.values(crops[..., rows, columns]))
        return made


class _OfMethod(nn.Module):
    """A method's own way from its inputs to embeddings."""

    def __init__(self, method: Recogniser) -> None:
        super().__init__()
        self._method = method

    def forward(self, inputs: Tensor) -> Tensor:
        """Embed."""
        return self._method.embed(inputs)


def portable_backbone(trained: Trained) -> Portable:
    """Make a pretrained backbone ready to leave.

    Raises:
        ExportError: it takes more than an image.
    """
    if trained.backbone not in MODULES:
        raise ExportError(
            f"{trained.name} ({trained.backbone}) takes more than one image of a sample: expected "
            "a network of faces, which can be exported as one graph"
        )
    network = make_backbone(trained.backbone, trained.crop_hw, 0)
    load_weights(network, trained)
    preprocess = backbone_named(trained.backbone).preprocess
    return _of_crops(trained, network, network, preprocess)


def portable_method(trained: Trained, params: RecogniserParams | PeopleParams) -> Portable:
    """Make a method's trained network ready to leave.

    Args:
        trained: the network.
        params: of its training.

    Raises:
        ExportError: the method takes more than an image, and does not say of which shape.
    """
    if isinstance(params, AdaFaceParams):  # its network is the backbone
        return portable_backbone(trained)
    if isinstance(params, PeopleParams) or _is_of_no_shape(class_of(params)):
        raise ExportError(
            f"{params.kind} takes more than one image of a sample: expected a method on faces, "
            "which can be exported as one graph"
        )
    method = build_method(params, trained, with_weights=False)
    load_weights(method.network, trained)
    if (shape := method.input_shape()) is None:
        return _of_crops(trained, method.network, _OfMethod(method), method.preprocess)
    says = f"float32, what `{type(method).__name__}.network_inputs` makes of a sample"
    return Portable(trained, method.network, _OfMethod(method), shape, torch.float32, says)


def _is_of_no_shape(known: type[Recogniser]) -> bool:
    """Tell whether a method takes more than an image, and does not say of which shape."""
    own_inputs = known.network_inputs is not Recogniser.network_inputs
    return own_inputs and known.input_shape is Recogniser.input_shape


def _of_crops(
    trained: Trained, network: nn.Module, embedder: nn.Module, preprocess: Preprocess
) -> Portable:
    height, width = trained.crop_hw
    says = f"uint8 0..255, RGB, faces aligned by the template `{trained.template}`"
    module = _OfCrops(embedder, preprocess, (height, width))
    return Portable(trained, network, module, (3, height, width), torch.uint8, says)


def check_place(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder with files that no earlier export of a network wrote.

    Args:
        folder: where a network is to be written.
        overwrite: let them stand beside the network; a file of others that has the name of one of
            its three is refused even so.

    Raises:
        ExportError: as said.
    """
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    strangers = sorted(there - _written(folder))
    if taken := [name for name in strangers if name in (_STATE, _GRAPH, _CARD)]:
        raise ExportError(
            f"{folder / taken[0]} was not written by export-model, but would be overwritten: "
            "name another folder, or move it away"
        )
    if strangers and not overwrite:
        raise ExportError(
            f"{folder} holds {len(strangers)} files that export-model did not write, the first "
            f"{strangers[0]}: name another folder, or write beside them with --overwrite"
        )


def _written(folder: Path) -> set[str]:
    """Return the names of files that an earlier export wrote there, or began to."""
    from safetensors import SafetensorError, safe_open

    own = {f".{name}.partial" for name in (_STATE, _GRAPH, _CARD)}
    card, state = folder / _CARD, folder / _STATE
    if card.is_file() and _SAYS in card.read_text(encoding="utf-8", errors="replace"):
        own |= {_CARD, _GRAPH}
    try:
        with safe_open(state, "pt") as file:
            described = file.metadata() or {}
    except (SafetensorError, OSError):
        return own
    return own | ({_STATE, _GRAPH} if "backbone" in described else set())


def write_portable(
    leaving: Portable, folder: Path, *, measured: dict[str, Any], overwrite: bool = False
) -> list[Path]:
    """Write ``model.safetensors``, ``model.onnx`` and ``README.md``, and compare ONNX with torch.

    Args:
        leaving: the network.
        folder: is made; what an earlier export wrote there is replaced.
        measured: by evaluation its summary, for the card.
        overwrite: see ``check_place``.

    Returns:
        The files.

    Raises:
        ExportError: ONNX Runtime embeds otherwise than torch, the disk is full, or the folder holds
            files of others.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    check_place(folder, overwrite=overwrite)
    trained = leaving.trained
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / name for name in (_STATE, _GRAPH, _CARD)]
    state = {name: value.contiguous() for name, value in leaving.network.state_dict().items()}
    described = {
        "name": trained.name,
        "backbone": trained.backbone,
        "template": trained.template,
        "params": json.dumps(dict(trained.params)),
    }
    try:
        with written_whole(files[0]) as partial:
            save_file(state, partial, metadata=described)
    except SafetensorError as error:  # its way to say what the system refused
        reason = str(error).splitlines()[0]
        raise ExportError(
            f"{files[0]} can't be written ({reason}): expected enough space; make room, and "
            "run the same command again"
        ) from error
    with written_whole(files[1]) as partial:
        _write_onnx(leaving, partial)
    difference = compared(leaving, files[1])
    if not difference <= TOLERANCE:
        raise ExportError(
            f"{files[1]}: ONNX Runtime's embeddings differ by {difference:.2g} of their length: "
            f"expected at most {TOLERANCE}; use model.safetensors"
        )
    write_whole(files[2], _card(leaving, difference, measured))
    return files


def compared(leaving: Portable, path: Path) -> float:
    """Embed a few inputs of noise by ONNX Runtime and by torch.

    Returns:
        The largest difference of a number, as a share of the longest embedding's length.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = _inputs(leaving, _CHECKED_IMAGES)
    (found,) = session.run(None, {"images": inputs.numpy()})
    with torch.no_grad():
        wanted = leaving.module.eval()(inputs).numpy()
    return float(np.abs(found - wanted).max() / np.linalg.norm(wanted, axis=1).max())


def _write_onnx(leaving: Portable, path: Path) -> None:
    """Write the graph; one that takes aligned crops says by which template."""
    import onnx

    batch = {0: "n"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of numbers that are fixed here: channels, sides
        torch.onnx.export(
            leaving.module.eval(),
            (_inputs(leaving, 2),),
            str(path),
            input_names=["images"],
            output_names=["embeddings"],
            dynamic_axes={"images": batch, "embeddings": batch},
            opset_version=_OPSET,
            dynamo=False,
        )
    if leaving.dtype == torch.uint8:
        model = onnx.load(path)
        onnx.helper.set_model_props(model, {TEMPLATE: leaving.trained.template})
        onnx.save(model, path)


def _inputs(leaving: Portable, count: int) -> Tensor:
    noise = np.random.default_rng(0).integers(0, 256, (count, *leaving.shape), np.uint8)
    images = torch.from_numpy(noise)
    return images if leaving.dtype == torch.uint8 else images.float() / 255


def _card(leaving: Portable, difference: float, measured: dict[str, Any]) -> str:
    """Write the model card."""
    trained = leaving.trained
    datasets: dict[str, int] = {}
    for subject in trained.subjects:
        name = subject.partition("/")[0]
        datasets[name] = datasets.get(name, 0) + 1
    people = ", ".join(f"{name} ({count} subjects)" for name, count in sorted(datasets.items()))
    lines = [
        f"# {trained.name}",
        "",
        f"A {trained.backbone} {_SAYS}",
        "",
        "| | |",
        "|---|---|",
        f"| input `images` | (n, {', '.join(map(str, leaving.shape))}), {leaving.says} |",
        "| output `embeddings` | float32 (n, d); compare by the cosine |",
        f"| aligned by | `{trained.template}`, {trained.crop_hw[0]}×{trained.crop_hw[1]} pixels |",
        f"| trained on | {people or 'nothing: weights as they were loaded'} |",
        f"| fingerprint of data, params and code | `{trained.key}` |",
        f"| ONNX Runtime beside torch | differs by {difference:.1e} of an embedding's length |",
        "",
        "Do not test it on people it was trained on. The licences of the data sets and of the "
        "weights it started from apply to it, too.",
        "",
        "## Measured",
        "",
    ]
    lines += [f"- {name}: `{json.dumps(values)}`" for name, values in sorted(measured.items())]
    lines += [] if measured else ["Nothing was measured with it in the project it comes from."]
    params = json.dumps(dict(trained.params), indent=2)
    return "\n".join([*lines, "", "## Params of the training", "", "```json", params, "```", ""])
