"""Schema of what the stage ``ingest`` puts out."""

from pipeline.schemas.sample import IMAGES

INGEST = IMAGES
