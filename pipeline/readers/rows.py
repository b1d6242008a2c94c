"""What the stage ``ingest`` makes of a listed row: its image, or the frames of its segment."""

from importlib import import_module

import numpy as np

from pipeline.ops.codec import Decoded, decode_foreign, encode_png
from pipeline.ops.containers import UndecodableError
from pipeline.ops.heat import thermal_image
from pipeline.params.datasets import HeatParams
from pipeline.params.ingest import IngestParams
from pipeline.readers.listing import further_pages
from pipeline.store import image_columns
from pipeline.store.ids import file_stem
from pipeline.store.mapping import BatchFunction, Outcome
from pipeline.types import HEAT_BANDS, UNREADABLE, Rejected, Row

LOADED = frozenset({"content", "content_sha256"})
"""What an image's row brings besides the columns it is stored with."""

PLACES = ("truth_box_xyxy", "truth_landmarks_xy", "truth_body_xyxy")
"""What a listing may say of places in a file's image, in pixels of it."""

SEGMENTS: dict[str, str] = {"segment": "pipeline.readers.segments"}
"""What takes in a row with this column; the reader that makes such rows counts with it."""


def ingest_rows(params: IngestParams, heat: HeatParams | None) -> BatchFunction:
    """Build the batch function."""
    return lambda rows: [take_in(row, params, heat) for row in rows]


def take_in(row: Row, params: IngestParams, heat: HeatParams | None = None) -> Outcome:
    """Decode one image or segment, or say why there is none to decode.

    Args:
        row: of the listing, loaded.
        params: of the stage.
        heat: how the data set stores heat, where it says so.
    """
    if "unreadable" in row:
        return [Rejected(UNREADABLE, row["unreadable"])]
    if "refused" in row:
        return [Rejected(*row["refused"])]
    if "segment" not in row:
        return take_in_image(row, params, heat)
    segments = import_module(SEGMENTS["segment"])
    outcome: Outcome = segments.take_in_segment(
        row, max_pixels=_max_pixels(params), tone_percentiles=params.tone_percentiles
    )
    return outcome


def take_in_image(row: Row, params: IngestParams, heat: HeatParams | None) -> Outcome:
    """Decode one image; bytes that any reader decodes alike are kept as they are."""
    known = {name: value for name, value in row.items() if name not in LOADED}
    try:
        decoded = decode_foreign(
            row["content"],
            max_pixels=_max_pixels(params),
            tone_percentiles=params.tone_percentiles,
        )
        if heat and row["band"] in HEAT_BANDS:
            grey = thermal_image(
                row["content"],
                decoded.image,
                palette=heat.palette,
                unit=heat.unit,
                span_c=heat.span_c,
                tone_percentiles=params.tone_percentiles,
            )
            if grey is not decoded.image:
                known |= _in_pixels_of(grey.shape[:2], decoded.image.shape[:2], known)
                decoded = Decoded(grey, None, decoded.pages)
    except UndecodableError as error:
        return [Rejected(error.reason, str(error))]
    data = decoded.data or encode_png(decoded.image)
    extension = "jpg" if data.startswith(b"\xff\xd8") else "png"
    name = f"{file_stem(row['sample_id'])}.{extension}"
    made: list[Row | Rejected] = [known | image_columns(data, decoded.image.shape[:2], name)]
    return made + further_pages(decoded.pages, "pages")


def _max_pixels(params: IngestParams) -> int:
    return int(params.max_megapixels * 1e6)


def _in_pixels_of(hw: tuple[int, ...], stored_hw: tuple[int, ...], known: Row) -> Row:
    """Return the places that a listing names, in pixels of an image of another height and width.

    A radiometric file shows its JPEG, on which people draw boxes; the sensor has fewer pixels.
    """
    if hw == stored_hw:
        return {}
    scale = np.array([hw[1] / stored_hw[1], hw[0] / stored_hw[0]])
    moved = {}
    for name in PLACES:
        if known.get(name) is not None:
            xy = np.reshape(known[name], (-1, 2))
            places = (xy + 0.5) * scale - 0.5
            moved[name] = places.astype(np.float32).reshape(np.shape(known[name]))
    return moved
