"""Params of the stage ``detect_bodies``."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import NEUTRAL, Device, Fraction, Precision, Section, Several, Sha256
from pipeline.types import Band


class NetworkFileParams(Section):
    """A network of the user's own."""

    path: Annotated[str, Field(pattern=r"(?i)\.(pt|onnx)$"), NEUTRAL]
    sha256: Sha256


class DetectBodiesParams(Section):
    """Detection of people."""

    backend: Literal["yolo11n_pose", "yolov10x", "file"]
    """An entry of ``weights.yaml``, or a network of the user's own."""
    file: NetworkFileParams | None = None
    score_threshold: Fraction
    nms_threshold: Fraction
    max_detections: Annotated[int, Field(ge=1, le=999)]
    image_px: Annotated[int, Field(ge=32, le=4096, multiple_of=32)]
    equalise_bands: Several[Band]
    batch_frames: Annotated[int, Field(ge=1, le=256), NEUTRAL]
    precision: Precision | Literal["float16"]
    device: Device

    @model_validator(mode="after")
    def _file_where_it_is_asked_for(self) -> Self:
        if (self.backend == "file") != (self.file is not None):
            raise ValueError(
                "file: {path: …, sha256: …} belongs to backend 'file', and to no other"
            )
        if self.precision == "float16" and self.device == "cpu":
            raise ValueError("precision float16 needs a GPU; a CPU has float32 and bfloat16")
        return self
