"""Which fold's network of people tests each fold of protocols; torch is not needed to know."""

from collections.abc import Collection, Iterable

from pipeline.errors import StageError
from pipeline.params.body_training import PeopleParams
from pipeline.store.protocols import Protocol


def training_ids(protocols: Iterable[Protocol], fold: int) -> set[str]:
    """Return the samples that a fold of any of the protocols trains on."""
    tables = (protocol.fold(fold).train for protocol in protocols)
    return {sample for table in tables for sample in table["sample_id"].to_pylist()}


def folds_of(protocols: Collection[Protocol]) -> list[int]:
    """Return the folds of protocols that are trained on together.

    Raises:
        StageError: they have different ones.
    """
    found = {protocol.name: tuple(protocol.folds()) for protocol in protocols}
    if len(set(found.values())) > 1:
        raise StageError(
            f"protocols have different folds, {found}: expected the same; leave out the others"
        )
    return list(next(iter(found.values())))


def networks_of(protocols: Collection[Protocol], folds: Collection[int]) -> dict[int, int]:
    """Return the fold whose network tests each fold: the first that trains on the same samples."""
    first: dict[frozenset[str], int] = {}
    return {
        number: first.setdefault(frozenset(training_ids(protocols, number)), number)
        for number in folds
    }


def folds_tested(
    protocols: Collection[Protocol], trained: PeopleParams, dataset: str
) -> dict[int, int]:
    """Return the fold whose network tests each fold: its own where it was trained on these.

    Args:
        protocols: that are tested, all of an evaluation.
        trained: params of the training.
        dataset: the tested one.
    """
    folds = sorted({fold for each in protocols for fold in each.folds()})
    names = {each.name for each in protocols}
    if trained.dataset == dataset and names <= set(trained.protocols):
        return networks_of(protocols, folds)
    return dict.fromkeys(folds, 1)
