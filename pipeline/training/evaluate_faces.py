"""Measures a training on faces on a protocol, beside what it began as and networks as they are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.evaluation.people import refuse_trained
from pipeline.evaluation.rates import Recognition
from pipeline.evaluation.recognition import Embeddings, measure_rows
from pipeline.params.datasets import DatasetParams
from pipeline.params.training import RecogniserParams
from pipeline.store.protocols import Protocol
from pipeline.training.embed_faces import check_aligned, embed_starts, embed_trained
from pipeline.training.engine.trained import Trained
from pipeline.training.tested import TRAINED, TestedSets

Both = tuple[Embeddings, Embeddings]
"""Of the enrolled samples and of the probes."""


@dataclass(frozen=True)
class FaceTest:
    """A training on faces, and what it is tested on.

    Attributes:
        params: of the training.
        pretrained: what it started from.
        protocol: with the folds that are tested.
        sets: the protocol's samples.
        flip: whether embeddings are means of an image's and of its mirror image's.
    """

    params: RecogniserParams
    pretrained: Trained
    protocol: Protocol
    sets: TestedSets
    flip: bool

    def embedded(
        self,
        of_fold: Callable[[int], Trained],
        folds: Mapping[int, int],
        dataset: str,
        datasets: Mapping[str, DatasetParams],
    ) -> dict[int, Both]:
        """Return each fold's embeddings by the network that tests it.

        Args:
            of_fold: loads the network of a fold of the training.
            folds: the fold whose network tests each fold.
            dataset: the tested one.
            datasets: all data sets of params.

        Raises:
            StageError: a network is missing, was trained on people of a fold that it tests, or on
                faces that are aligned otherwise.
        """
        found: dict[int, Both] = {}
        for number in sorted(set(folds.values())):
            trained = of_fold(number)
            mine = [fold for fold, by in folds.items() if by == number]
            for fold in mine:
                refuse_trained(trained, self.protocol.fold(fold), dataset, datasets)
            check_aligned(trained, self.sets)
            both = embed_trained(self.params, self.pretrained, trained, self.sets, flip=self.flip)
            found |= dict.fromkeys(mine, both)
        return found

    def rows(
        self, trained: Mapping[int, Both], as_they_are: Mapping[str, Both]
    ) -> dict[str, Mapping[int, Both]]:
        """Return the embeddings of each row of the table, by fold.

        Args:
            trained: of ``embedded``.
            as_they_are: embeddings by networks that no fold changes, by row; they stand first.
        """
        starts = embed_starts(self.params, self.pretrained, self.sets, flip=self.flip)
        same = {**as_they_are, **starts}
        return {row: dict.fromkeys(trained, both) for row, both in same.items()} | {
            TRAINED: trained
        }

    def measured(
        self, rows: Mapping[str, Mapping[int, Both]]
    ) -> tuple[dict[str, list[Recognition]], dict[str, Any]]:
        """Measure the training beside what it began as and other networks.

        Args:
            rows: of ``rows``.

        Returns:
            As ``measure_rows``, and in the metrics whether a program made some of the images.
        """
        results, metrics = measure_rows(self.protocol, rows, TRAINED)
        return results, metrics | {"simulated": any(each.samples.simulated for each in self.sets)}
