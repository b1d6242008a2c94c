"""Schema of what the stage ``ingest`` puts out."""

from pipeline.schemas.sample import PICTURES

INGEST = PICTURES
