"""Renders the pages: templates filled with values, the same bytes for the same values."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.store.whole import write_whole

TEMPLATES = (
    "templates/base.html",
    "templates/cards.html",
    "templates/changes.html",
    "templates/data.html",
    "templates/index.html",
    "templates/rejected.html",
    "templates/results.html",
    "templates/stage.html",
)
ASSETS = ("templates/site.js", "templates/style.css")
PAGES = (
    ("index", "index.html", "Overview"),
    ("results", "results.html", "Results"),
    ("rejected", "rejected.html", "Rejected"),
    ("data", "data.html", "Data"),
    ("changes", "changes.html", "Changes"),
)
"""Name, file and title of the pages that every page leads to."""

_HERE = Path(__file__).parent


class Pages:
    """Writes pages of the site.

    Attributes:
        site: folder of all pages but the first, ``index.html``, which lies above it.
    """

    def __init__(self, site: Path) -> None:
        self.site = site
        self._environment = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def index(self, path: Path, **values: Any) -> None:
        """Write the first page, which leads to ``site``."""
        text = self._render(
            "index.html", page="index", site="site/", index="index.html", runs="runs/", **values
        )
        write_whole(path, text)

    def write(self, name: str, template: str, **values: Any) -> None:
        """Write another page.

        Args:
            name: of the page; a stage's has its own.
            template: file of ``templates``.
            values: what the template needs.
        """
        text = self._render(
            template, page=name, site="", index="../index.html", runs="../runs/", **values
        )
        (self.site / f"{name}.html").write_text(text, encoding="utf-8")

    def assets(self) -> None:
        """Write style and script."""
        for asset in ASSETS:
            (self.site / Path(asset).name).write_bytes((_HERE / asset).read_bytes())

    def _render(self, template: str, **values: Any) -> str:
        return self._environment.get_template(template).render(pages=PAGES, **values) + "\n"


def script_of(name: str, values: Any) -> str:
    """Return a script that gives values a name: a page opened from a disk may load nothing else."""
    return f"window.{name} = {json.dumps(values, ensure_ascii=False, separators=(',', ':'))};\n"
