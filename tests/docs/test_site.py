"""The documentation builds as a site, without a warning, and its pages ask no host."""

import re
from pathlib import Path

import pytest
import typer.main
from ruamel.yaml import YAML

import crossband
from pipeline.cli import app

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    commands = pytest.importorskip("mkdocs.commands.build")
    config = pytest.importorskip("mkdocs.config")
    folder = tmp_path_factory.mktemp("site")
    # strict: a dead link, or a page that no menu names, ends the build
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        commands.build(config.load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder)))
    return folder


def test_every_document_is_a_page(site):
    documents = [*(ROOT / "docs").rglob("*.md")]
    pages = [path.relative_to(site).as_posix() for path in site.rglob("*.html")]
    for document in documents:
        name = document.relative_to(ROOT / "docs").with_suffix("").as_posix()
        page = name.removesuffix("README") + (
            "index.html" if name.endswith("README") else "/index.html"
        )
        assert page in pages


def test_the_first_page_is_the_readme(site):
    title = (ROOT / "README.md").read_text().splitlines()[0].removeprefix("# ")
    assert f'<h1 id="{title}">{title}' in (site / "index.html").read_text()


def test_the_reference_has_all_of_the_library_the_command_and_the_params(site):
    pages = {path.parent.name: path.read_text() for path in site.glob("reference/*/index.html")}
    assert pages.keys() == {"library", "commands", "params", "columns"}
    methods = [name for name in vars(crossband.Face) if not name.startswith("_")]
    for name in (*crossband.__all__, *(f"Face.{method}" for method in methods)):
        assert f"<code>{name}</code>" in pages["library"]
    for name in typer.main.get_command(app).commands:
        assert f"<code>crossband {name}</code>" in pages["commands"]
    for name in YAML(typ="safe").load((ROOT / "params.yaml").read_text()):
        assert f"<code>{name}</code>" in pages["params"]
    assert "<code>warp_2x3</code>" in pages["columns"]


def test_no_page_loads_anything_from_another_host(site):
    loaded = re.compile(
        r"<(?:script|img|iframe)[^>]+src=\"(?:https?:)?//|<link[^>]+stylesheet[^>]+href=\"(?:https?:)?//"
    )
    assert [page.name for page in site.rglob("*.html") if loaded.search(page.read_text())] == []
