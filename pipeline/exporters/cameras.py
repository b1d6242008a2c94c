"""Cameras of a re-identification layout: numbers from 1, for a camera or else for a band."""

from collections.abc import Sequence

from pipeline.errors import ExportError
from pipeline.exporters.selection import Selection
from pipeline.types import Band, Split

MARKET = range(1, 7)
"""Market-1501 has six cameras, and torchreid and fast-reid refuse a seventh."""

LLCM = range(1, 10)
LLCM_INFRARED = (1, 2, 4, 5, 6, 7, 8, 9)
"""DEEN's loader looks for infra-red test images under these cameras alone."""


def market_cameras(selection: Selection) -> dict[tuple[str, str], int]:
    """Return the number of each camera, by ``(camera, band)``, in the order of their names.

    Where no row names a camera, each band is one; else a camera's bands share its number.

    Raises:
        ExportError: there are more than six.
    """
    cameras = _cameras(selection)
    names = sorted({*cameras.values()})
    return _numbered(cameras, [(names, MARKET)])


def llcm_cameras(selection: Selection) -> dict[tuple[str, str], int]:
    """Return numbers as ``market_cameras`` does; 3 is none of a camera with infra-red test images.

    Such cameras are numbered first.

    Raises:
        ExportError: there are more than nine, or more than eight of them.
    """
    cameras = _cameras(selection)
    found = selection.ask("coalesce(camera_id, ''), band, split", group="camera_id, band, split")
    tested = {
        cameras[camera, band]
        for camera, band, split in found
        if split == Split.TEST and band != Band.VIS
    }
    others = sorted({*cameras.values()} - tested)
    return _numbered(cameras, [(sorted(tested), LLCM_INFRARED), (others, LLCM)])


def _cameras(selection: Selection) -> dict[tuple[str, str], str]:
    """Return the name of each camera, by ``(camera, band)``: the band's where no row names any."""
    found = selection.ask("coalesce(camera_id, ''), band", group="camera_id, band")
    named = any(camera for camera, _ in found)
    return {(camera, band): camera if named else band for camera, band in found}


def _numbered(
    cameras: dict[tuple[str, str], str], groups: Sequence[tuple[list[str], Sequence[int]]]
) -> dict[tuple[str, str], int]:
    """Give the names of each group the lowest of its numbers that are left."""
    number: dict[str, int] = {}
    for names, numbers in groups:
        every = sorted({*names, *number})
        if len(every) > len(numbers):
            raise ExportError(
                f"{len(every)} cameras, but the layout has room for {len(numbers)}: choose some "
                f"with --where (camera_id is one of {', '.join(every[:12])} …)"
            )
        free = (each for each in numbers if each not in number.values())
        number |= dict(zip(names, list(free), strict=False))
    return {key: number[name] for key, name in cameras.items()}
