"""Which fold's network of faces tests each fold of a protocol; torch is not needed to know."""

from collections.abc import Callable, Collection, Mapping

from pipeline.errors import StageError
from pipeline.params.evaluation import FaceEvaluationParams
from pipeline.params.train_nir_vis import NirVisParams
from pipeline.store.protocols import Protocol


def folds_tested(
    protocol: Protocol, tested: FaceEvaluationParams, trained: NirVisParams
) -> dict[int, int]:
    """Return the fold whose network tests each fold: its own; on another protocol the first one's.

    Args:
        protocol: with the folds that are tested.
        tested: params of the evaluation.
        trained: of its training.

    Raises:
        StageError: a fold of the training's own protocol is not trained on.
    """
    folds = protocol.folds()
    if (trained.dataset, trained.protocol) != (tested.dataset, tested.protocol):
        return dict.fromkeys(folds, trained.folds[0] if trained.folds else 1)
    # What an earlier training left of other folds lies beside them, and is none of these params.
    if others := sorted(set(folds) - set(trained.folds or folds)):
        raise StageError(
            f"{tested.training} is trained only on the folds {list(trained.folds or ())} of "
            f"{tested.protocol}: expected no others to be tested, found {others}; set the same "
            "`folds` in the evaluation, or remove them from the training to train on all"
        )
    return {number: number for number in folds}


def check_tests(
    name: str,
    trained: NirVisParams,
    tests: Mapping[str, FaceEvaluationParams],
    protocol_of: Callable[[str, Collection[int] | None], Protocol],
) -> None:
    """Ask before a training whether it trains on all folds that it is tested on.

    Args:
        name: of the training.
        trained: its params.
        tests: params of all evaluations, by name.
        protocol_of: reads a protocol of the training's data set, with some folds or with all.

    Raises:
        StageError: names the evaluation that tests others.
    """
    own = name, trained.dataset, trained.protocol
    for key, tested in tests.items():
        if (tested.training, tested.dataset, tested.protocol) == own:
            try:
                folds_tested(protocol_of(tested.protocol, tested.folds), tested, trained)
            except StageError as error:
                raise StageError(f"evaluate_nir_vis.{key}: {error}") from error
