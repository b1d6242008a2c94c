"""Draws ``docs/stages.svg``, the graph of the stages in ``dvc.yaml``: ``make graph``.

How stages are placed: ``pipeline/report/stage_graph.py``. Arrows from ``weights``, which nearly all
stages open, are left out: their frames are thick. ``report``, which reads all stages, is not drawn.
"""

from pathlib import Path

from pipeline.report.stage_graph import Edges, Sizes, layout, read_edges

ROOT = Path(__file__).resolve().parents[1]
SIZES = Sizes(box_width=124, box_height=24, column=136, row=50)


def draw(edges: Edges) -> str:
    """Return the graph as SVG.

    Args:
        edges: for each stage those it reads, without circles.

    Returns:
        The text of the file. The same edges give the same text.
    """
    opens_weights = {name for name, read in edges.items() if "weights" in read}
    shown = {n: read - {"weights"} for n, read in edges.items() if n not in ("weights", "report")}
    placed = layout(shown, SIZES)
    arrows = [
        f'<path d="{path}" fill="none" stroke="#99a" marker-end="url(#tip)"/>'
        for path in placed.arrows
    ]
    boxes = [
        _box(name, *centre, thick=name in opens_weights) for name, centre in placed.centres.items()
    ]
    size = f'width="{placed.width:g}" height="{placed.height:g}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {placed.width:g} '
            f'{placed.height:g}" {size} font-family="sans-serif" font-size="13">',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#667"/></marker></defs>',
            f'<rect {size} fill="#fff"/>',
            *arrows,
            *boxes,
            "</svg>\n",
        ]
    )


def _box(name: str, x: float, y: float, *, thick: bool) -> str:
    left, top = x - SIZES.box_width / 2, y - SIZES.box_height / 2
    return (
        f'<rect x="{left:g}" y="{top:g}" width="{SIZES.box_width}" height="{SIZES.box_height}" '
        f'rx="5" fill="#eef3fb" stroke="#446" stroke-width="{2.5 if thick else 1}"/>'
        f'<text x="{x:g}" y="{y + 4.5:g}" text-anchor="middle" fill="#112">{name}</text>'
    )


if __name__ == "__main__":
    (ROOT / "docs/stages.svg").write_text(draw(read_edges(ROOT)), encoding="utf-8")
