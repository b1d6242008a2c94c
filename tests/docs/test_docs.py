"""The documents hold together: links lead somewhere, lists are whole and in order."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("ablations/*.md")])
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
