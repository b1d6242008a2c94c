"""``weights.yaml``: which file each name means, what it may be used for, where it comes from."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from pipeline.errors import ParamsError, WeightsError
from pipeline.params.load import read_yaml

LOCAL_FOLDER = "CROSSBAND_WEIGHTS"
"""Environment variable: a folder in which files are looked for before any download."""

FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
Text = Annotated[str, StringConstraints(min_length=1)]


def is_plain_member(member: str) -> bool:
    """Whether an archive member's name stays inside the archive's own root."""
    path = PurePosixPath(member)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in member


def _plain_member(member: str) -> str:
    if not is_plain_member(member):
        raise ValueError("a member's name is relative, with / and without ..")
    return member


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class UrlSource(_Strict):
    """The official address of a file."""

    kind: Literal["url"]
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^/\s]+/\S+$")]

    @property
    def label(self) -> str:
        """The few words by which the table names this source."""
        return urlsplit(self.url).netloc

    def describe(self) -> str:
        """Return the words by which an error names this source."""
        return self.url


class PackageSource(_Strict):
    """A file on the index that pip, or the registry that npm is configured for.

    Attributes:
        kind: whose configuration says where to look.
        name: the package.
        version: its version.
        file: the file on the index or registry.
        member: path inside the file, None for the whole.
    """

    kind: Literal["pypi", "npm"]
    name: Text
    version: Text
    file: FileName
    member: Annotated[Text, AfterValidator(_plain_member)] | None = None

    @property
    def label(self) -> str:
        """The few words by which the table names this source."""
        return f"{self.name}=={self.version}"

    def describe(self) -> str:
        """Return the words by which an error names this source."""
        inside = f" in {self.file}" if self.member else ""
        return f"package {self.label}: {self.member or self.file}{inside}"


Source = Annotated[UrlSource | PackageSource, Field(discriminator="kind")]


class WeightFile(_Strict):
    """One entry of ``weights.yaml``.

    Attributes:
        file: name under ``weights/`` and under the folder ``CROSSBAND_WEIGHTS``.
        sha256: lower-case hex digest; no file is opened before it was compared.
        bytes: exact length.
        licence: SPDX expression; ``LicenseRef-…`` stands for terms of the training data.
        commercial: False where the licence or the training data's terms forbid commercial use.
        role: what the pipeline uses it for.
        trained_on: the data it was trained on.
        sources: tried in this order.
    """

    file: FileName
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(gt=0)]
    licence: Text
    commercial: bool
    role: Text
    trained_on: Text
    # YAML has lists only: strictness holds for what is in it.
    sources: Annotated[tuple[Source, ...], Field(strict=False, min_length=1)]


_REGISTRY: TypeAdapter[dict[str, WeightFile]] = TypeAdapter(dict[str, WeightFile])


def _explain(path: Path, error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False):
        key = ".".join(map(str, problem["loc"]))
        found = f" (found {problem['input']!r})" if problem["type"] != "missing" else ""
        lines.append(f"{path}: {key}: {problem['msg']}{found}")
    return "\n".join(lines)


def load_registry(path: Path) -> dict[str, WeightFile]:
    """Read and validate ``weights.yaml``.

    Args:
        path: the YAML file.

    Returns:
        The entries by name, in the order of the file.

    Raises:
        WeightsError: the file cannot be read, or a key is misspelt, missing or of the wrong type;
            one line per problem names the key's path. Two entries never share one ``file``.
    """
    try:
        data = read_yaml(path)
    except ParamsError as error:
        raise WeightsError(str(error)) from error
    try:
        registry = _REGISTRY.validate_python(data)
    except ValidationError as error:
        raise WeightsError(_explain(path, error)) from error
    owner: dict[str, str] = {}
    for name, entry in registry.items():
        if entry.file in owner:
            raise WeightsError(
                f"{path}: {name}.file: {entry.file} already belongs to {owner[entry.file]}"
            )
        owner[entry.file] = name
    return registry
