"""The graph of a pipeline as an SVG picture that stands by itself: no script, no font, nothing loaded from elsewhere.

Boxes have a ground of their own and edges a middle grey, so that it can be read on a light page and on a dark one; a
viewer that says which it is gets colours to match."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from pplns.graph import Call, Graph
from pplns_deploy.graphs.layout import Edge, Layout, Point, Size, lay_out
from pplns_deploy.graphs.text import only_after, returned_type

MARGIN = 16.0
BOX_HEIGHT = 46.0
BOX_PADDING = 14.0
LEAST_BOX_WIDTH = 90.0
NAME_LETTER_WIDTH = 8.5  # of the monospaced 14 px font; its letters are 0.6 em wide
TYPE_LETTER_WIDTH = 6.7
MOST_TYPE_LETTERS = 34
ARROW_LENGTH = 7.0

_STYLE = """\
text { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; text-anchor: middle; }
.box { fill: #f8fafc; stroke: #64748b; stroke-width: 1.25; }
.name { font-size: 14px; fill: #0f172a; }
.type { font-size: 11px; fill: #475569; }
.edge { fill: none; stroke: #7c8a9e; stroke-width: 1.5; }
.order { stroke-dasharray: 5 4; }
.head { fill: #7c8a9e; }
@media (prefers-color-scheme: dark) {
  .box { fill: #1e293b; stroke: #94a3b8; }
  .name { fill: #f1f5f9; }
  .type { fill: #cbd5e1; }
}"""
_HEAD = (
    f'<marker id="head" viewBox="0 0 8 8" refX="0.5" refY="4" markerWidth="{ARROW_LENGTH:g}"'
    f' markerHeight="{ARROW_LENGTH:g}" markerUnits="userSpaceOnUse" orient="auto">'
    '<path class="head" d="M0 0 L8 4 L0 8 z"/></marker>'
)


def draw_graph(graph: Graph) -> str:
    """Return a picture of a graph, top to bottom: a box for each step with its name and the type that it returns,
    arrows for data, dashed ones for order alone."""
    layout = lay_out({call.name: _size_of(call) for call in graph.calls}, edges_of(graph))
    return "\n".join(_elements(graph, layout)) + "\n"


def edges_of(graph: Graph) -> Sequence[Edge]:
    """Return what leads from step to step, each pair once."""
    data = [Edge(name, call.name) for call in graph.calls for name in call.inputs]
    order = [Edge(name, call.name, is_order=True) for call in graph.calls for name in only_after(call)]
    return [*data, *order]


def _elements(graph: Graph, layout: Layout) -> Iterator[str]:
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title">'
    yield f'<title id="title">The steps of {escape(graph.pipeline)}</title>'
    yield f"<style>\n{_STYLE}\n</style>"
    yield f"<defs>{_HEAD}</defs>"
    yield f'<g transform="translate({MARGIN:g} {MARGIN:g})">'
    for edge, points in layout.edges:
        yield _edge_element(edge, points)
    for call in graph.calls:
        yield from _box_elements(call, layout.boxes[call.name])
    yield "</g>"
    yield "</svg>"


def _edge_element(edge: Edge, points: Sequence[Point]) -> str:
    kind = "edge order" if edge.is_order else "edge"
    return f'<path class="{kind}" d="{_curve(points)}" marker-end="url(#head)"/>'


def _curve(points: Sequence[Point]) -> str:
    """Return a line through points that leaves and reaches each straight downwards."""
    end = Point(points[-1].x, points[-1].y - ARROW_LENGTH)
    texts = [f"M{points[0].x:.1f} {points[0].y:.1f}"]
    for one, other in zip(points, [*points[1:-1], end], strict=False):
        middle = (one.y + other.y) / 2
        texts.append(f"C{one.x:.1f} {middle:.1f} {other.x:.1f} {middle:.1f} {other.x:.1f} {other.y:.1f}")
    return " ".join(texts)


def _box_elements(call: Call, middle: Point) -> Iterator[str]:
    size, type_ = _size_of(call), _short_type(call)
    left, top = middle.x - size.width / 2, middle.y - size.height / 2
    yield (
        f'<rect class="box" x="{left:.1f}" y="{top:.1f}" width="{size.width:.1f}" height="{size.height:.1f}" rx="8"/>'
    )
    name_y = middle.y - 3 if type_ else middle.y + 5
    yield f'<text class="name" x="{middle.x:.1f}" y="{name_y:.1f}">{escape(call.name)}</text>'
    if type_:
        yield f'<text class="type" x="{middle.x:.1f}" y="{middle.y + 14:.1f}">{escape(type_)}</text>'


def _size_of(call: Call) -> Size:
    longest = max(len(call.name) * NAME_LETTER_WIDTH, len(_short_type(call)) * TYPE_LETTER_WIDTH)
    return Size(max(LEAST_BOX_WIDTH, longest + 2 * BOX_PADDING), BOX_HEIGHT)


def _short_type(call: Call) -> str:
    text = returned_type(call)
    return text if len(text) <= MOST_TYPE_LETTERS else f"{text[: MOST_TYPE_LETTERS - 1]}…"
