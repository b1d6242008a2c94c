"""A data card's answers to the questions of responsible AI, from what was counted of the data set.

Reference:
    Croissant RAI vocabulary 1.0, https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html.
"""

from collections.abc import Mapping
from typing import Any

from pipeline.report.site.card import DataCard

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


def answers(card: DataCard, rejected: Mapping[str, int]) -> dict[str, str]:
    """Answer each of ``TITLES``.

    Args:
        card: what was counted.
        rejected: files that ``ingest`` left out, by reason.
    """
    made = card.simulated
    programs = ", ".join(f"{name} ({count})" for name, count in card.generators)
    bands = ", ".join(f"{band} {sum(found.values())}" for band, found in card.bands)
    lost = ", ".join(f"{reason} {count}" for reason, count in rejected.items()) or "none"
    real = card.images - made
    kinds = [
        f"{made} of {card.images} images were made by programs" if made else "",
        f"{real} were taken from the files of the data set's owner" if real else "",
    ]
    return {
        "dataCollection": f"{'; '.join(filter(None, kinds))}. Made by: {programs}.",
        "dataCollectionMissingData": f"Of the files that the data set lists, left out when it was "
        f"taken in: {lost}. The rejected rows of every stage stand in the report with their "
        "reason. Images beside a list, which it does not name, are not counted.",
        "dataAnnotationProtocol": "Subjects, bands and splits are those of the data set. Boxes, "
        "landmarks, label maps and poses are the output of networks, whose files the report lists "
        "with their sha256; nobody corrected them.",
        "dataPreprocessingProtocol": "Images were turned upright and made 8 bits. What the other "
        "stages did, their parameters and counts, stands in the report.",
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
