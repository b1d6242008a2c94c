"""From params and shard folders to what DMFR's methods train on and are tested on."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from pipeline.errors import StageError
from pipeline.params.train_dmfr import DmfrParams
from pipeline.rng import seed_for
from pipeline.store.protocols import Protocol
from pipeline.store.shards import ShardFolder
from pipeline.training.data.domains import REAL, domains_of, generators_of
from pipeline.training.data.sample_set import Part, SampleSet, of_samples
from pipeline.training.engine.trained import Trained
from pipeline.training.methods.dmfr import DmfrMethod, made_by, stages_of
from pipeline.training.tested import TestedSets, open_sets
from pipeline.training.train import class_of
from pipeline.types import Row, Split

REAL_STAGE, QUALITY_STAGE = "attributes", "degrade"


def stages_read(params: DmfrParams) -> list[str]:
    """Return the stages whose rows a training reads."""
    return [REAL_STAGE, *(stages_of(params) if params.ratio[1] else [])]


def open_training_samples(params: DmfrParams, folders: Mapping[str, ShardFolder]) -> SampleSet:
    """Open what a method trains on.

    Args:
        params: of the training.
        folders: outputs of ``stages_read``, by name.

    Raises:
        StageError: nothing is left, or a stage lacks what the method reads.
    """
    method = cast(type[DmfrMethod], class_of(params))
    return method.open(method.parts(params, folders), params)


def open_held_out(
    params: DmfrParams, folders: Mapping[str, ShardFolder], faces: int, seed: int
) -> SampleSet:
    """Open faces of subjects who are not trained on, with all that was made of each.

    Args:
        params: of a training, which say what is read.
        folders: ``attributes``, ``poses`` and ``degrade``.
        faces: real ones, at most; those of which something was made, drawn by a seed.
        seed: of the draw.

    Raises:
        StageError: of no such face anything was made.
    """
    method = cast(type[DmfrMethod], class_of(params))

    def held_out(row: Row) -> bool:
        return row["band"] == params.band and row["split"] in (Split.VALIDATION, Split.TEST)

    samples = method.open([Part(folder, held_out) for folder in folders.values()], params)
    real = np.array([name == REAL for name in generators_of(samples)])
    sources = samples.sources(real)
    ids = samples.sample_ids
    known = sorted(set(sources[~real].tolist()) - {-1}, key=lambda at: seed_for(seed, str(ids[at])))
    if not known:
        raise StageError(
            "no synthetic faces in the splits validation and test: expected rows of `poses` "
            "or `degrade` to measure the modality on; add test to poses.splits and degrade.splits"
        )
    chosen = np.zeros(len(samples), bool)
    chosen[known[:faces]] = True
    return samples.take(np.flatnonzero(chosen | (~real & (sources >= 0) & chosen[sources])))


def domain_metrics(params: DmfrParams, samples: SampleSet) -> dict[str, Any]:
    """Return the number of samples of each domain, and of pairs with Δc = 0."""
    domains = domains_of(samples, params.yaw_edges_deg)
    counts = Counter(domains.of.tolist())
    return {"domains": dict(sorted(counts.items())), "pairs": domains.pairs.shape[1]}


def open_tested(
    real: ShardFolder, made: ShardFolder | None, protocol: Protocol, params: DmfrParams, probes: str
) -> TestedSets:
    """Open the samples of a protocol.

    Args:
        real: rows of ``attributes``, which are enrolled.
        made: rows of ``degrade`` where what a generator made of probes is tested.
        protocol: with all its folds.
        params: of the method.
        probes: ``real``, or the generator's name.

    Raises:
        StageError: nothing is left.
    """

    def opens(folder: ShardFolder, ids: frozenset[str]) -> SampleSet:
        choice = of_samples(ids, params.band)
        if folder is made:
            choice = made_by((probes,), choice)
        return class_of(params).open([Part(folder, choice)], params, unknown_subjects=True)

    return open_sets(real, made or real, protocol, opens)


def check_variant(trained: Trained, params: DmfrParams) -> None:
    """Refuse the network of another variant: several have layers of the same names and sizes.

    Raises:
        StageError: it was trained by a method of another kind.
    """
    if (found := trained.params.get("kind")) != params.kind:
        raise StageError(
            f"{trained.name} was trained as {found!r}, params say {params.kind!r}: expected a "
            "checkpoint of the variant that is tested; train it again (`dvc repro`)"
        )
