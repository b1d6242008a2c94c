"""Who was trained on and is tested, whatever a data set is called in params."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol as Shaped

from pipeline.errors import StageError
from pipeline.params.datasets import FREE, DatasetParams
from pipeline.store.protocols import Protocol

_MANY = (*FREE, "recordio", "bin_packs", "ijb_insightface")
"""Readers of several data sets: those of one are not those of another."""

_RELEASES = {"sf_tl54": "speaking_faces", "tfw": "speaking_faces"}
"""Readers of further releases of a data set, which count its people as it does."""


def trained_and_tested(
    trained: Iterable[str],
    tested: Iterable[str],
    dataset: str,
    datasets: Mapping[str, DatasetParams],
) -> list[str]:
    """Return the tested subjects whom a network was trained on, sorted.

    Two names are of the same people where they share a reader of an official data set, or a root:
    CASIA NIR-VIS 2.0 in two places is one data set, and a folder under two names, too; SF-TL54 and
    TFW have their named people from SpeakingFaces.

    Args:
        trained: ``<data set>/<subject>`` of everybody in training, as the network's file has them.
        tested: subject ids of the protocol.
        dataset: the tested data set's name.
        datasets: all data sets of params; one that is no longer there is only itself.
    """
    alike = {dataset} | {
        name
        for name, params in datasets.items()
        if dataset in datasets and _same_people(params, datasets[dataset])
    }
    known = {
        subject for name, _, subject in (each.partition("/") for each in trained) if name in alike
    }
    return sorted(known.intersection(tested))


class Network(Shaped):
    """A trained network, as far as it tells whom it knows."""

    @property
    def name(self) -> str:
        """What the training is called."""

    @property
    def subjects(self) -> Sequence[str]:
        """``<data set>/<subject>`` of all who were trained on."""


def refuse_trained(
    network: Network, fold: Protocol, dataset: str, datasets: Mapping[str, DatasetParams]
) -> None:
    """Refuse to test people of a protocol who were trained on, under whatever name of their data.

    Args:
        network: that is tested.
        fold: of the protocol.
        dataset: its data set's name.
        datasets: all data sets of params.

    Raises:
        StageError: some were.
    """
    tested = {s for t in (fold.enroll, fold.probe) for s in t["subject_id"].to_pylist()}
    refuse_known(network, tested - {None}, f"protocol {fold.name} of {dataset}", dataset, datasets)


def refuse_known(
    network: Network,
    tested: Iterable[str],
    of: str,
    dataset: str,
    datasets: Mapping[str, DatasetParams],
) -> None:
    """Refuse to test subjects who were trained on, under whatever name of their data set.

    Args:
        network: that is tested.
        tested: subject ids.
        of: where they are from, for the message.
        dataset: their data set's name.
        datasets: all data sets of params.

    Raises:
        StageError: some were.
    """
    if shared := trained_and_tested(network.subjects, tested, dataset, datasets):
        raise StageError(
            f"{network.name} was trained on {len(shared)} subjects of {of}, among them "
            f"{shared[0]} (the data set's name may differ): expected none; choose another "
            "protocol, fold or network, or run `ingest` and the stages after it again"
        )


def _same_people(one: DatasetParams, other: DatasetParams) -> bool:
    first, second = (_RELEASES.get(each.reader, each.reader) for each in (one, other))
    if first == second and first not in _MANY:
        return True
    return _folder(one) == _folder(other)


def _folder(params: DatasetParams) -> Path:
    """Return where images lie: reader ``folder`` takes the folder and a list in it, or the list."""
    root = Path(params.root).resolve()
    listed = params.reader == "folder" and not params.list and root.suffix.lower() == ".csv"
    return root.parent if listed and not root.is_dir() else root
