"""One model per section of ``params.yaml``; sections are named after stages.

Every model is strict, frozen and refuses keys it does not know. Ranges stand here once; the
comments in ``params.yaml`` repeat them for the reader.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from pipeline.params.attributes import AttributesParams
from pipeline.params.base import Fraction, Name, Point, Section, Seed
from pipeline.params.bodies import CropBodiesParams, DetectBodiesParams, LabelBodiesParams
from pipeline.params.exports import ExportParams
from pipeline.params.media import IjbMdfParams, ScenesParams
from pipeline.params.methods import AnyMethodParams, EvaluateParams, PretrainParams
from pipeline.params.poses import PosesParams
from pipeline.params.procedural import ProceduralParams
from pipeline.params.protocols import ProtocolParams
from pipeline.params.quality import DegradeParams, TrainDegraderParams
from pipeline.params.synthesis3d import MasksParams, ReconstructParams
from pipeline.types import Band, Split

TRAINED = "trained"
"""Folder in ``data`` of trained networks, and so the name of no data set."""


class DatasetParams(Section):
    """One data set: where it lies and how it is read."""

    reader: Literal[
        "folder",
        "shards",
        "ijb_mdf",
        "recordio",
        "casia_nir_vis2",
        "buaa_visnir",
        "oulu_casia_nirvis",
        "tufts",
        "lamp_hq",
        "ijba",
        "ijbc",
        "lfw",
        "cfp",
        "ytf",
        "megaface",
        "llcm",
        "sysu_mm01",
        "regdb",
    ]
    root: Annotated[str, Field(min_length=1)]
    band: Band = Band.VIS
    """Band of pictures whose listing names none."""
    split: Split | None = None
    """Split of pictures whose listing names none."""
    licence: str | None = None
    """Licence of pictures whose listing names none."""
    simulated: bool = False
    """Whether a program made the pictures."""
    shards: Annotated[int, Field(ge=1, le=4096)]
    ijb_mdf: IjbMdfParams | None = None
    """Of reader ``ijb_mdf`` alone; None means its defaults."""

    @model_validator(mode="after")
    def _of_its_reader(self) -> Self:
        if self.ijb_mdf and self.reader != "ijb_mdf":
            raise ValueError(f"ijb_mdf: reader {self.reader!r} takes no such params")
        return self


class ChosenDataset(Section):
    """A data set that a family of stages takes; it has no params of its own there."""


class WeightsParams(Section):
    """Which weight files may be used."""

    commercial_only: bool


class OpenPeopleParams(Section):
    """The sample's photographs and their simulated bands."""

    dataset: Name = "sample"
    """The data set that this source belongs to."""
    bands: Annotated[tuple[Band, ...], Field(min_length=1)]
    subjects: Annotated[int, Field(ge=1, le=9)]
    max_side_px: Annotated[int, Field(ge=128, le=2752)]
    jpeg_quality: Annotated[int, Field(ge=50, le=100)]
    seed: Seed

    @model_validator(mode="after")
    def _bands_once(self) -> Self:
        if len(set(self.bands)) != len(self.bands):
            raise ValueError("a band is named twice")
        return self


class SampleParams(Section):
    """The sources of the embedded sample data set, one stage each; ``{}`` makes none."""

    openpeople: OpenPeopleParams | None = None
    scenes: ScenesParams | None = None
    procedural: ProceduralParams | None = None


class IngestParams(Section):
    """What is taken in from a data set's folder."""

    max_megapixels: Annotated[float, Field(gt=0.0, le=1000.0)]
    tone_percentiles: tuple[
        Annotated[float, Field(ge=0.0, le=100.0)], Annotated[float, Field(ge=0.0, le=100.0)]
    ]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if self.tone_percentiles[0] >= self.tone_percentiles[1]:
            raise ValueError("tone_percentiles: the first has to be below the second")
        return self


class DetectParams(Section):
    """Face detection and five points."""

    backend: Literal["yunet", "retinaface", "fan", "truth"]
    points: Literal["mesh", "detector"]
    score_threshold: Fraction
    nms_threshold: Fraction
    max_side_px: Annotated[int, Field(ge=64, le=8192)]
    equalise_bands: tuple[Band, ...]

    @model_validator(mode="after")
    def _points_used(self) -> Self:
        if self.backend == "fan" and self.points == "mesh":
            raise ValueError("fan differs from yunet in its points: choose points: detector")
        return self


class TemplateParams(Section):
    """A user's own five-point template."""

    height_px: Annotated[int, Field(ge=16, le=4096)]
    width_px: Annotated[int, Field(ge=16, le=4096)]
    points_xy: tuple[Point, Point, Point, Point, Point]


BuiltInTemplate = Literal["arcface112", "arcface144", "lightcnn144", "dmfr137x169"]


class AlignParams(Section):
    """Choice of the face and its one warp into the template."""

    template: BuiltInTemplate | Name
    templates: dict[Name, TemplateParams]
    face: Literal["largest", "most_central", "highest_score", "only", "all"]
    interpolation: Literal["nearest", "linear", "area", "cubic", "lanczos"]
    border: Literal["constant", "replicate", "reflect"]
    min_interocular_px: Annotated[float, Field(ge=0.0, le=1000.0)]
    max_outside_fraction: Fraction
    loose_jpeg_quality: Annotated[int, Field(ge=50, le=100)]

    @model_validator(mode="after")
    def _template_known(self) -> Self:
        known = [*get_args(BuiltInTemplate), *self.templates]
        if self.template not in known:
            raise ValueError(f"template {self.template!r} is none of {known}")
        if taken := self.templates.keys() & set(get_args(BuiltInTemplate)):
            raise ValueError(f"templates {sorted(taken)} are built in; choose other names")
        return self


class ParseParams(Section):
    """Face parsing."""

    precision: Literal["auto", "float32", "bfloat16"]
    device: Literal["cpu", "cuda", "auto"]
    mesh_bands: tuple[Band, ...]
    eye_bias: Annotated[float, Field(ge=-10.0, le=10.0)]
    batch_rows: Annotated[int, Field(ge=1, le=256)]


class WindowParams(Section):
    """Side of the square crop window around each part, in pixels of the aligned crop."""

    eye: Annotated[int, Field(ge=8, le=512)]
    nose: Annotated[int, Field(ge=8, le=512)]
    mouth: Annotated[int, Field(ge=8, le=512)]


class PartsParams(Section):
    """Crops and masks of eyes, nose and mouth."""

    backend: Literal["parser", "mesh"]
    fallback: Literal["mesh", "none"]
    min_pixels: Annotated[int, Field(ge=1, le=10000)]
    max_mesh_distance: Annotated[float, Field(gt=0.0, le=100.0)]
    window_px: WindowParams
    crop_px: Annotated[int, Field(ge=16, le=512)]


class Params(Section):
    """The whole of ``params.yaml``."""

    datasets: Annotated[dict[Name, DatasetParams], Field(min_length=1)]
    face_datasets: dict[Name, ChosenDataset]
    body_datasets: dict[Name, ChosenDataset]
    weights: WeightsParams
    sample: SampleParams
    ingest: IngestParams
    protocols: dict[Name, ProtocolParams]
    detect: DetectParams
    align: AlignParams
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
    pretrain: dict[Name, PretrainParams]
    methods: dict[Name, AnyMethodParams]
    evaluate: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")], EvaluateParams]

    @model_validator(mode="after")
    def _chosen_known(self) -> Self:
        for family in ("face_datasets", "body_datasets", "protocols"):
            if unknown := sorted(getattr(self, family).keys() - self.datasets.keys()):
                raise ValueError(f"{family}: {unknown} are none of datasets {list(self.datasets)}")
        return self

    @model_validator(mode="after")
    def _recognition_known(self) -> Self:
        """Hold what a method and an evaluation name against the sections that define it."""
        if TRAINED in self.datasets:
            raise ValueError(f"datasets: {TRAINED!r} is where trained networks lie; rename it")
        named: list[tuple[str, str, Mapping[str, object]]] = []
        for name, start in self.pretrain.items():
            named.append((f"pretrain.{name}.dataset", start.dataset, self.datasets))
        for name, method in self.methods.items():
            named.append((f"methods.{name}.dataset", method.dataset, self.protocols))
            named.append((f"methods.{name}.start", method.start, self.pretrain))
        for name, entry in self.evaluate.items():
            named.append((f"evaluate.{name}.method", entry.method, self.methods))
            named.append((f"evaluate.{name}.dataset", entry.dataset, self.protocols))
        for key, value, known in named:
            if value not in known:
                raise ValueError(f"{key}: {value!r} is none of {list(known)}")
        return self

    exports: dict[Name, ExportParams]
