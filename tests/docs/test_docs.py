"""The documents hold together: links lead somewhere, lists are whole and in order."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("ablations/*.md")])
ENDINGS = (".json", ".md", ".py", ".yaml", ".png", ".csv")
TOPICS = ROOT / "docs/decisions"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(document):
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text())
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (document.parent / target).exists()] == []


def test_the_decisions_list_every_topic_in_order():
    listed = re.findall(r"\]\(([a-z-]+\.md)\)", (TOPICS / "README.md").read_text())
    assert listed == sorted(path.name for path in TOPICS.glob("*.md") if path.name != "README.md")


def test_the_glossary_is_in_alphabetical_order_and_says_each_word_once():
    words = re.findall(r"^- \*\*(.+?)\*\*", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    keys = [word.replace("Δ", "delta ").casefold() for word in words]
    assert keys == sorted(keys)
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_code_that_a_document_names_is_there(document):
    text = document.read_text()
    named = re.findall(r"`((?:pipeline|stages|models|tests)[/.][\w/.]+?)`", text)
    made = re.findall(r"`([\w/.]+)`\n\n *```python", text)  # files that a guide has one write
    assert [name for name in named if name not in made and not _is_there(name)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_params_that_a_document_names_are_there(document):
    named = re.findall(r"`((?:[a-z_]+)(?:\.[\w<> -]+)+)[`:]", document.read_text())
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    keys = [key for key in named if key.split(".")[0] in params and not key.endswith(ENDINGS)]
    assert [key for key in keys if not _has(params, key.split("."))] == []


def _has(values, keys):
    """Whether nested mappings have a key; `<name>` stands for any."""
    if not keys or values in (None, {}):
        return True
    chosen = next(iter(values), None) if keys[0].startswith("<") else keys[0]
    return chosen in values and _has(values[chosen], keys[1:])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_imports_from_the_project_is_there(document):
    imported = re.findall(
        r"^from ((?:pipeline|models|stages)[\w.]*) import (.+)$", document.read_text(), re.MULTILINE
    )
    wanted = [(module, name.strip()) for module, names in imported for name in names.split(",")]
    missing = [(m, n) for m, n in wanted if not hasattr(importlib.import_module(m), n)]
    assert missing == []


def test_the_layers_of_the_walk_are_those_that_are_checked():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = (
        each["layers"] for each in contracts["contracts"] if "stages" in each.get("layers", ())
    )
    walk = (ROOT / "docs/walk.md").read_text()
    (table,) = re.findall(r"\| layer \| knows \|\n\|---\|---\|\n(.*?)\n\n", walk, re.DOTALL)
    shown = [re.findall(r"`([\w/.]+)`", row.split("|")[1]) for row in table.splitlines()]
    names = [
        {path.removesuffix(".py").strip("/").replace("/", ".") for path in row} for row in shown
    ]
    assert names == [set(re.findall(r"[\w.]+", layer)) for layer in layers]
    assert [path for row in shown for path in row if not (ROOT / path).exists()] == []


def _is_there(name):
    """Whether a path exists, or a dotted name is a module's or stands in one."""
    if "/" in name:
        return (ROOT / name).exists()
    *parents, last = name.split(".")
    places = [ROOT.joinpath(*parents, last), ROOT.joinpath(*parents, f"{last}.py")]
    module = ROOT.joinpath(*parents).with_suffix(".py")
    texts = [p.read_text() for p in (module, ROOT.joinpath(*parents, "__init__.py")) if p.is_file()]
    return any(place.exists() for place in places) or any(
        re.search(rf"^(def|class) {last}\b|^{last}\b", text, re.MULTILINE) for text in texts
    )


def test_the_reasons_that_documents_explain_are_those_of_the_code():
    conventions = (ROOT / "docs/conventions.md").read_text()
    (table,) = re.findall(r"\| stage \| reasons \|\n(.*?)\n\n", conventions, re.DOTALL)
    known = {
        reason
        for line in table.splitlines()[1:]
        for reason in re.findall(r"`(\w+)`", line.split("|")[2])
    }
    modules = [*ROOT.glob("pipeline/**/*.py"), *ROOT.glob("stages/*.py")]
    sources = "".join(path.read_text() for path in modules)
    assert {reason for reason in known if f'"{reason}"' not in sources} == set()
    mine = (ROOT / "docs/own-images.md").read_text()
    (table,) = re.findall(r"\| reason \| what it means .*?\n(.*?)\n\n", mine, re.DOTALL)
    told = re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.splitlines()[1:]))
    assert told
    assert set(told) <= known
