"""``params.yaml`` as typed, frozen values, checked whole before any work starts."""

from pipeline.params.ablations import AblationParams, RowParams
from pipeline.params.attributes import AttributesParams
from pipeline.params.bodies import (
    CropBodiesParams,
    DetectBodiesParams,
    LabelBodiesParams,
    NetworkFileParams,
)
from pipeline.params.exports import ExportParams
from pipeline.params.load import (
    check_params,
    lay_profile_over,
    load_params,
    load_section,
    merge_params,
    read_yaml,
    section_values,
)
from pipeline.params.media import IjbMdfColumns, IjbMdfParams, ScenesParams
from pipeline.params.methods import (
    CheckpointParams,
    EvaluateParams,
    HsstParams,
    InvariantParams,
    MethodParams,
    PairParams,
    PlainParams,
    PramParams,
    PretrainParams,
    RelationParams,
    TrainingParams,
)
from pipeline.params.poses import PosesParams
from pipeline.params.procedural import ProceduralParams
from pipeline.params.protocols import BetweenParams, ProtocolParams
from pipeline.params.quality import DegradeParams, PhotometricParams, TrainDegraderParams
from pipeline.params.sections import (
    TRAINED,
    AlignParams,
    DatasetParams,
    DetectParams,
    IngestParams,
    OpenPeopleParams,
    Params,
    ParseParams,
    PartsParams,
    WeightsParams,
)
from pipeline.params.synthesis3d import MasksParams, ReconstructParams, TemplateFiles

__all__ = [
    "AblationParams",
    "RowParams",
    "TRAINED",
    "AlignParams",
    "CheckpointParams",
    "EvaluateParams",
    "HsstParams",
    "InvariantParams",
    "MethodParams",
    "PairParams",
    "PlainParams",
    "PramParams",
    "RelationParams",
    "PretrainParams",
    "TrainingParams",
    "BetweenParams",
    "AttributesParams",
    "CropBodiesParams",
    "DatasetParams",
    "DetectBodiesParams",
    "DegradeParams",
    "DetectParams",
    "IjbMdfColumns",
    "IjbMdfParams",
    "ExportParams",
    "IngestParams",
    "LabelBodiesParams",
    "NetworkFileParams",
    "OpenPeopleParams",
    "MasksParams",
    "Params",
    "ParseParams",
    "PartsParams",
    "ScenesParams",
    "ReconstructParams",
    "TemplateFiles",
    "ProtocolParams",
    "PhotometricParams",
    "PosesParams",
    "TrainDegraderParams",
    "ProceduralParams",
    "WeightsParams",
    "check_params",
    "load_params",
    "load_section",
    "lay_profile_over",
    "merge_params",
    "read_yaml",
    "section_values",
]
