"""The modality measured on held-out subjects, by networks before and after trainings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch

from models.dmfr.filter import FilteredNetwork
from pipeline.evaluation import modality
from pipeline.evaluation.people import refuse_known
from pipeline.params.analyse_modality import AnalyseModalityParams
from pipeline.params.datasets import DatasetParams
from pipeline.params.train_dmfr import DmfrParams
from pipeline.training.aligned import check_alignment
from pipeline.training.data.domains import (
    CONDITIONS,
    POSES,
    REAL,
    Domains,
    domains_of,
    generators_of,
)
from pipeline.training.data.sample_set import SampleSet
from pipeline.training.dmfr import check_variant
from pipeline.training.embedders import embed_by_backbone, embed_samples
from pipeline.training.engine.trained import Trained, load_weights
from pipeline.training.methods.recogniser import Recogniser
from pipeline.training.train import build_method
from pipeline.types import Float32, Float64, Int64

BEFORE = "before"
"""Name of the network that trainings start from, beside theirs."""
UNTURNED = f"{POSES} by 0"
"""Name of what was drawn anew without a change: Δc = 0."""


@dataclass(frozen=True)
class HeldOut:
    """Faces of subjects who were not trained on, with what was made of each.

    Attributes:
        samples: all of them.
        domains: of these.
        generators: (n,), what made each, or ``real``.
        yaw_deg: float32 (n,), what was added to each one's yaw; NaN where nothing was turned, or
            nodded, too.
    """

    samples: SampleSet
    domains: Domains
    generators: tuple[str, ...]
    yaw_deg: Float32

    @classmethod
    def of(cls, samples: SampleSet, params: DmfrParams) -> "HeldOut":
        """Find the domains of samples."""
        made = tuple(generators_of(samples))
        yaw, pitch = (np.array(samples.column(name), np.float32) for name in CONDITIONS)
        alone = np.where(pitch == 0.0, yaw, np.float32(np.nan))  # a pitch is no Δc of a yaw
        return cls(samples, domains_of(samples, params.yaw_edges_deg), made, alone)

    @property
    def subjects(self) -> list[str]:
        """(n,)."""
        return [self.domains.subjects[label] for label in self.domains.labels.tolist()]

    def sets(self) -> dict[str, tuple[Int64, Int64]]:
        """Return places of real samples and of synthetic ones, to be told apart, by name.

        Of turned faces those with Δc = 0 count, against their sources, where there are some: else
        a probe would tell poses apart.
        """
        made = np.array(self.generators)
        real = np.flatnonzero(made == REAL)
        found = {name: (real, np.flatnonzero(made == name)) for name in sorted({*self.generators})}
        del found[REAL]
        if self.domains.pairs.shape[1]:
            found.pop(POSES)
            pairs = self.domains.pairs
            found = {UNTURNED: (pairs[0], pairs[1])} | found
        return found


@dataclass(frozen=True)
class ModalityTest:
    """Trainings on real and synthetic faces, and the held-out faces that they are measured on.

    Attributes:
        params: of the analysis.
        trainings: params by name of the training; all start from one network.
        methods: the trained methods, likewise.
        held: the faces.
        features: float32 (n, d) of these, by network: ``BEFORE``, then by training.
    """

    params: AnalyseModalityParams
    trainings: Mapping[str, DmfrParams]
    methods: Mapping[str, Recogniser]
    held: HeldOut
    features: Mapping[str, Float32]

    @classmethod
    def of(
        cls,
        params: AnalyseModalityParams,
        trainings: Mapping[str, DmfrParams],
        pretrained: Trained,
        trained: Callable[[str], Trained],
        samples: SampleSet,
        datasets: Mapping[str, DatasetParams],
    ) -> "ModalityTest":
        """Load what was trained, and embed the faces.

        Args:
            params: of the analysis.
            trainings: params by name of the training.
            pretrained: what all of them started from.
            trained: loads the network of a training.
            samples: held-out faces.
            datasets: all data sets of params.

        Raises:
            StageError: see ``load_method``.
        """
        methods = {
            name: load_method(each, pretrained, trained(name), samples, datasets)
            for name, each in trainings.items()
        }
        first = next(iter(trainings.values()))
        features = {BEFORE: embed_by_backbone(first, pretrained, samples)}
        features |= {name: embed_samples(each, samples) for name, each in methods.items()}
        return cls(params, trainings, methods, HeldOut.of(samples, first), features)

    def measured(self) -> dict[str, Any]:
        """Return the size of the modality by network, as ``compared``, and the paper's table 1."""
        tables: dict[str, Any] = {}
        for name, method in self.methods.items():
            tables = beside(tables, table_1(method, self.held, self.features[name]), name)
        return compared(self.params, self.held, self.features) | {"table_1": tables}

    def moved(self) -> dict[str, dict[float, Float64]]:
        """Return ``changes_by_yaw`` by network."""
        return {name: changes_by_yaw(self.held, each) for name, each in self.features.items()}


def beside(kept: Mapping[str, Any], found: Mapping[str, Any], training: str) -> dict[str, Any]:
    """Return both; what a former training has under the same name gets this one's beside it."""
    named = {key if key not in kept else f"{key}, {training}": found[key] for key in found}
    return {**kept, **named}


def load_method(
    params: DmfrParams,
    pretrained: Trained,
    trained: Trained,
    samples: SampleSet,
    datasets: Mapping[str, DatasetParams],
) -> Recogniser:
    """Build a trained method.

    Args:
        params: of its training.
        pretrained: what that started from.
        trained: its network.
        samples: held-out faces.
        datasets: all data sets of params.

    Raises:
        StageError: it is another variant, its samples are aligned otherwise, or it trained on some
            of their subjects.
    """
    check_variant(trained, params)
    check_alignment(samples, trained)
    held_out, subjects = f"the held-out faces of {params.dataset}", samples.subject_ids.tolist()
    refuse_known(trained, subjects, held_out, params.dataset, datasets)
    method = build_method(params, pretrained, with_weights=False)
    load_weights(method.network, trained)
    return method


def compared(
    params: AnalyseModalityParams, held: HeldOut, features: Mapping[str, Float32]
) -> dict[str, Any]:
    """Measure the modality in the features of several networks, the first one's before training.

    Returns:
        Measures by name and network, and the change of the probes' AUC, paired by subjects.
    """
    names = list(features)
    sizes, draws = {}, {}
    for name, each in features.items():
        sizes[name], draws[name] = size_of(params, held, each, features[names[0]])
    people = len(set(held.subjects))
    between = ("real_real", "real_synthetic", "synthetic_synthetic")
    changes = {
        name: modality.drawn_rate(draws[name]["all"] - draws[names[0]]["all"], people)
        for name in names[1:]
    }
    return {
        "faces": len(held.samples),
        "subjects": people,
        "probe_auc": {name: sizes[name]["probe_auc"].pop("all") for name in names},
        "probe_auc_change": changes,
        "by_generator": {name: sizes[name]["probe_auc"] for name in names},
        "inter_class": {name: {pair: sizes[name][pair] for pair in between} for name in names},
        **{
            measure: {name: sizes[name][measure] for name in names}
            for measure in ("intra_class", "kid", "cka", "dimensions_apart")
        },
    }


def size_of(
    params: AnalyseModalityParams, held: HeldOut, features: Float32, before: Float32
) -> tuple[dict[str, Any], dict[str, Float64]]:
    """Measure the modality in a network's features.

    Returns:
        The measures by name, and the draws of the probes' AUC, each generator's and all together's.
    """
    values, subjects = modality.unit(features), held.subjects
    synthetic = np.array([name != REAL for name in held.generators])
    probes, kids = {}, {}
    for name, (real, made) in held.sets().items():
        places = np.concatenate([real, made])
        positive = np.arange(len(places)) >= len(real)
        probes[name] = modality.probed(
            values[places],
            positive,
            [subjects[place] for place in places.tolist()],
            folds=params.probe_folds,
            seed=params.seed,
        )
        if min(len(real), len(made)) > 1:
            kids[name] = round(modality.kid(values[real], values[made]), 6)
    people = len(set(subjects))
    draws = {name: modality.auc_draws([each]) for name, each in probes.items()}
    draws["all"] = modality.auc_draws(list(probes.values()))
    similar = modality.Similarities(values, subjects, synthetic, seed=params.seed)
    measures: dict[str, Any] = {
        "probe_auc": {name: modality.drawn_rate(each, people) for name, each in draws.items()},
        **similar.interclass(),
        "intra_class": similar.set_of(0, 1)["intra_class"],
        "kid": kids,
        "cka": {"with_before": round(modality.cka(values, modality.unit(before)), 4)},
        "dimensions_apart": _dimensions_apart(held, values),
    }
    pairs = held.domains.pairs
    if pairs.shape[1] > 1:
        of_pairs = modality.cka(values[pairs[0]], values[pairs[1]])
        measures["cka"]["of_pairs"] = round(of_pairs, 4)
    return measures, draws


def table_1(method: Recogniser, held: HeldOut, features: Float32) -> dict[str, Any]:
    """Return the paper's table 1: one network over real, all, and filtered samples.

    Args:
        method: trained with a filter, on what its params' generators made: only such faces count.
        held: the samples.
        features: of its network.
    """
    network = method.network
    if not isinstance(network, FilteredNetwork):
        return {}
    known = {REAL, *cast(DmfrParams, method.params).generators}
    kept = np.flatnonzero([name in known for name in held.generators])
    features, subjects = features[kept], np.array(held.subjects)[kept].tolist()
    synthetic = np.array(held.generators)[kept] != REAL
    with torch.no_grad():
        # copied: a single row's product is rounded by where in memory it lies; torch's is aligned
        filtered = network.filter.cpu()(torch.tensor(features)).numpy()
    after = np.where(synthetic[:, None], filtered, features)
    plain, passed = (
        modality.Similarities(modality.unit(each), subjects, synthetic)
        for each in (features, after)
    )
    return {
        "real": plain.set_of(0),
        "real_and_synthetic": plain.set_of(0, 1),
        "real_and_filtered": passed.set_of(0, 1),
    }


def changes_by_yaw(held: HeldOut, features: Float32) -> dict[float, Float64]:
    """Return how far each dimension moves by added yaw, from each face to what was made of it."""
    values = modality.unit(features)
    sources = held.samples.sources(np.array([name == REAL for name in held.generators]))
    found = {}
    for yaw in sorted({float(each) for each in held.yaw_deg if np.isfinite(each) and each >= 0}):
        made = np.flatnonzero(held.yaw_deg == np.float32(yaw))
        found[yaw] = modality.effects(values, np.stack([sources[made], made]))
    return found


def _dimensions_apart(held: HeldOut, values: Float64) -> dict[str, float]:
    """Return the share of dimensions that are far apart, by added yaw."""
    moved = changes_by_yaw(held, values.astype(np.float32))
    return {
        f"{yaw:g}": round(float(np.mean(np.abs(each) > modality.LARGE)), 4)
        for yaw, each in moved.items()
    }
