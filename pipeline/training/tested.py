"""Samples that protocols test, by the names that protocols call them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipeline.evaluation.recognition import Embeddings
from pipeline.store.protocols import Protocol
from pipeline.store.shards import ShardFolder
from pipeline.training.data.sample_set import SampleSet
from pipeline.types import Float32, Row

UNTRAINED, PRETRAINED, TRAINED = "untrained", "pretrained", "trained"
"""Rows of an evaluation: the network with seeded weights, what its training starts from, and the
trained network."""


@dataclass(frozen=True)
class TestedSamples:
    """Samples, and what protocols call each.

    Attributes:
        samples: what is embedded.
        names: (n,), of each.
    """

    samples: SampleSet
    names: tuple[str, ...]

    def named(self, vectors: Float32) -> Embeddings:
        """Name embeddings (n, d); of several of one name the first counts."""
        return dict(reversed(list(zip(self.names, vectors, strict=True))))

    def shown(self, wanted: Collection[str]) -> dict[str, Row]:
        """Return what is embedded of some samples, by name: of several of one name the first.

        Args:
            wanted: names; those that nothing is called by are left out.

        Returns:
            ``image`` uint8 (h, w, 3), RGB; ``band``, ``simulated``, ``sample_id``.
        """
        places: dict[str, int] = {}
        for place, name in enumerate(self.names):
            if name in wanted:
                places.setdefault(name, place)
        if not places:
            return {}
        at = np.array(list(places.values()), np.int64)
        chosen = self.samples.take(at)
        columns = {name: chosen.column(name) for name in ("band", "simulated", "sample_id")}
        images = self.samples.read(at)
        return {
            name: {key: values[n] for key, values in columns.items()} | {"image": images[n]}
            for n, name in enumerate(places)
        }


class TestedSets(NamedTuple):
    """What a protocol enrols and what it probes with, over all its folds."""

    gallery: TestedSamples
    probes: TestedSamples


def open_sets(
    gallery: ShardFolder,
    probes: ShardFolder,
    protocol: Protocol,
    opens: Callable[[ShardFolder, frozenset[str]], SampleSet],
) -> TestedSets:
    """Open what a protocol tests.

    Args:
        gallery: rows of the stage that is enrolled.
        probes: rows of the stage that probes, for example of ``masks``.
        protocol: with the folds that are tested.
        opens: opens all of a stage that is, or was made of, some samples by their ids.

    Raises:
        StageError: ``opens`` finds nothing.
    """
    found = []
    for folder, table in ((gallery, protocol.enroll), (probes, protocol.probe)):
        wanted = frozenset(table["sample_id"].to_pylist())
        samples = opens(folder, wanted)
        found.append(TestedSamples(samples, samples.made_of(wanted)))
    return TestedSets(*found)
