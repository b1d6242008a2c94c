"""A data card's answers to the questions of responsible AI, from what was counted of the data set.

Reference:
    Croissant RAI vocabulary 1.0, https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.report.site.card import NO_PROGRAM, DataCard

VOCABULARY = "http://mlcommons.org/croissant/RAI/"
CONFORMS = ("http://mlcommons.org/croissant/1.0", f"{VOCABULARY}1.0")

TITLES = {
    "dataCollection": "How it was collected",
    "dataCollectionMissingData": "What is missing",
    "dataAnnotationProtocol": "Who annotated it",
    "dataPreprocessingProtocol": "What was done to it",
    "dataUseCases": "What it is for",
    "dataLimitations": "What it is not for",
    "dataBiases": "Whom it shows",
    "personalSensitiveInformation": "Personal data",
}
"""Properties of the vocabulary that crossband can answer, and what a reader calls them."""

_OWN = {
    "align": "boxes and landmarks of the faces",
    "reconstruct": "3D shapes of the faces",
}
"""What a stage may take over as it came with the images."""


def answers(card: DataCard, rejected: Mapping[str, int]) -> dict[str, str]:
    """Answer each of ``TITLES``.

    Args:
        card: what was counted.
        rejected: files that ``ingest`` left out, by reason.
    """
    made = card.simulated
    programs = ", ".join(f"{name} ({n})" for name, n in card.generators if name != NO_PROGRAM)
    bands = ", ".join(f"{band} {sum(found.values())}" for band, found in card.bands)
    lost = ", ".join(f"{reason} {count}" for reason, count in rejected.items()) or "none"
    real = card.images - made
    kinds = [
        f"{made} of {card.images} images were made by programs" if made else "",
        f"{real} were taken from the files of the data set's owner" if real else "",
    ]
    collected = [f"{'; '.join(filter(None, kinds))}.", f"Programs: {programs}." if programs else ""]
    return {
        "dataCollection": " ".join(filter(None, collected)),
        "dataCollectionMissingData": f"Files that the data set lists and the stage `ingest` could "
        f"not take in, by reason: {lost}. The report lists what later stages rejected, with "
        "reasons. Images that the data set's list does not name are not counted.",
        "dataAnnotationProtocol": _annotation(card),
        "dataPreprocessingProtocol": "Images were turned upright and stored in 8 bits a channel. "
        "The report shows what later stages did with them, one page per stage.",
        "dataUseCases": "Training and testing of recognition of faces and people across spectral "
        "bands.",
        "dataLimitations": (
            f"{card.simulated_percent} % of the images are simulated: results on them say nothing "
            "about cameras and people that were not simulated."
            if made
            else "Results hold for the cameras, bands and people of this data set."
        ),
        "dataBiases": f"{card.subjects} subjects; images by band: {bands}. The rows have no age, "
        "sex or skin type, so differences between such groups were not measured.",
        "personalSensitiveInformation": (
            f"{real} images show real people: they are biometric data, and law and the licence say "
            "who may process them."
            if real
            else "Programs made all images; a face that one made can still resemble someone."
        ),
    }


def _annotation(card: DataCard) -> str:
    """Part what came with the images from what networks made of them."""
    came = ", ".join(f"{what} ({count})" for what, count in card.annotated)
    words = ["Subjects, bands and splits are those of the data set."]
    if came:
        drawn = card.simulated == card.images
        words += [
            f"With the {card.images} images came {came}.",
            "The programs that made the images wrote them."
            if drawn
            else "Who made them is not known here: crossband took them as they were.",
        ]
    else:
        words += ["No boxes, landmarks, head poses or label maps came with the images."]
    words += [
        f"The {_OWN[stage]} in {own} of {rows} rows of `{stage}` came with the images: no network "
        "placed them."
        for stage, (own, rows) in card.own.items()
        if own
    ]
    words += [
        f"All {'other ' if came else ''}boxes, landmarks, head poses, 3D shapes and label maps are "
        "the output of networks, or computed from it; nobody corrected them. The report lists the "
        "networks' files with their sha256."
    ]
    return " ".join(words)


def croissant_card(card: DataCard, rejected: Mapping[str, int]) -> dict[str, Any]:
    """Return a card as Croissant's JSON-LD, without files.

    Those are described where they leave: `crossband export --format croissant`.
    """
    return {
        "@context": {
            "@language": "en",
            "@vocab": "https://schema.org/",
            "sc": "https://schema.org/",
            "cr": "http://mlcommons.org/croissant/",
            "rai": VOCABULARY,
            "dct": "http://purl.org/dc/terms/",
            "conformsTo": "dct:conformsTo",
        },
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS),
        "name": card.name,
        "description": f"{card.images} images of {card.subjects} subjects; "
        f"{card.simulated_percent} % are simulated.",
        "license": [name for name, _ in card.licences],
        **{f"rai:{name}": text for name, text in answers(card, rejected).items()},
    }
