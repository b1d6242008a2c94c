"""Tables and figures that stages wrote as Markdown, as HTML: headings, paragraphs, tables, bold."""

import re

from markupsafe import Markup, escape

_MANY_ROWS = 12


def html_of(text: str) -> list[Markup]:
    """Return the blocks of a Markdown text; what it holds beside these is shown as it stands.

    A first-level heading, the page's own title, is left out.
    """
    blocks = []
    for lines in (block.splitlines() for block in re.split(r"\n\s*\n", text.strip())):
        if not lines or lines[0].startswith("# "):
            continue
        if lines[0].startswith("#"):
            words = lines[0].lstrip("#").strip()
            blocks.append(Markup("<h3>{}</h3>").format(_inline(words)))
        elif lines[0].startswith("|") and len(lines) > 1:
            blocks.append(_table(lines))
        else:
            blocks.append(Markup("<p>{}</p>").format(_inline(" ".join(lines))))
    return blocks


def _table(lines: list[str]) -> Markup:
    heads, _, *rows = (
        [cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines
    )
    head = Markup("").join(Markup("<th scope=col>{}</th>").format(_inline(cell)) for cell in heads)
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(Markup("<td>{}</td>").format(_inline(cell)) for cell in row)
        )
        for row in rows
    )
    return Markup(
        '<div class="scroll measured{}" tabindex=0><table><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(" tall" if len(rows) > _MANY_ROWS else "", head, body)


def _inline(text: str) -> Markup:
    """Escape a text and make what stands between ** bold, between ` code."""
    words = str(escape(text))
    words = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", words)
    return Markup(re.sub(r"`(.+?)`", r"<code>\1</code>", words))  # noqa: S704 - escaped above
