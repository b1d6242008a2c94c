"""A trained network for the tools of others: safetensors, ONNX and a model card."""

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.errors import ExportError, refusal
from pipeline.params.body_training import AdaFaceParams, PeopleParams
from pipeline.params.training import RecogniserParams
from pipeline.store.whole import whole_name, write_whole, written_whole
from pipeline.training.backbones import MODULES, backbone_named, make_backbone
from pipeline.training.data.images import HW
from pipeline.training.data.preprocess import Preprocess
from pipeline.training.engine.trained import Trained, load_weights
from pipeline.training.methods.recogniser import Recogniser
from pipeline.training.model_card import SAYS, Inputs, model_card
from pipeline.training.origin import Origin, described
from pipeline.training.own_network import PARTS, TEMPLATE
from pipeline.training.train import build_method

TOLERANCE = 1e-3
"""How far ONNX Runtime's embeddings may lie from torch's, of the longest one's length."""
_CHECKED_IMAGES = 3
_OPSET = 17
_PREFIX = TEMPLATE.removesuffix("template")
"""How the names begin under which a graph says what it is."""
_STATE, _GRAPH, _CARD = "model.safetensors", "model.onnx", "README.md"


@dataclass(frozen=True)
class Portable:
    """A network as it leaves.

    Attributes:
        trained: what it is.
        network: whose state is written.
        module: what the ONNX graph holds: from ``inputs`` to embeddings (n, d).
        inputs: what the graph takes, uint8.
    """

    trained: Trained
    network: nn.Module
    module: nn.Module
    inputs: Inputs


class _OfCrops(nn.Module):
    """From aligned crops, uint8 (n, 3, h, w) RGB, to embeddings."""

    def __init__(self, embedder: nn.Module, preprocess: Preprocess, hw: HW) -> None:
        super().__init__()
        self._embedder, self._preprocess = embedder, preprocess
        # the middle, as ``Preprocess.cut`` takes it; in numbers, because a graph is of one size
        rows, columns = (side // 2 for side in preprocess.room(hw))
        height, width = preprocess.hw or hw
        self._middle = slice(rows, rows + height), slice(columns, columns + width)

    def forward(self, crops: Tensor, *parts: Tensor) -> Tensor:
        """Embed."""
        rows, columns = self._middle
        faces = self._preprocess.values(crops[..., rows, columns])
        made: Tensor = self._embedder(faces, *map(self._values_of, parts))
        return made

    def _values_of(self, parts: Tensor) -> Tensor:
        """Turn crops of parts, uint8 (n, p, h, w), grey, into (n, p, 1, h, w)."""
        count, height, width = parts.shape[1:]
        values = self._preprocess.values(parts.reshape(-1, 1, height, width))
        return values.reshape(-1, count, 1, height, width)


class _OfMethod(nn.Module):
    """A method's own way from faces, and parts beside them, to embeddings."""

    def __init__(self, method: Recogniser) -> None:
        super().__init__()
        self._method = method

    def forward(self, faces: Tensor, parts: Tensor | None = None) -> Tensor:
        """Embed."""
        return self._method.embed(self._method.assembled(faces, parts))


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
        ExportError: the method takes more than a face and its parts.
    """
    if isinstance(params, AdaFaceParams):  # its network is the backbone
        return portable_backbone(trained)
    if isinstance(params, PeopleParams):
        raise ExportError(
            f"{params.kind} takes more than one image of a sample: expected a method on faces, "
            "which can be exported as one graph"
        )
    method = build_method(params, trained, with_weights=False)
    load_weights(method.network, trained)
    made = _OfMethod(method)
    return _of_crops(trained, method.network, made, method.preprocess, method.beside)


def _of_crops(
    trained: Trained,
    network: nn.Module,
    embedder: nn.Module,
    preprocess: Preprocess,
    beside: Sequence[str] = (),
) -> Portable:
    height, width = hw = trained.crop_hw
    says = f"uint8 0..255, RGB, faces aligned by the template `{trained.template}`"
    inputs: dict[str, tuple[tuple[int, ...], str]] = {"images": ((3, height, width), says)}
    if beside:
        says = f"uint8 0..255, grey, crops of {', '.join(beside)} as the stage `parts` makes them"
        inputs[PARTS] = (len(beside), *(preprocess.hw or hw)), f"{says}; black where there is none"
    return Portable(trained, network, _OfCrops(embedder, preprocess, hw), inputs)


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

    begun = (path.name for path in folder.glob(".*.partial"))
    own = {name for name in begun if whole_name(name) in (_STATE, _GRAPH, _CARD)}
    card, state = folder / _CARD, folder / _STATE
    if card.is_file() and SAYS in card.read_text(encoding="utf-8", errors="replace"):
        own |= {_CARD, _GRAPH}
    try:
        with safe_open(state, "pt") as file:
            described = file.metadata() or {}
    except (SafetensorError, OSError):
        return own
    return own | ({_STATE, _GRAPH} if "backbone" in described else set())


def write_portable(
    leaving: Portable,
    folder: Path,
    *,
    measured: Mapping[str, Any],
    origin: Origin,
    overwrite: bool = False,
) -> list[Path]:
    """Write ``model.safetensors``, ``model.onnx`` and ``README.md``, and compare ONNX with torch.

    Args:
        leaving: the network.
        folder: is made; what an earlier export wrote there is replaced.
        measured: by evaluation its summary, for the card.
        origin: what it comes from, for all three.
        overwrite: see ``check_place``.

    Returns:
        The files.

    Raises:
        ExportError: ONNX Runtime embeds otherwise than torch, the disk is full, or the folder holds
            files of others.
    """
    from safetensors.torch import save

    check_place(folder, overwrite=overwrite)
    trained = leaving.trained
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / name for name in (_STATE, _GRAPH, _CARD)]
    state = {name: value.contiguous() for name, value in leaving.network.state_dict().items()}
    told = described(trained, origin)
    try:
        # Its own way to write a file gives it another name meanwhile, and to nobody else to read.
        write_whole(files[0], _in_order(save(state, metadata=told)))
    except OSError as error:
        raise ExportError(
            f"{files[0]} can't be written ({refusal(error)}): expected enough space; make room, "
            "and run the same command again"
        ) from error
    with written_whole(files[1]) as partial:
        _write_onnx(leaving, partial, told)
    difference = compared(leaving, files[1])
    if not difference <= TOLERANCE:
        raise ExportError(
            f"{files[1]}: ONNX Runtime's embeddings differ by {difference:.2g} of their length: "
            f"expected at most {TOLERANCE}; use model.safetensors"
        )
    card = model_card(trained, leaving.inputs, origin, difference=difference, measured=measured)
    write_whole(files[2], card)
    return files


def _in_order(content: bytes) -> bytes:
    """Put what a safetensors file says of itself in order: its library has another in each run."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    return content[:8] + text.ljust(end - 8) + content[end:]


def compared(leaving: Portable, path: Path) -> float:
    """Embed a few inputs of noise by ONNX Runtime and by torch.

    Returns:
        The largest difference of a number, as a share of the longest embedding's length.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = _inputs(leaving, _CHECKED_IMAGES)
    (found,) = session.run(None, {name: given.numpy() for name, given in inputs.items()})
    with torch.no_grad():
        wanted = leaving.module.eval()(*inputs.values()).numpy()
    return float(np.abs(found - wanted).max() / np.linalg.norm(wanted, axis=1).max())


def _write_onnx(leaving: Portable, path: Path, told: Mapping[str, str]) -> None:
    """Write the graph, with what it says of itself."""
    import onnx

    batch = {0: "n"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of numbers that are fixed here: channels, sides
        torch.onnx.export(
            leaving.module.eval(),
            tuple(_inputs(leaving, 2).values()),
            str(path),
            input_names=list(leaving.inputs),
            output_names=["embeddings"],
            dynamic_axes=dict.fromkeys([*leaving.inputs, "embeddings"], batch),
            opset_version=_OPSET,
            dynamo=False,
        )
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {f"{_PREFIX}{name}": told[name] for name in told})
    onnx.save(model, path)


def _inputs(leaving: Portable, count: int) -> dict[str, Tensor]:
    rng = np.random.default_rng(0)
    return {
        name: torch.from_numpy(rng.integers(0, 256, (count, *shape), np.uint8))
        for name, (shape, _) in leaving.inputs.items()
    }
