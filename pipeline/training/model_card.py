"""The model card of an exported network."""

import json
from collections.abc import Mapping
from typing import Any

from pipeline.training.engine.trained import Trained
from pipeline.training.origin import NUMBERS, UNKNOWN, Behind, Images, Origin, method_of

Inputs = Mapping[str, tuple[tuple[int, ...], str]]
"""What a graph takes, by name: the shape without the batch, and in words what it is."""
SAYS = "that embeds faces, trained with crossband."
"""In the second paragraph of every card: whose it is."""


def model_card(
    trained: Trained,
    inputs: Inputs,
    origin: Origin,
    *,
    difference: float,
    measured: Mapping[str, Any],
) -> str:
    """Write the card.

    Args:
        trained: the network.
        inputs: of its graph.
        origin: what it comes from.
        difference: of ONNX Runtime's embeddings and torch's, as a share of an embedding's length.
        measured: by evaluation its summary.
    """
    lines = [
        f"# {trained.name}",
        "",
        f"A {trained.backbone} {SAYS}",
        "",
        "| | |",
        "|---|---|",
        *(
            f"| input `{name}` | (n, {', '.join(map(str, shape))}), {says} |"
            for name, (shape, says) in inputs.items()
        ),
        "| output `embeddings` | float32 (n, d); compare by the cosine |",
        f"| aligned by | `{trained.template}`, {trained.crop_hw[0]}×{trained.crop_hw[1]} pixels |",
        f"| method | {_method(trained)} |",
        *_data(origin),
        *(f"| made from | {_network(network)} |" for network in origin.networks),
        f"| licences of all these | {_licences(origin)} |",
        f"| exported by | {_program(origin)} |",
        f"| fingerprint of data, params and code | `{trained.key}` |",
        f"| ONNX Runtime beside torch | differs by {difference:.1e} of an embedding's length |",
        "",
        "Do not test it on people it was trained on. All licences named above apply to it, "
        f"together; where one is {UNKNOWN}, so is what it may be used for. The crops were made by "
        "further networks, which have licences of their own: `crossband weights` lists them.",
        "",
        "## Measured",
        "",
    ]
    lines += [f"- {name}: `{json.dumps(values)}`" for name, values in sorted(measured.items())]
    lines += [] if measured else ["Nothing was measured with it in the project it comes from."]
    params = json.dumps(dict(trained.params), indent=2)
    return "\n".join([*lines, "", "## Params of the training", "", "```json", params, "```", ""])


def _method(trained: Trained) -> str:
    numbers = [f"{name} {trained.params[name]}" for name in NUMBERS if name in trained.params]
    return ", ".join([f"`{method_of(trained)}`", *numbers])


def _data(origin: Origin) -> list[str]:
    """Write a line of each data set, and one of what was made of its images."""
    if not origin.images:
        return ["| trained on | nothing: weights as they were loaded |"]
    lines = [f"| trained on | {name} {_people(of)} |" for name, of in origin.images.items()]
    if origin.synthesis:
        names = ", ".join(f"`{name}`" for name in origin.synthesis)
        lines.append(f"| and on images made of these | by {names} |")
    return lines


def _people(of: Images) -> str:
    people = f"({of.subjects} subjects)"
    images = sum(of.images.values())
    if of.gone == of.subjects:
        return f"{people}; their images are no longer in the project"
    gone = f"; of {of.gone} no image is in the project any more" if of.gone else ""
    bands = ", ".join(f"{count} {band}" for band, count in of.images.items())
    licences = ", ".join(f"{count} {name}" for name, count in of.licences.items())
    made = {0: "no program made any", images: "a program made all"}
    told = made.get(of.made, f"a program made {of.made}")
    return f"{people}; images: {bands}; {told}; by licence: {licences}{gone}"


def _network(network: Behind) -> str:
    says = "its teacher" if network.role == "teacher" else "its start"
    forbidden = ", no commercial use" if network.commercial is False else ""
    return f"{network.name}, {says} (licence: {network.licence}{forbidden})"


def _licences(origin: Origin) -> str:
    return ", ".join(origin.licences) or UNKNOWN


def _program(origin: Origin) -> str:
    version = f"crossband {origin.crossband}" if origin.crossband else "crossband"
    return f"{version}, revision `{origin.revision}`" if origin.revision else version
