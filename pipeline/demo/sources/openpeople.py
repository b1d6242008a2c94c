"""From one sheet of OpenPeople to its images in all bands."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from pipeline.demo.bands.materials import WEIGHTS as MATERIAL_WEIGHTS
from pipeline.demo.bands.simulate import BandSimulator
from pipeline.demo.people.openpeople import (
    SourceImage,
    described,
    frames_of,
    list_images,
    read_image,
)
from pipeline.demo.sources.plan import FindWeight, Plan
from pipeline.ops.codec import encode_jpeg
from pipeline.params.sample import OpenPeopleParams
from pipeline.store import image_columns
from pipeline.store.mapping import BatchFunction
from pipeline.types import Band, Row

WEIGHTS = ("openpeople", *MATERIAL_WEIGHTS)
"""What it opens, by names of ``weights.yaml``."""


def plan(params: OpenPeopleParams, find: FindWeight) -> Plan:
    """Plan the photographs: a row is a sheet or a single image."""
    archive = find("openpeople")
    weights = {name: find(name) for name in MATERIAL_WEIGHTS}
    sources = list_images(archive, params.subjects)
    rows = [{"sample_id": source.key, "source": source} for source in sources]
    return Plan(rows, partial(make_images, params, archive, weights))


def make_images(
    params: OpenPeopleParams, archive: Path, weights: Mapping[str, Path]
) -> BatchFunction:
    """Load the networks and build the batch function: from one sheet to its images."""
    simulator = BandSimulator(weights, bands=params.bands, seed=params.seed)

    def images_of(row: Row) -> list[Row]:
        source: SourceImage = row["source"]
        frames = frames_of(source, read_image(archive, source.member), params.max_side_px)
        first = simulator.look(frames[0].image)
        appearance = simulator.appearance(first)
        made = []
        for frame in frames:
            image_id = f"{source.key}#{frame.name}"
            look = first if frame is frames[0] else None
            images = simulator.simulate(frame.image, source.subject_id, image_id, appearance, look)
            images |= {Band.VIS: frame.image} if Band.VIS in params.bands else {}
            for band, image in images.items():
                data = encode_jpeg(image, params.jpeg_quality)
                columns = image_columns(data, image.shape[:2], f"{frame.name}.{band}.jpg")
                made.append(described(source, frame, band) | {"seed": params.seed} | columns)
        return sorted(made, key=lambda row: str(row["sample_id"]))

    return lambda rows: [images_of(row) for row in rows]
