"""Lets the site show texts that lie outside of `docs`: README is its first page.

A hook of mkdocs. Links between the two places are turned round, so that they hold in both.
"""

import posixpath
import re
import runpy
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "ablations/README.md": "ablations.md",
    "LICENSE": "license.md",
}
"""Where a text lies in the repository, and in the site."""

_LINK = re.compile(r"(?<=\]\()([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside."""
    root = Path(config.docs_dir).parent
    for source, page in OUTSIDE.items():
        text = (root / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    written = runpy.run_path(str(Path(__file__).with_name("site_reference.py")))["PAGES"]
    for page, write in written.items():
        files.append(File.generated(config, page, content=write(root)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Turn the links of a page from where its text lies to where the site has it."""
    pages = {name: source for source, name in OUTSIDE.items()}
    source = pages.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def turned(match: re.Match[str]) -> str:
        target = match.group(1)
        if "://" in target:
            return target
        aim = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        aim = OUTSIDE.get(aim, aim.removeprefix("docs/"))
        return posixpath.relpath(aim, posixpath.dirname(page.file.src_uri) or ".")

    return _LINK.sub(turned, markdown)
