"""From params and rows of ``attributes`` to a pretrained backbone."""

from pathlib import Path

from pipeline.params.pretrain_nir_vis import PretrainNirVisParams
from pipeline.store.shards import ShardFolder
from pipeline.training.aligned import subjects_of, trained_network
from pipeline.training.data.sample_set import Part, SampleSet, of_split
from pipeline.training.engine.loop import Run, train
from pipeline.training.engine.trained import save_trained
from pipeline.training.methods.pretrain import Pretraining
from pipeline.types import Split


def open_pretraining_samples(params: PretrainNirVisParams, attributes: ShardFolder) -> SampleSet:
    """Open the train split in a pretraining's band; without steps, all, for their size alone."""
    train_split = of_split(Split.TRAIN, params.band)
    parts = [Part(attributes, train_split if params.steps else lambda _: True)]
    return Pretraining.open(parts, params, unknown_subjects=not params.steps)


def pretrain_backbone(
    label: str,
    method: Pretraining,
    samples: SampleSet,
    *,
    key: str,
    path: Path,
) -> Run:
    """Train a backbone and write it; without steps it is written as it is.

    Args:
        label: in progress and messages.
        method: with the network that it starts from.
        samples: to train on; without steps, of which size and template it takes.
        key: what the training depends on.
        path: of the network; the checkpoint lies beside it.

    Raises:
        StageError: a loss was not finite.
    """
    params = method.params
    run, subjects = Run([], 0.0, 0.0), set[str]()
    if params.steps:
        method.train_on(samples)
        run = train(method, label=label, key=key, checkpoint=path.with_name("checkpoint.pt"))
        subjects = subjects_of(params.dataset, samples)
    save_trained(trained_network(label, params.backbone, method, samples, subjects, key), path)
    return run
