"""The drawing of a graph: where things go, and that it stands by itself."""

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplns import pipeline, step
from pplns.graph import build_graph
from pplns_deploy.graphs import draw_graph
from pplns_deploy.graphs.layout import Edge, Size, lay_out, layers_of

SVG = "{http://www.w3.org/2000/svg}"


@step
def load(n: int) -> dict[str, int]:
    return {"n": n}


@step
def split(rows: dict[str, int]) -> tuple[int, str]:
    return 1, ""


@step
def publish(text):
    return text


@pipeline
def drawn():
    rows = load(1)
    _, text = split(rows)
    return publish.after(rows)(text)


@st.composite
def graphs(draw):
    """Boxes and edges, each edge from an earlier box to a later one."""
    names = [f"s{number}" for number in range(draw(st.integers(1, 9)))]
    pairs = [(one, other) for place, one in enumerate(names) for other in names[place + 1 :]]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=14)) if pairs else []
    sizes = {name: Size(draw(st.floats(20, 300)), 40.0) for name in names}
    return sizes, [Edge(one, other) for one, other in chosen]


@given(graphs())
def test_boxes_do_not_overlap_and_edges_lead_downwards(graph):
    """Whatever depends on what: a box stands below all that leads to it, beside the others of its layer."""
    sizes, edges = graph

    layout = lay_out(sizes, edges)

    spans = sorted(
        (at.y, at.x - sizes[name].width / 2, at.x + sizes[name].width / 2) for name, at in layout.boxes.items()
    )
    assert all(one[0] < other[0] or one[2] < other[1] for one, other in pairwise(spans))
    assert all(layout.boxes[edge.start].y < layout.boxes[edge.end].y for edge in edges)


@given(graphs())
def test_edges_go_around_boxes_and_stay_inside(graph):
    """Where an edge crosses a layer no box is in its way, and nothing is drawn outside of the picture."""
    sizes, edges = graph

    layout = lay_out(sizes, edges)

    for _, points in layout.edges:
        for bend in points[1:-1]:
            near = [name for name, at in layout.boxes.items() if abs(at.y - bend.y) <= 20.1]
            assert all(abs(layout.boxes[name].x - bend.x) > sizes[name].width / 2 for name in near)
        assert all(-0.1 <= point.x <= layout.width + 0.1 and 0 <= point.y <= layout.height for point in points)


def test_a_box_stands_below_the_lowest_before_it():
    """The longest way decides."""
    edges = [Edge("a", "b"), Edge("b", "c"), Edge("a", "c")]

    assert layers_of("abc", edges) == {"a": 0, "b": 1, "c": 2}


def test_edges_that_need_not_cross_do_not():
    """A layer is ordered by what it hangs on."""
    sizes = dict.fromkeys("abxy", Size(50, 40))

    boxes = lay_out(sizes, [Edge("a", "y"), Edge("b", "x")]).boxes

    assert (boxes["a"].x < boxes["b"].x) == (boxes["y"].x < boxes["x"].x)


def test_the_drawing_holds_names_types_and_both_kinds_of_edges():
    """What is known of a result stands below the name; order without data is dashed."""
    root = ET.fromstring(draw_graph(build_graph(drawn, {})))

    texts = [(text.get("class"), text.text) for text in root.iter(f"{SVG}text")]
    assert texts == [
        ("name", "load"), ("type", "dict[str, int]"), ("name", "split"), ("type", "int, str"), ("name", "publish"),
    ]  # fmt: skip
    kinds = [path.get("class") for path in root.iter(f"{SVG}path")]
    assert sorted(kinds) == ["edge", "edge", "edge order", "head"]


def test_the_drawing_stands_by_itself():
    """No script, nothing loaded from elsewhere, colours for light and for dark pages."""
    drawing = draw_graph(build_graph(drawn, {}))

    assert not [part for part in ("<script", "href", "url(http", "@import", "<image") if part in drawing]
    assert "prefers-color-scheme: dark" in drawing


@pytest.mark.parametrize("count", [0, 1, 300])
def test_graphs_of_any_size_are_drawn(count):
    """None, one, and a long row of steps side by side before a last one."""

    @pipeline
    def many():
        return publish([load(number) for number in range(count)])

    root = ET.fromstring(draw_graph(build_graph(many, {})))

    assert len(list(root.iter(f"{SVG}rect"))) == count + 1
