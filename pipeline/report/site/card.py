"""The data card: who and what a data set holds, what came with it, under which licence."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ruamel.yaml import YAML

from pipeline.licences import HUB_LICENCES
from pipeline.report.query import Tables
from pipeline.store import ShardFolder
from pipeline.types import Band, Split

Counts = list[tuple[str, int]]

NO_PROGRAM = "no program"
"""The generator of images that no program made."""

_ANNOTATED = {
    "boxes of faces": "truth_box_xyxy IS NOT NULL OR "
    "len(list_filter(truth_people, lambda one: one.face_xyxy IS NOT NULL)) > 0",
    "five landmarks": "truth_landmarks_xy IS NOT NULL",
    "boxes of bodies": "truth_body_xyxy IS NOT NULL OR "
    "len(list_filter(truth_people, lambda one: one.body_xyxy IS NOT NULL)) > 0",
    "head poses": "truth_pose_deg IS NOT NULL",
    "label maps": "truth_labels.path IS NOT NULL",
}
"""What may come with an image, in SQL. Of a label map the name is read, not the image."""

_OWN = {
    "align": "detected_xy = truth_landmarks_xy",
    "reconstruct": "reconstruction = 'truth'",
}
"""Stages that may take what came with the images for a network's output: SQL for such a row."""


@dataclass(frozen=True)
class DataCard:
    """What is counted of a data set.

    Attributes:
        name: of the data set.
        images: how many ``ingest`` took in.
        subjects: how many are known, those of frames included.
        simulated: images that a program made.
        splits: names of the splits there are; ``none`` where a row has no split.
        bands: images by band and split.
        people: subjects by split.
        licences: images by licence.
        generators: images by the program that made them.
        annotated: images by what came with them of places in them, as boxes of faces.
        own: by stage, rows that hold what came with the images in place of a network's output, and
            all rows.
    """

    name: str
    images: int
    subjects: int
    simulated: int
    splits: tuple[str, ...]
    bands: list[tuple[str, dict[str, int]]]
    people: dict[str, int]
    licences: Counts
    generators: Counts
    annotated: Counts = field(default_factory=list)
    own: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def simulated_percent(self) -> str:
        """Share of simulated images in percent, one decimal."""
        return f"{100 * self.simulated / self.images:.1f}" if self.images else "0.0"


def data_card(name: str, folder: ShardFolder) -> DataCard:
    """Count a data set.

    Args:
        name: of it.
        folder: output of ``ingest``.
    """
    tables = Tables.of(
        folder,
        "coalesce(subject_id, '') AS subject, band, coalesce(split, 'none') AS split, simulated, "
        "coalesce(licence, 'unknown') AS licence, "
        "coalesce(generator, CASE WHEN simulated THEN 'a program without a name' "
        f"ELSE '{NO_PROGRAM}' END) AS generator, "
        "list_transform(truth_people, lambda one: "
        "{'subject': one.subject_id, 'split': one.split}) AS people, "
        + ", ".join(f'coalesce({sql}, false) AS "{what}"' for what, sql in _ANNOTATED.items()),
    )
    bands: dict[str, dict[str, int]] = {}
    for band, split, count in tables.ask(
        "SELECT band, split, count(*) FROM rows GROUP BY ALL ORDER BY ALL"
    ):
        bands.setdefault(band, {})[split] = count
    tables.view(
        "known",
        """SELECT subject, split FROM rows WHERE subject <> ''
        UNION SELECT one.subject, coalesce(one.split, split)
            FROM (SELECT unnest(people) AS one, split FROM rows) WHERE one.subject IS NOT NULL""",
    )
    people = dict.fromkeys(tables.counts("split"), 0) | dict(
        tables.ask("SELECT split, count(DISTINCT subject) FROM known GROUP BY split ORDER BY split")
    )
    return DataCard(
        name,
        tables.count(),
        tables.ask("SELECT count(DISTINCT subject) FROM known")[0][0],
        tables.count("simulated"),
        tuple(sorted(people, key=_place_of_split)),
        in_order_of_bands(bands),
        people,
        list(tables.counts("licence").items()),
        list(tables.counts("generator").items()),
        [(what, count) for what in _ANNOTATED if (count := tables.count(f'"{what}"'))],
    )


def own_rows(stage: str, folder: ShardFolder) -> tuple[int, int] | None:
    """Count the rows that hold what came with the images, and all; None where no row may.

    Args:
        stage: name of a stage.
        folder: its output.
    """
    if stage not in _OWN:
        return None
    tables = Tables.of(folder, f"coalesce({_OWN[stage]}, false) AS own")
    return tables.count("own"), tables.count()


def in_order_of_bands(
    found: Mapping[str, dict[str, int]],
) -> list[tuple[str, dict[str, int]]]:
    """Return what was counted by band in the order of ``Band``, as in every other table."""
    order = [str(band) for band in Band]
    return sorted(found.items(), key=lambda item: order.index(item[0]))


def _place_of_split(split: str) -> tuple[int, str]:
    order = [str(each) for each in (Split.TRAIN, Split.VALIDATION, Split.TEST)]
    return (order.index(split) if split in order else len(order), split)


def _cell(words: str) -> str:
    """Return words of a data set's owner as one cell of a Markdown table."""
    return " ".join(words.split()).replace("|", "\\|")


def hub_card(card: DataCard, answers: Iterable[tuple[str, str]]) -> str:
    """Write a card as the README.md of a data set on the Hugging Face Hub.

    The licence is the Hub's word for the images'; ``other`` for several, and for any that it has
    no word for.

    Args:
        card: what was counted.
        answers: titles and texts that follow the counts.
    """
    names = [name for name, _ in card.licences]
    word = HUB_LICENCES.get(names[0], "other") if len(names) == 1 else "other"
    synthetic = ["synthetic"] if card.simulated else []
    block = {
        "pretty_name": card.name,
        "license": word,
        "task_categories": ["image-feature-extraction"],
        "tags": ["biometrics", "face-recognition", "cross-spectral", *synthetic],
    }
    text = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump(block, text)
    lines = [
        f"# {card.name}",
        "",
        f"{card.images} images of {card.subjects} subjects. **{card.simulated_percent} % are "
        "simulated**: a program made them.",
        "",
        f"| band | {' | '.join(card.splits)} |",
        "|---" * (len(card.splits) + 1) + "|",
        *(
            f"| {band} | {' | '.join(str(found.get(split, 0)) for split in card.splits)} |"
            for band, found in card.bands
        ),
        f"| subjects | {' | '.join(str(card.people.get(split, 0)) for split in card.splits)} |",
        "",
    ]
    for title, counts in (("licence", card.licences), ("made by", card.generators)):
        lines += [f"| {title} | images |", "|---|---|"]
        lines += [f"| {_cell(name)} | {count} |" for name, count in counts]
        lines.append("")
    for title, words in answers:
        lines += [f"## {title}", "", words, ""]
    return f"---\n{text.getvalue()}---\n\n" + "\n".join(lines)
