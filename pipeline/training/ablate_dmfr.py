"""What a row of DMFR's ablations is measured by: protocols, and the size of the modality."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.params.analyse_modality import AnalyseModalityParams
from pipeline.params.datasets import DatasetParams
from pipeline.params.train_dmfr import DmfrParams
from pipeline.store.protocols import Protocol
from pipeline.store.shards import ShardFolder
from pipeline.training import dmfr, modality
from pipeline.training.ablation import FoldResult, recognised
from pipeline.training.embedders import embed_by_backbone, embed_samples
from pipeline.training.engine.trained import Trained
from pipeline.training.tested import TestedSets
from pipeline.types import Float32


@dataclass(frozen=True)
class Bench:
    """All that a network is tested on, opened once.

    Attributes:
        tested: protocols and their samples by name.
        analysis: how the modality is measured.
        held: held-out faces with what was made of them.
        before: the start's features of these.
        pretrained: the start.
        datasets: all data sets of params, which say whom a network knows under another name.
    """

    tested: Mapping[str, tuple[Protocol, TestedSets]]
    analysis: AnalyseModalityParams
    held: modality.HeldOut
    before: Float32
    pretrained: Trained
    datasets: Mapping[str, DatasetParams]

    @classmethod
    def of(
        cls,
        tested: Mapping[str, tuple[Protocol, str]],
        analysis: AnalyseModalityParams,
        folders: Mapping[str, ShardFolder],
        pretrained: Trained,
        params: DmfrParams,
        datasets: Mapping[str, DatasetParams],
    ) -> "Bench":
        """Open it.

        Args:
            tested: protocol and probes (``real`` or a generator) by name.
            analysis: how the modality is measured.
            folders: ``attributes``, ``degrade`` and ``poses``.
            pretrained: the start of all rows.
            params: of one of them: all read alike.
            datasets: all data sets of params.
        """
        samples = dmfr.open_held_out(params, folders, analysis.faces, analysis.seed)
        sets = {}
        for name, (protocol, probes) in tested.items():
            made = None if probes == "real" else folders[dmfr.QUALITY_STAGE]
            real = folders[dmfr.REAL_STAGE]
            sets[name] = protocol, dmfr.open_tested(real, made, protocol, params, probes)
        return cls(
            sets,
            analysis,
            modality.HeldOut.of(samples, params),
            embed_by_backbone(params, pretrained, samples),
            pretrained,
            datasets,
        )

    def tests(self, params: DmfrParams, trained: Trained) -> dict[str, FoldResult]:
        """Return what a network makes of each protocol; those of a study have one fold.

        Raises:
            StageError: people who are tested were trained on.
        """
        return {
            name: recognised(
                params, self.pretrained, trained, protocol.fold(1), sets, self.datasets
            )
            for name, (protocol, sets) in self.tested.items()
        }

    def modality(self, params: DmfrParams, trained: Trained) -> dict[str, Any]:
        """Return the size of the modality in a network's features, before and after.

        Raises:
            StageError: people who are tested were trained on.
        """
        method = modality.load_method(
            params, self.pretrained, trained, self.held.samples, self.datasets
        )
        features = embed_samples(method, self.held.samples)
        size = modality.compared(
            self.analysis, self.held, {"before": self.before, "after": features}
        )
        return {
            "before": size["probe_auc"]["before"],
            "after": size["probe_auc"]["after"],
            "change": size["probe_auc_change"]["after"],
            "inter_class_before": size["inter_class"]["before"],
            "inter_class": size["inter_class"]["after"],
            "intra_class": size["intra_class"]["after"],
            "table_1": modality.table_1(method, self.held, features),
        }
