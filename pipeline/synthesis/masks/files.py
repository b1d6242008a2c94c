"""Designs as files: an RGBA PNG in the canonical face's layout, beside it optional YAML."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from pipeline.errors import ParamsError, ReaderError
from pipeline.face3d.position_map import valid_texels
from pipeline.params.load import read_yaml
from pipeline.store.whole import write_whole, written_whole
from pipeline.synthesis.masks.bands import LOOKS
from pipeline.synthesis.masks.design import SIDES_PX, MaskDesign
from pipeline.synthesis.masks.drawn import BUILTIN, drawn_design
from pipeline.types import UInt8

_DEFAULTS = {"kind": "own", "colour": "own", "material": "cotton", "loops": False}
_LEAST_SHARE = 0.02
"""A mask covers at least this share of the texture."""


def load_design(name: str, own: dict[str, str]) -> MaskDesign:
    """Return a design by name: one's own, or one in the box.

    Args:
        name: the name.
        own: one's own designs: name → PNG.

    Raises:
        ReaderError: there is none of this name, or its file is no design.
    """
    if name in own:
        return read_design(Path(own[name]), name)
    if name not in BUILTIN:
        raise ReaderError(f"mask design {name!r} is none of {sorted(BUILTIN)} and {sorted(own)}")
    return drawn_design(name)


def own_digests(names: Sequence[str], own: dict[str, str]) -> dict[str, list[str]]:
    """Return the sha256 of the files of those designs that are one's own, by name.

    Args:
        names: the designs that are used.
        own: one's own designs: name → PNG.
    """
    digests = {}
    for name in sorted(own.keys() & set(names)):
        files = Path(own[name]), Path(own[name]).with_suffix(".yaml")
        there = [path.read_bytes() for path in files if path.is_file()]
        digests[name] = [hashlib.sha256(data).hexdigest() for data in there]
    return digests


def read_design(path: Path, name: str) -> MaskDesign:
    """Read a design.

    Args:
        path: RGBA PNG; ``<name>.yaml`` beside it may give ``kind``, ``colour``, ``material`` (a
            name of ``LOOKS``) and ``loops``.
        name: what to call it.

    Raises:
        ReaderError: ``design_faults`` finds one, or the metadata holds something else.
    """
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if stored is None:
        raise ReaderError(f"{path} is not an image: expected an RGBA PNG")
    if faults := design_faults(stored):
        raise ReaderError(f"{path} is not a mask design: {'; '.join(faults)}")
    metadata = _metadata(path.with_suffix(".yaml"))
    flat = np.zeros(stored.shape[:2], np.float32)
    alpha = np.ascontiguousarray(stored[..., 3], np.uint8)
    return MaskDesign(
        name=name,
        rgb=_carried_on(np.ascontiguousarray(stored[..., 2::-1], np.uint8), alpha),
        alpha=alpha,
        relief_cm=flat,
        bulge_cm=flat,
        **metadata,
    )


def _carried_on(rgb: UInt8, alpha: UInt8) -> UInt8:
    """Carry a mask's colours on over what is transparent, where an editor left but one colour.

    Between its texels a design is read together with what lies beside it: the black or white that
    nobody sees in the file would be a rim around the mask.
    """
    clear = alpha == 0
    if (rgb[clear] != rgb[clear][0]).any():
        return rgb
    nearest = distance_transform_edt(alpha <= 127, return_distances=False, return_indices=True)
    return np.where(clear[..., None], rgb[tuple(nearest)], rgb)


def refuse_others_file(path: Path) -> None:
    """Refuse to write a design whose YAML would take the place of another file, of params maybe.

    Args:
        path: the PNG to write.

    Raises:
        ReaderError: the YAML beside it is no design's.
    """
    beside = path.with_suffix(".yaml")
    if not beside.exists():
        return
    try:
        others = sorted(read_yaml(beside).keys() - _DEFAULTS.keys())
    except ParamsError as error:
        raise ReaderError(
            f"{beside} would be overwritten, but is not a mask design's: {error}"
        ) from error
    if others:
        raise ReaderError(
            f"{beside} would be overwritten, but is not a mask design's: expected some of "
            f"{sorted(_DEFAULTS)}, found {others[:5]}; choose another name"
        )


def write_design(path: Path, rgb: UInt8, alpha: UInt8, metadata: dict[str, Any]) -> None:
    """Write a design and its metadata.

    Args:
        path: the PNG to write; the YAML goes beside it.
        rgb: uint8 (s, s, 3).
        alpha: uint8 (s, s).
        metadata: ``kind``, ``colour``, ``material``, ``loops``.
    """
    from ruamel.yaml import YAML

    write_whole(path, cv2.imencode(".png", np.dstack([rgb[..., ::-1], alpha]))[1].tobytes())
    with (
        written_whole(path.with_suffix(".yaml")) as partial,
        partial.open("w", encoding="utf-8") as file,
    ):
        YAML().dump(metadata, file)


def design_faults(stored: NDArray[Any]) -> list[str]:
    """Say what keeps an image from being a design; empty where nothing does.

    Args:
        stored: as OpenCV reads it, any shape and depth.
    """
    if stored.dtype != np.uint8:
        return [f"it has {stored.dtype.itemsize * 8} bits a channel, expected 8"]
    if stored.ndim != 3 or stored.shape[2] != 4:
        return ["it has no alpha channel, expected RGBA"]
    height, width = stored.shape[:2]
    if height != width or height not in SIDES_PX:
        sides = ", ".join(f"{side} × {side}" for side in SIDES_PX)
        return [f"its size is {width} × {height}, expected one of {sides}"]
    faults = []
    alpha = stored[..., 3]
    rim = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
    if rim.any():
        faults.append("its border is opaque, but a mask has to end inside the image")
    if (alpha > 127).mean() < _LEAST_SHARE:
        faults.append("almost none of it is opaque")
    elif alpha.min() == 255:
        faults.append("none of it is transparent")
    else:
        face = cv2.resize(valid_texels().astype(np.uint8), (width, width)) > 0
        if (face & (alpha > 127)).sum() < 0.5 * (alpha > 127).sum():
            faults.append("most of it lies outside the face's texture, see `--list` for the layout")
    return faults


def _metadata(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = _DEFAULTS | (read_yaml(path) if path.is_file() else {})
    if unknown := sorted(values.keys() - _DEFAULTS.keys()):
        raise ReaderError(f"{path}: unknown keys {unknown}, expected {sorted(_DEFAULTS)}")
    for key, kind in _DEFAULTS.items():
        if not isinstance(values[key], type(kind)):
            expected = "true or false" if isinstance(kind, bool) else "a word"
            raise ReaderError(f"{path}: {key}: expected {expected}, found {values[key]!r}")
    if values["material"] not in LOOKS:
        raise ReaderError(f"{path}: material {values['material']!r} is none of {sorted(LOOKS)}")
    return values
