"""Cameras of a re-identification layout: numbers from 1, for a camera or else for a band."""

from pipeline.errors import ExportError
from pipeline.exporters.selection import Selection

MOST = 6
"""Market-1501 has six cameras, and torchreid and fast-reid refuse a seventh."""


def numbered_cameras(selection: Selection) -> dict[tuple[str, str], int]:
    """Return the number of each camera, by ``(camera, band)``.

    Where no row names a camera, each band is one; else a camera's bands share its number.

    Raises:
        ExportError: there are more than six.
    """
    found = selection.ask("coalesce(camera_id, ''), band", group="camera_id, band")
    named = any(camera for camera, _ in found)
    names = sorted({camera if named else band for camera, band in found})
    if len(names) > MOST:
        raise ExportError(
            f"{len(names)} cameras, and the layout has room for {MOST}: choose some with --where "
            f"(camera_id is one of {', '.join(names[:12])} …)"
        )
    number = {name: index for index, name in enumerate(names, start=1)}
    return {(camera, band): number[camera if named else band] for camera, band in found}
