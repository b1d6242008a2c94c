"""Reading, merging and checking ``params.yaml``."""

import copy
import json
import posixpath
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.errors import ParamsError, one_line
from pipeline.params.base import NEUTRAL
from pipeline.params.extent import UNREADABLE, is_too_much, read_text, too_much
from pipeline.params.faults import fault_of_text, faults_of, lacking
from pipeline.params.whole import Params

BANNED_NAMES = ("size", "nfiles")
"""DVC takes these keys for its own and then overlooks edits of the section around them."""

_NAMED_BY_DATASET = (
    *("face_datasets", "synthesis_datasets", "body_datasets"),
    *("protocols", "analyse_modality"),
)
_REFERRING = {
    "sample": {"dataset": "datasets"},
    "crops": {"dataset": "datasets"},
    "pretrain_nir_vis": {"dataset": "datasets"},
    "train_nir_vis": {"dataset": "datasets", "pretrained": "pretrain_nir_vis"},
    "evaluate_nir_vis": {"dataset": "datasets", "training": "train_nir_vis"},
    "pretrain_bodies": {"dataset": "datasets"},
    "train_bodies": {"dataset": "datasets", "pretrained": "pretrain_bodies"},
    "evaluate_bodies": {"dataset": "datasets", "training": "train_bodies", "face": "train_bodies"},
    "train_dmfr": {"dataset": "datasets", "pretrained": "pretrain_nir_vis"},
    "evaluate_dmfr": {"dataset": "datasets", "training": "train_dmfr"},
}
"""Keys of a section's entries that name entries of another section; those come first."""

_TESTED_WHERE_TRAINED = frozenset({"train_nir_vis", "train_bodies", "train_dmfr"})
"""Sections whose entries, moved to another data set, leave their evaluations behind."""

Checked = TypeVar("Checked", bound=BaseModel)


def load_params(path: Path) -> Params:
    """Read and check a whole parameter file.

    Raises:
        ParamsError: one line per fault, each with the key's path, what was found and what is
            expected.
    """
    return check_params(read_yaml(path), path)


def load_section(model: type[Checked], path: Path) -> Checked:
    """Read and check a file that holds one section.

    Raises:
        ParamsError: as ``load_params`` does.
    """
    return _check(model, read_yaml(path), path)


def check_params(values: Mapping[str, Any], path: Path) -> Params:
    """Check values that were read already.

    Args:
        values: the sections.
        path: what to call them in messages.

    Raises:
        ParamsError: see ``load_params``.
    """
    return _check(Params, values, path)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML 1.2 mapping as DVC does; a key that stands twice is an error.

    Raises:
        ParamsError: the file is missing, is no YAML, holds no mapping, or too much of one.
    """
    text = read_text(path)
    try:
        values = copy.deepcopy(_values(text))
    except RecursionError as error:
        raise too_much(path) from error
    except (YAMLError, *UNREADABLE) as error:
        raise ParamsError(f"{path}: {fault_of_text(error)}") from error
    if not isinstance(values, dict):
        found = "nothing" if values is None else type(values).__name__
        raise ParamsError(f"{path}: expected sections with keys, found {found}")
    return values


@lru_cache(maxsize=8)
def _values(text: str) -> Any:
    """Read a text once where a process runs many stages: params.yaml takes 0.15 seconds."""
    if is_too_much(text):
        raise RecursionError("values that anchors make endless, or far too many")
    return YAML(typ="safe", pure=True).load(text)


def merge_params(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one mapping over another: mappings merge key by key, any other value replaces.

    ``null`` removes a key.
    """
    merged = dict(base)
    for key, value in over.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = merge_params(merged[key], value)
        else:
            merged[key] = value
    return merged


def lay_profile_over(params: Mapping[str, Any], profile: Mapping[str, Any]) -> dict[str, Any]:
    """Lay a profile over whole params, as ``merge_params`` does.

    A data set that the profile removes takes along what still stands on it: its stages, protocols,
    sources, exports and the recognisers that are trained or tested on it. So does a pretrained
    network with what starts from it, and a method that goes, or goes to another data set, with its
    evaluations. What the profile names itself stays.
    ``sample: null`` removes all sources and the data sets that they make. A section of entries that
    is removed is an empty one.

    Raises:
        ParamsError: the profile changes an entry that is not there, or has something else than
            keys where a section is.
    """
    for name, section in profile.items():
        if section is not None and not isinstance(section, Mapping) and name in params:
            raise ParamsError(
                f"{name}: expected keys, or null to remove what is there, found {section!r}"
            )
    _check_changes(params, profile)
    merged = merge_params(params, profile)
    made = _made_datasets(params) if profile.get("sample", params) is None else set()
    merged["datasets"] = _without(merged.get("datasets", {}), made)
    gone = {"datasets": _names(params, "datasets") - _names(merged, "datasets")}
    for section in _NAMED_BY_DATASET:
        removed = profile.get(section, params) is None
        kept = {} if removed else _without(params.get(section, {}), gone["datasets"])
        merged[section] = merge_params(kept, profile.get(section) or {})
    merged["exports"] = {
        name: entry
        for name, entry in merged.get("exports", {}).items()
        if name in _names(profile, "exports") or _exported(entry) not in gone["datasets"]
    }
    for section, references in _REFERRING.items():
        own = _names(profile, section)
        merged[section] = {
            name: entry
            for name, entry in merged.get(section, {}).items()
            if name in own
            or not any(_refers(entry, key, gone[of]) for key, of in references.items())
        }
        gone[section] = _names(params, section) - _names(merged, section) | {
            name
            for name, entry in merged[section].items()
            if section in _TESTED_WHERE_TRAINED and _moved(params[section].get(name), entry)
        }
    return merged


def _exported(export: Any) -> str | None:
    """Return the data set below whose folder an export's source lies; None where it is in none."""
    source = export.get("source") if isinstance(export, Mapping) else None
    above, _, below = posixpath.normpath(str(source)).partition("/")
    return below.partition("/")[0] if above == "data" else None


def _moved(former: Any, entry: Any) -> bool:
    """Tell whether an entry is of another data set than it was."""
    both = isinstance(former, Mapping) and isinstance(entry, Mapping)
    return both and former.get("dataset") != entry.get("dataset")


def _check_changes(params: Mapping[str, Any], profile: Mapping[str, Any]) -> None:
    """Refuse parts of entries of which nothing is there to lay them over."""
    faults = []
    for section in [each for each in _REFERRING if each in profile]:
        for name, entry in (profile[section] or {}).items():
            known = name in (params.get(section) or {})
            if isinstance(entry, Mapping) and not known and (keys := _lacks(section, name, entry)):
                faults.append(
                    f"{section}.{name}: the profile changes an entry that does not exist, and "
                    f"{lacking(keys)}. The sample's entries exist only after `crossband init NAME "
                    "--profile FILE` without --images, if no earlier profile removed them"
                )
    if faults:
        raise ParamsError("\n".join(faults))


def _lacks(section: str, name: str, entry: Mapping[str, Any]) -> list[str]:
    """Return the keys that an entry of a section has to have, and does not."""
    adapter: TypeAdapter[Any] = TypeAdapter(cast(Any, Params.model_fields[section].annotation))
    try:
        adapter.validate_json(json.dumps({name: entry}, default=str))
    except ValidationError as error:
        items = [item for item in error.errors() if item["loc"][:1] == (name,)]
        kind = ["kind" for item in items if item["type"] == "union_tag_not_found"]
        return kind + [str(item["loc"][-1]) for item in items if item["type"] == "missing"]
    return []


def _made_datasets(params: Mapping[str, Any]) -> set[str]:
    """Return the data sets that lie where sources of the sample put them."""
    return {
        name
        for name, entry in params.get("datasets", {}).items()
        if str(entry.get("root", "")).startswith(f"data/{name}/source")
    }


def _names(params: Mapping[str, Any], section: str) -> set[str]:
    return set(params.get(section) or {})


def _without(entries: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: entry for name, entry in entries.items() if name not in names}


def _refers(entry: Any, key: str, names: set[str]) -> bool:
    return isinstance(entry, Mapping) and entry.get(key) in names


def section_values(section: BaseModel) -> dict[str, Any]:
    """Return what fingerprints hold of a section: plain JSON values, without the neutral ones."""
    values: dict[str, Any] = _without_neutral(section, section.model_dump(mode="json"))
    return values


def _without_neutral(value: Any, dumped: Any) -> Any:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields.items()
        kept = [name for name, field in fields if NEUTRAL not in field.metadata]
        return {name: _without_neutral(getattr(value, name), dumped[name]) for name in kept}
    if isinstance(value, Mapping):
        entries = zip(value.values(), dumped.items(), strict=True)
        return {name: _without_neutral(entry, plain) for entry, (name, plain) in entries}
    if isinstance(value, tuple):
        return [_without_neutral(*both) for both in zip(value, dumped, strict=True)]
    return dumped


def _check(model: type[Checked], values: Mapping[str, Any], path: Path) -> Checked:
    if unwritten := list(_unwritten(values)):
        raise ParamsError("\n".join(f"{path}: {fault}" for fault in unwritten))
    faults = [f"{key}: {why}" for key, why in _banned(values)]
    try:
        # The JSON mode of a strict model takes lists for tuples and names for enum members.
        section = model.model_validate_json(json.dumps(values))
    except ValidationError as error:
        faults += faults_of(model, error)
    except (TypeError, ValueError) as error:
        faults.append(one_line(error))
    if faults:
        raise ParamsError("\n".join(f"{path}: {fault}" for fault in faults))
    return section


def _banned(values: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(values, Mapping):
        for key, value in values.items():
            here = f"{path}.{key}" if path else str(key)
            if key in BANNED_NAMES:
                yield here, f"the name {key!r} may not be used: DVC would miss edits; rename it"
            yield from _banned(value, here)
    elif isinstance(values, list):
        for index, value in enumerate(values):
            yield from _banned(value, f"{path}.{index}")


def _unwritten(values: Any, path: str = "") -> Iterator[str]:
    """Yield a fault for each value of a kind that no key has: YAML takes 2024-01-31 for a date.

    And for each key that is no text: DVC makes no stage of a data set that is called 2024.
    """
    if isinstance(values, Mapping):
        for key, value in values.items():
            here = f"{path}.{key}" if path else str(key)
            if not isinstance(key, str):
                kind = type(key).__name__
                yield f"{here}: expected a name, found the {kind} {key}: put it into quotes"
            yield from _unwritten(value, here)
    elif isinstance(values, list):
        for index, value in enumerate(values):
            yield from _unwritten(value, f"{path}.{index}")
    elif not isinstance(values, str | int | float | None):
        kind = type(values).__name__
        yield f"{path}: expected text or a number, found a {kind}, {values}: put it into quotes"
