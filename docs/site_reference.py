"""Writes the site's reference from code: the library, the command, params, columns of rows.

Its pages lie nowhere: ``site_pages.py`` adds them when the site is built.
"""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import typer.main

import crossband
from pipeline.cli import app

SECTION = re.compile(r"^(Args|Returns|Raises|Attributes|Yields):$")
ITEM = re.compile(r"^(\w+|`[^`]+`): (.*)$")


def library() -> str:
    """Return the page of ``import crossband``, from its docstrings."""
    lines = ["# The library", "", *_words(inspect.getdoc(crossband) or "")]
    for name in crossband.__all__:
        what = getattr(crossband, name)
        if inspect.isclass(what):
            lines += [f"## `{name}`", "", *_words(inspect.getdoc(what) or "")]
            for method, made in vars(what).items():
                if not method.startswith("_"):
                    lines += _function(f"{name}.{method}", made, "###")
        else:
            lines += _function(name, what, "##")
    return "\n".join(lines)


def commands() -> str:
    """Return the page of the command ``crossband``, from what ``--help`` says."""
    root = typer.main.get_command(app)
    lines = [
        "# The command",
        "",
        f"{root.help} `crossband --help` lists all, `crossband <command> --help` has one.",
        "",
    ]
    lines += ["`crossband --install-completion` teaches your shell to complete them.", ""]
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        lines += [f"## `crossband {name}`", "", *_words(inspect.cleandoc(command.help or ""))]
        rows = [
            f"| `{' '.join(each.opts)}` | {_cell(getattr(each, 'help', '') or '')} |"
            for each in command.params
        ]
        lines += ["| | |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def params(root: Path) -> str:
    """Return the page of ``params.yaml``: the file, section by section."""
    text = (root / "params.yaml").read_text(encoding="utf-8")
    lines = [
        "# Params",
        "",
        "`params.yaml` as it ships. The comments say what each key may be.",
        "",
    ]
    for block in re.split(r"\n(?=\w+:)", text):
        name = re.match(r"(\w+):", block)
        lines += [f"## `{name[1]}`", ""] if name else []
        lines += ["```yaml", block.strip("\n"), "```", ""]
    return "\n".join(lines)


def columns(root: Path) -> str:
    """Return the page of the columns that each stage's rows have, from the schemas."""
    lines = [
        *("# Columns", ""),
        "Rows of a stage are Parquet files; the same words stand in the files' metadata.",
        "Lists of a fixed length have their shape in brackets. A column that several stages have",
        "stands at the first of them.",
        "",
    ]
    known: set[str] = set()
    for path in _in_order(root / "pipeline/schemas"):
        schema = _schema_of(path.stem)
        if schema is None:
            continue
        lines += [f"## `{path.stem}`", "", "| column | type | |", "|---|---|---|"]
        new = [field for field in schema if f"{field.name} {field.type}" not in known]
        lines += [
            f"| `{field.name}` | {_cell(_type(field.type))} | {_cell(_notes(field))} |"
            for field in new
        ]
        lines.append("")
        known |= {f"{field.name} {field.type}" for field in schema}
    return "\n".join(lines)


PAGES: dict[str, Callable[[Path], str]] = {
    "reference/library.md": lambda _: library(),
    "reference/commands.md": lambda _: commands(),
    "reference/params.md": params,
    "reference/columns.md": columns,
}
"""Pages by their name in the site; each is written from the repository's root."""


def _function(name: str, what: object, mark: str) -> list[str]:
    if isinstance(what, property) or not callable(what):  # a property, cached or not
        made = getattr(what, "func", None) or getattr(what, "fget", None)
        return [f"{mark} `{name}`", "", *_words(inspect.getdoc(made) or "")]
    signature = re.sub(r"\(self(, )?", "(", str(inspect.signature(what)))
    signature = re.sub(r"[a-z]\w*\.(?=\w)", "", signature)
    signature = re.sub(r"ndarray\[tuple\[Any, \.\.\.\], dtype\[(\w+)\]\]", r"\1 array", signature)
    return [f"{mark} `{name}`", "", f"`{name}{signature}`", "", *_words(inspect.getdoc(what) or "")]


def _words(docstring: str) -> Iterator[str]:
    """Yield a docstring as Markdown: its sections become lists, examples blocks."""
    text = docstring.replace("``", "`")
    for paragraph in text.split("\n\n"):
        head, *rest = paragraph.split("\n")
        if head.startswith(">>>"):
            yield from ("```python", paragraph, "```", "")
        elif SECTION.match(head):
            yield from (f"**{head[:-1]}**", "", *_items(textwrap.dedent("\n".join(rest))), "")
        else:
            yield from (paragraph, "")


def _items(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        if found := ITEM.match(line):
            yield f"- `{found[1].strip('`')}`: {found[2]}"
        else:
            yield f"  {line.strip()}" if line.startswith(" ") else f"- {line}"


def _in_order(folder: Path) -> list[Path]:
    first = (
        "ingest",
        "detect",
        "align",
        "parse",
        "parts",
        "attributes",
        "reconstruct",
        "masks",
        "poses",
        "degrade",
    )
    found = {path.stem: path for path in sorted(folder.glob("*.py"))}
    return [found.pop(name) for name in first] + list(found.values())


def _schema_of(name: str) -> pa.Schema | None:
    made = getattr(import_module(f"pipeline.schemas.{name}"), name.upper(), None)
    return made if isinstance(made, pa.Schema) else None


def _type(kind: pa.DataType) -> str:
    shape = []
    while pa.types.is_fixed_size_list(kind):
        shape.append(str(kind.list_size))
        kind = kind.value_type
    if pa.types.is_struct(kind):
        inner = "image: bytes, path" if kind.get_field_index("bytes") >= 0 else "struct"
        return inner + (f" [{' × '.join(shape)}]" if shape else "")
    if pa.types.is_list(kind):
        return f"list of {_type(kind.value_type)}"
    return str(kind) + (f" [{' × '.join(shape)}]" if shape else "")


def _notes(field: pa.Field) -> str:
    found = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    return "; ".join(f"{key}: {value}" for key, value in found.items())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
