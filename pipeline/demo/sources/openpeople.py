"""From one sheet of OpenPeople to its pictures in all bands."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.demo.bands.simulate import BandSimulator
from pipeline.demo.people.openpeople import SourcePicture, described, frames_of, read_picture
from pipeline.ops.codec import encode_jpeg
from pipeline.params.sample import OpenPeopleParams
from pipeline.store import image_columns
from pipeline.store.mapping import BatchFunction
from pipeline.types import Band, Row


def make_pictures(
    params: OpenPeopleParams, archive: Path, weights: Mapping[str, Path]
) -> BatchFunction:
    """Load the networks and build the batch function: from one sheet to its pictures."""
    simulator = BandSimulator(weights, bands=params.bands, seed=params.seed)

    def pictures(row: Row) -> list[Row]:
        source: SourcePicture = row["source"]
        frames = frames_of(source, read_picture(archive, source.member), params.max_side_px)
        first = simulator.look(frames[0].image)
        appearance = simulator.appearance(first)
        made = []
        for frame in frames:
            picture_id = f"{source.key}#{frame.name}"
            look = first if frame is frames[0] else None
            images = simulator.simulate(
                frame.image, source.subject_id, picture_id, appearance, look
            )
            images |= {Band.VIS: frame.image} if Band.VIS in params.bands else {}
            for band, image in images.items():
                data = encode_jpeg(image, params.jpeg_quality)
                picture = image_columns(data, image.shape[:2], f"{frame.name}.{band}.jpg")
                made.append(described(source, frame, band) | {"seed": params.seed} | picture)
        return sorted(made, key=lambda picture: str(picture["sample_id"]))

    return lambda rows: [pictures(row) for row in rows]
