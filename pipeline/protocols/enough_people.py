"""Whether a data set has the people whom trainings and evaluations need, asked before all work.

What the later stages reject is not known yet, so everybody counts here who may be there in the
end: too few now are too few then.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

from pipeline.errors import StageError
from pipeline.params.body_training import PeopleParams, SubjectsParams
from pipeline.params.evaluate_bodies import EvaluateBodiesParams
from pipeline.params.evaluation import FaceEvaluationParams
from pipeline.params.pretrain_nir_vis import PretrainNirVisParams
from pipeline.params.train_dmfr import DmfrParams
from pipeline.params.train_nir_vis import NirVisParams
from pipeline.params.training import only_one
from pipeline.params.whole import Params
from pipeline.store import ShardFolder
from pipeline.store.protocol_faults import refuse_empty
from pipeline.store.protocols import Protocol, person_sample
from pipeline.store.scan import scan
from pipeline.training.data.labels import count_people
from pipeline.training.data.people import who_takes_part
from pipeline.training.face_folds import folds_tested
from pipeline.training.people_folds import folds_of, networks_of, training_ids
from pipeline.types import Band, Split

ProtocolOf = Callable[[str, Collection[int] | None], Protocol]
"""Reads a protocol by its name, with some of its folds or with all; raises StageError."""

_COLUMNS = ["sample_id", "subject_id", "session_id", "band", "split", "simulated", "truth_people"]


class _Shown(NamedTuple):
    """Somebody known in an image."""

    subject: str
    band: str
    session: str | None
    rendered: bool
    split: str | None


def refuse_too_few(
    dataset: str, params: Params, ingested: ShardFolder, protocol_of: ProtocolOf
) -> None:
    """Refuse entries of params that need people, or a protocol, which a data set has not.

    Args:
        dataset: its name.
        params: all of them.
        ingested: output of the stage ``ingest``.
        protocol_of: its protocols.

    Raises:
        StageError: a line for each such entry, with what its own stage would say.
    """
    needs = _Needs(ingested, protocol_of)
    checks: dict[str, Callable[..., None]] = {
        "pretrain_nir_vis": needs.pretraining,
        "train_nir_vis": needs.two_bands,
        "pretrain_bodies": needs.people_to_start,
        "train_bodies": needs.people,
        "train_dmfr": needs.one_band,
        "evaluate_nir_vis": partial(needs.tested_folds, trainings=params.train_nir_vis),
        "evaluate_dmfr": needs.gallery,
        "evaluate_bodies": needs.gallery,
    }
    faults = []
    for section, check in checks.items():
        for name, entry in getattr(params, section).items():
            if entry.dataset != dataset:
                continue
            try:
                check(entry)
            except StageError as error:
                faults.append(f"{section}.{name}: {error}")
    if faults:
        raise StageError(
            f"params.yaml asks for more than the data set {dataset!r} has:\n"
            + "\n".join(faults)
            + "\nDo what each line says, or take the entry out of params.yaml, with what names it"
        )


@dataclass(frozen=True)
class _Needs:
    """What entries need: each check raises the StageError that the entry's own stage would."""

    ingested: ShardFolder
    protocol_of: ProtocolOf

    def pretraining(self, params: PretrainNirVisParams) -> None:
        """Ask for two people of the train split, if they are to be told apart."""
        if params.steps and params.classify_weight:
            self._two_of_split(params.band)

    def one_band(self, params: DmfrParams) -> None:
        """Ask for two people of the train split."""
        self._two_of_split(params.band)

    def two_bands(self, params: NirVisParams) -> None:
        """Ask for as many people as a batch needs, in each fold."""
        protocol = self.protocol_of(params.protocol, params.folds)
        for number in protocol.folds():
            ids = protocol.fold(number).train["sample_id"].to_pylist()
            shown = [each for each in self._shown_in(ids) if each.band in params.bands]
            counts = count_people(
                [each.subject for each in shown],
                [each.band for each in shown],
                [each.session for each in shown],
                [each.rendered for each in shown],
                params.bands,
            )
            if told := params.too_few(*counts):
                raise StageError(f"protocol {protocol.name}, fold {number}: {told}")

    def people_to_start(self, params: PeopleParams) -> None:
        """Ask for as many people as a batch needs, in the first fold."""
        protocols = [self.protocol_of(name, None) for name in params.protocols]
        self._of_batch(params, training_ids(protocols, folds_of(protocols)[0]))

    def people(self, params: PeopleParams) -> None:
        """Ask for as many people as a batch needs, in each fold."""
        protocols = [self.protocol_of(name, None) for name in params.protocols]
        for number in sorted(set(networks_of(protocols, folds_of(protocols)).values())):
            self._of_batch(params, training_ids(protocols, number))

    def gallery(self, params: FaceEvaluationParams | EvaluateBodiesParams) -> None:
        """Ask for the protocols, with somebody enrolled and probes in each fold."""
        if isinstance(params, FaceEvaluationParams):
            protocols = [self.protocol_of(params.protocol, params.folds)]
        else:
            protocols = [self.protocol_of(name, None) for name in params.protocols]
        for protocol in protocols:
            for number in protocol.folds():
                fold = protocol.fold(number)
                refuse_empty(protocol.name, fold.enroll, fold.probe)

    def tested_folds(
        self, params: FaceEvaluationParams, trainings: Mapping[str, NirVisParams]
    ) -> None:
        """Ask for the protocol as ``gallery`` does, and for a network that tests each fold."""
        self.gallery(params)
        protocol = self.protocol_of(params.protocol, params.folds)
        folds_tested(protocol, params, trainings[params.training])

    def _of_batch(self, params: PeopleParams, ids: Collection[str]) -> None:
        """Ask for as many as a batch has: of all, for who else is rejected changes ``subjects``."""
        shown = [each for each in self._shown_in(ids) if each.band in params.bands]
        every = params.model_copy(update={"subjects": SubjectsParams(skip=0)})
        who_takes_part([each.subject for each in shown], [each.band for each in shown], every)

    def _two_of_split(self, band: Band) -> None:
        found = set()
        for _, shown in self._people():
            if shown.split == Split.TRAIN and shown.band == band:
                found.add(shown.subject)
                if len(found) == 2:
                    return
        raise StageError(only_one(len(found), band))

    def _shown_in(self, ids: Collection[str]) -> Iterator[_Shown]:
        for sample in ids:
            yield from self._images.get(sample, ())

    @cached_property
    def _images(self) -> dict[str, list[_Shown]]:
        """Who is shown, by every name that a protocol may give an image or somebody in it."""
        found: dict[str, list[_Shown]] = {}
        for names, shown in self._people():
            for name in names:
                found.setdefault(name, []).append(shown)
        return found

    def _people(self) -> Iterator[tuple[list[str], _Shown]]:
        """Yield everybody known in an image, and what a protocol may call that."""
        for row in scan(self.ingested, _COLUMNS):
            sample, people = row["sample_id"], row["truth_people"]
            for each in [row] if people is None else people:
                if subject := each["subject_id"]:
                    of = row["band"], row["session_id"], row["simulated"], each["split"]
                    names = [sample] if people is None else [sample, person_sample(sample, subject)]
                    yield names, _Shown(subject, *of)
