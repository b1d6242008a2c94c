"""The whole of ``params.yaml``: one model per section; sections are named after stages.

Every model is strict, frozen and refuses keys it does not know. Ranges stand here once; the
comments in ``params.yaml`` repeat them for the reader.
"""

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Self, get_args

from pydantic import Field, model_validator

from pipeline.params.align import AlignParams, BuiltInTemplate
from pipeline.params.analyse_modality import AnalyseModalityParams
from pipeline.params.attributes import AttributesParams
from pipeline.params.base import Name, Section, names_in
from pipeline.params.crop_bodies import CropBodiesParams
from pipeline.params.crops import CropsParams
from pipeline.params.datasets import ChosenDataset, DatasetParams
from pipeline.params.degrade import DegradeParams
from pipeline.params.detect import DetectParams
from pipeline.params.detect_bodies import DetectBodiesParams
from pipeline.params.evaluate_bodies import EvaluateBodiesParams
from pipeline.params.evaluate_dmfr import EvaluateDmfrParams
from pipeline.params.evaluate_nir_vis import SYNTHESIS, EvaluateNirVisParams
from pipeline.params.export import ExportParams
from pipeline.params.ingest import IngestParams
from pipeline.params.label_bodies import LabelBodiesParams
from pipeline.params.masks import MasksParams
from pipeline.params.parse import ParseParams
from pipeline.params.parts import PartsParams
from pipeline.params.poses import PosesParams
from pipeline.params.pretrain_bodies import AnyPretrainPeopleParams
from pipeline.params.pretrain_nir_vis import PretrainNirVisParams
from pipeline.params.protocols import ProtocolParams
from pipeline.params.reconstruct import ReconstructParams
from pipeline.params.report import ReportParams
from pipeline.params.sample import SampleParams
from pipeline.params.train_bodies import AnyTrainPeopleParams
from pipeline.params.train_degrader import TrainDegraderParams
from pipeline.params.train_dmfr import AnyDmfrParams
from pipeline.params.train_nir_vis import AnyNirVisParams
from pipeline.params.training import TRAINED
from pipeline.params.weights import WeightsParams

EntryName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]


class Params(Section):
    """The whole of ``params.yaml``."""

    datasets: Annotated[dict[Name, DatasetParams], Field(min_length=1)]
    face_datasets: dict[Name, ChosenDataset]
    synthesis_datasets: dict[Name, ChosenDataset]
    body_datasets: dict[Name, ChosenDataset]
    weights: WeightsParams
    report: ReportParams
    sample: SampleParams
    ingest: IngestParams
    protocols: dict[Name, ProtocolParams]
    detect: DetectParams
    align: AlignParams
    crops: dict[Name, CropsParams]
    parse: ParseParams
    parts: PartsParams
    attributes: AttributesParams
    detect_bodies: DetectBodiesParams
    label_bodies: LabelBodiesParams
    crop_bodies: CropBodiesParams
    reconstruct: ReconstructParams
    masks: MasksParams
    poses: PosesParams
    train_degrader: TrainDegraderParams
    degrade: DegradeParams
    pretrain_nir_vis: dict[Name, PretrainNirVisParams]
    train_nir_vis: dict[Name, AnyNirVisParams]
    evaluate_nir_vis: dict[EntryName, EvaluateNirVisParams]
    pretrain_bodies: dict[Name, AnyPretrainPeopleParams]
    train_bodies: dict[Name, AnyTrainPeopleParams]
    evaluate_bodies: dict[Name, EvaluateBodiesParams]
    train_dmfr: dict[Name, AnyDmfrParams]
    evaluate_dmfr: dict[EntryName, EvaluateDmfrParams]
    analyse_modality: dict[Name, AnalyseModalityParams]
    exports: dict[Name, ExportParams]

    @model_validator(mode="after")
    def _chosen_known(self) -> Self:
        for family in ("face_datasets", "body_datasets", "protocols"):
            if unknown := sorted(getattr(self, family).keys() - self.datasets.keys()):
                raise ValueError(f"{family}: {unknown} are not in datasets {list(self.datasets)}")
        if unknown := sorted(self.synthesis_datasets.keys() - self.face_datasets.keys()):
            known = list(self.face_datasets)
            raise ValueError(f"synthesis_datasets: {unknown} are not in face_datasets {known}")
        return self

    @model_validator(mode="after")
    def _aligned_known(self) -> Self:
        known = names_in("pipeline.ops.templates:FIVE_POINT_TEMPLATES")
        for name, dataset in self.datasets.items():
            if dataset.aligned not in (None, *known, *self.align.templates):
                raise ValueError(
                    f"datasets.{name}.aligned: expected one of {', '.join(map(repr, known))} or a "
                    f"template of align.templates, found {dataset.aligned!r}"
                )
        return self

    @model_validator(mode="after")
    def _recognition_known(self) -> Self:
        """Hold what a training and an evaluation name against the sections that define it."""
        if TRAINED in self.datasets:
            raise ValueError(f"datasets: {TRAINED!r} is where trained networks are kept; rename it")
        for name, dataset in self.datasets.items():
            if Path("data", name).resolve().is_relative_to(Path(dataset.root).resolve()):
                raise ValueError(
                    f"datasets.{name}.root: {dataset.root} is, or holds, the folder data/{name}, "
                    "where the stages write; put the images elsewhere, or rename the data set"
                )
        named: list[tuple[str, str, Mapping[str, object]]] = []
        for name, pretraining in self.pretrain_nir_vis.items():
            named.append((f"pretrain_nir_vis.{name}.dataset", pretraining.dataset, self.datasets))
        for family, trained_on in (("nir_vis", self.protocols), ("dmfr", self.face_datasets)):
            named += self._named_by_recognition(family, trained_on)
        for name, crops in self.crops.items():
            named.append((f"crops.{name}.dataset", crops.dataset, self.face_datasets))
            templates = dict.fromkeys((*get_args(BuiltInTemplate), *self.align.templates))
            named.append((f"crops.{name}.template", crops.template, templates))
        named += self._named_by_bodies()
        named += self._named_by_analyses()
        for key, value, known in named:
            if value not in known:
                raise ValueError(f"{key}: {value!r} is none of {list(known)}")
        return self

    @model_validator(mode="after")
    def _tested_where_trained(self) -> Self:
        for family in ("nir_vis", "dmfr", "bodies"):
            trainings = getattr(self, f"train_{family}")
            for name, entry in getattr(self, f"evaluate_{family}").items():
                for training in entry.trainings:
                    trained = trainings[training].dataset
                    if trained != entry.dataset and not entry.cross_dataset:
                        raise ValueError(
                            f"evaluate_{family}.{name}: tests on {entry.dataset!r}, but "
                            f"{training!r} was trained on {trained!r}: name that data set, or set "
                            "cross_dataset: true"
                        )
        return self

    def _named_by_recognition(
        self, family: str, trained_on: Mapping[str, object]
    ) -> Iterator[tuple[str, str, Mapping[str, object]]]:
        """Yield what a family's trainings and evaluations name, as ``_named_by_bodies`` does."""
        trainings = getattr(self, f"train_{family}")
        for name, training in trainings.items():
            key = f"train_{family}.{name}"
            yield f"{key}.dataset", training.dataset, trained_on
            yield f"{key}.pretrained", training.pretrained, self.pretrain_nir_vis
        for name, entry in getattr(self, f"evaluate_{family}").items():
            key = f"evaluate_{family}.{name}"
            yield f"{key}.training", entry.training, trainings
            yield f"{key}.dataset", entry.dataset, self.protocols

    @model_validator(mode="after")
    def _synthesis_there(self) -> Self:
        """Hold what reads masked, turned or degraded faces against the data sets that have any."""
        read = {
            f"train_nir_vis.{name}.second_rows": training.dataset
            for name, training in self.train_nir_vis.items()
            if training.second_rows == "masks"
        }
        for name, entry in self.evaluate_nir_vis.items():
            if entry.rows in SYNTHESIS:
                read[f"evaluate_nir_vis.{name}.rows"] = entry.dataset
        for name, trained in self.train_dmfr.items():
            read[f"train_dmfr.{name}.dataset"] = trained.dataset
        for name, tested in self.evaluate_dmfr.items():
            if tested.generator is not None:
                read[f"evaluate_dmfr.{name}.rows"] = tested.dataset
        for key, dataset in read.items():
            if dataset not in self.synthesis_datasets:
                raise ValueError(
                    f"{key} reads synthetic faces of {dataset!r}: add it to "
                    f"synthesis_datasets, which has {list(self.synthesis_datasets)}"
                )
        return self

    @model_validator(mode="after")
    def _degrader_trained(self) -> Self:
        for name, entry in self.evaluate_dmfr.items():
            made = self.train_degrader.steps and self.degrade.per_face.cyclegan
            if entry.probes == "cyclegan" and not made:
                raise ValueError(
                    f"evaluate_dmfr.{name}.probes: no network is trained that makes 'cyclegan': "
                    "set train_degrader.steps above 0 and degrade.per_face.cyclegan to 1"
                )
        return self

    @model_validator(mode="after")
    def _exports_apart(self) -> Self:
        """Refuse two exports to one place: the second would replace the first without a word."""
        first: dict[str, str] = {}
        for name, export in self.exports.items():
            kind, mark, rest = export.to.rpartition("://")
            place = f"{kind}{mark}{posixpath.normpath(rest)}"
            if (other := first.setdefault(place, name)) != name:
                raise ValueError(
                    f"exports.{name}.to: {export.to!r} is where exports.{other} goes: name another "
                    "folder"
                )
        return self

    def _named_by_bodies(self) -> Iterator[tuple[str, str, Mapping[str, object]]]:
        """Yield what trainings on people name: the key, the name, and where it has to stand."""
        for family in ("pretrain_bodies", "train_bodies", "evaluate_bodies"):
            for name, entry in getattr(self, family).items():
                yield f"{family}.{name}.dataset", entry.dataset, self.protocols
        starts: dict[str, dict[str, object]] = {}
        for name, pretraining in self.pretrain_bodies.items():
            starts.setdefault(pretraining.kind, {})[name] = pretraining
        trainings: dict[str, dict[str, object]] = {}
        for name, training in self.train_bodies.items():
            key = f"train_bodies.{name}.pretrained"
            yield key, training.pretrained, starts.get(training.kind, {})
            trainings.setdefault(training.kind, {})[name] = training
        for name, tested in self.evaluate_bodies.items():
            key = f"evaluate_bodies.{name}"
            bodies = trainings.get("semantic_vit", {}) | trainings.get("deen", {})
            yield f"{key}.training", tested.training, bodies
            if tested.face is not None:
                yield f"{key}.face", tested.face, trainings.get("adaface", {})

    @model_validator(mode="after")
    def _trainings_alike(self) -> Self:
        for dataset, analysis in self.analyse_modality.items():
            found = [self.train_dmfr[name] for name in analysis.trainings]
            kinds = {(each.dataset, each.pretrained, each.crop, each.band) for each in found}
            if len(kinds) > 1 or found[0].dataset != dataset:
                raise ValueError(
                    f"analyse_modality.{dataset}.trainings: {list(analysis.trainings)} differ in "
                    "dataset, pretrained, crop or band: expected trainings that can be compared"
                )
        return self

    def _named_by_analyses(self) -> Iterator[tuple[str, str, Mapping[str, object]]]:
        for name, analysis in self.analyse_modality.items():
            key = f"analyse_modality.{name}"
            yield key, name, self.face_datasets
            for each in analysis.trainings:
                yield f"{key}.trainings", each, self.train_dmfr
