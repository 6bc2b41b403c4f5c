"""Where the boxes and edges of a drawn graph go: layers from top to bottom, few crossings, no edge behind a box.

A box stands one layer below the lowest of what comes before it. An edge that spans several layers bends once in each
between, and a bend takes part in the ordering like a box, so that edges find their way around boxes. Then each layer
is drawn towards the places of its neighbours."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

SWEEPS = 8  # orderings and shifts settle within a few
LAYER_GAP = 56.0
BOX_GAP = 28.0
BEND_WIDTH = 10.0

Spot = str | tuple[int, int]  # the name of a box, or edge number and layer of a bend


@dataclass(frozen=True, slots=True)
class Edge:
    """What leads from one box to another; `is_order` says that no data goes along it."""

    start: str
    end: str
    is_order: bool = False


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a box."""

    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the drawing; x to the right, y downwards."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Layout:
    """The middle of each box, the points of each edge from its start to its end, and the size of the whole."""

    boxes: Mapping[str, Point]
    edges: Sequence[tuple[Edge, tuple[Point, ...]]]
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class _Band:
    """What a layer takes of the height."""

    top: float
    bottom: float

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


@dataclass(slots=True)
class _Rows:
    """The spots of each layer in their order, and which spots are joined, upwards and downwards."""

    rows: list[list[Spot]]
    above: dict[Spot, list[Spot]] = field(default_factory=dict[Spot, list[Spot]])
    below: dict[Spot, list[Spot]] = field(default_factory=dict[Spot, list[Spot]])

    def join(self, upper: Spot, lower: Spot) -> None:
        self.above.setdefault(lower, []).append(upper)
        self.below.setdefault(upper, []).append(lower)


def lay_out(sizes: Mapping[str, Size], edges: Sequence[Edge]) -> Layout:
    """Return the places of boxes, given in an order in which each edge leads to a later one, and of their edges."""
    layers = layers_of(sizes, edges)
    rows = _place_in_rows(layers, edges)
    _reorder(rows)
    widths = {spot: sizes[spot].width if isinstance(spot, str) else BEND_WIDTH for row in rows.rows for spot in row}
    x_of = _shift(rows, widths)
    bands = _bands(rows, sizes)
    boxes = {name: Point(x_of[name], bands[layers[name]].middle) for name in sizes}
    paths = [
        (edge, (_foot(boxes[edge.start], sizes[edge.start]), *bends, _top(boxes[edge.end], sizes[edge.end])))
        for edge, bends in zip(edges, _bends(layers, edges, x_of, bands), strict=True)
    ]
    width = max((x_of[spot] + widths[spot] / 2 for spot in x_of), default=0.0)
    return Layout(boxes, paths, width, bands[-1].bottom if bands else 0.0)


def layers_of(names: Iterable[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Return the layer of each box: 0 for what nothing leads to, else one below the lowest that leads to it."""
    layers = dict.fromkeys(names, 0)
    for name in layers:
        layers[name] = 1 + max((layers[edge.start] for edge in edges if edge.end == name), default=-1)
    return layers


def _place_in_rows(layers: Mapping[str, int], edges: Sequence[Edge]) -> _Rows:
    rows = _Rows([[] for _ in range(max(layers.values(), default=-1) + 1)])
    for name, layer in layers.items():
        rows.rows[layer].append(name)
    for number, edge in enumerate(edges):
        before: Spot = edge.start
        for layer in range(layers[edge.start] + 1, layers[edge.end]):
            rows.rows[layer].append((number, layer))
            rows.join(before, (number, layer))
            before = number, layer
        rows.join(before, edge.end)
    return rows


def _reorder(rows: _Rows) -> None:
    """Order each layer by the mean place of its neighbours, downwards and upwards, and keep the best ordering met."""
    best, fewest = [list(row) for row in rows.rows], _crossings(rows)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        for row in rows.rows if downwards else reversed(rows.rows):
            _sort_by_neighbours(row, rows, rows.above if downwards else rows.below)
        count = _crossings(rows)
        if count < fewest:
            best, fewest = [list(row) for row in rows.rows], count
    rows.rows = best


def _sort_by_neighbours(row: list[Spot], rows: _Rows, neighbours: Mapping[Spot, list[Spot]]) -> None:
    place_of = {spot: place for other in rows.rows for place, spot in enumerate(other)}

    def wanted(spot: Spot) -> float:
        found = [place_of[one] for one in neighbours.get(spot, ())]
        return sum(found) / len(found) if found else float(place_of[spot])

    row.sort(key=wanted)


def _crossings(rows: _Rows) -> int:
    """Return how many pairs of edges cross."""
    count = 0
    for upper, lower in pairwise(rows.rows):
        places = {spot: place for place, spot in enumerate(lower)}
        ends = [sorted(places[one] for one in rows.below.get(spot, ())) for spot in upper]
        flat = [end for group in ends for end in group]
        count += sum(earlier > later for place, earlier in enumerate(flat) for later in flat[place + 1 :])
    return count


def _shift(rows: _Rows, widths: Mapping[Spot, float]) -> dict[Spot, float]:
    """Return the x of each spot: as near to the mean of its neighbours as its own neighbours in the row allow."""
    x_of: dict[Spot, float] = {}
    for row in rows.rows:
        x_of |= _spread(row, dict.fromkeys(row, 0.0), widths)
    for sweep in range(SWEEPS * 2):
        downwards = sweep % 2 == 0
        neighbours = rows.above if downwards else rows.below
        for row in rows.rows if downwards else reversed(rows.rows):
            wanted = {spot: _mean([x_of[one] for one in neighbours.get(spot, ())], x_of[spot]) for spot in row}
            x_of |= _spread(row, wanted, widths)
    left = min((x - widths[spot] / 2 for spot, x in x_of.items()), default=0.0)
    return {spot: x - left for spot, x in x_of.items()}


def _spread(row: Sequence[Spot], wanted: Mapping[Spot, float], widths: Mapping[Spot, float]) -> dict[Spot, float]:
    """Return places in a row that keep its order and gaps and lie as near as may be to the wanted ones.

    Spots that would overlap are moved as one group around the mean of what its members want."""
    groups: list[tuple[list[Spot], float]] = []  # spots, and where the first one would best stand
    for spot in row:
        group, start = [spot], wanted[spot]
        while groups and groups[-1][1] + _offset([*groups[-1][0], *group], len(groups[-1][0]), widths) > start:
            before, before_start = groups.pop()
            distance = _offset([*before, *group], len(before), widths)
            start = (before_start * len(before) + (start - distance) * len(group)) / (len(before) + len(group))
            group = [*before, *group]
        groups.append((group, start))
    return {spot: start + _offset(group, place, widths) for group, start in groups for place, spot in enumerate(group)}


def _offset(group: Sequence[Spot], place: int, widths: Mapping[Spot, float]) -> float:
    """Return how far a member of a group is from the first one, middle to middle."""
    pairs = pairwise(group[: place + 1])
    return sum((widths[one] + widths[other]) / 2 + BOX_GAP for one, other in pairs)


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _bands(rows: _Rows, sizes: Mapping[str, Size]) -> list[_Band]:
    """Return the height of each layer."""
    bands: list[_Band] = []
    top = 0.0
    for row in rows.rows:
        bottom = top + max(sizes[spot].height for spot in row if isinstance(spot, str))
        bands.append(_Band(top, bottom))
        top = bottom + LAYER_GAP
    return bands


def _bends(
    layers: Mapping[str, int], edges: Sequence[Edge], x_of: Mapping[Spot, float], bands: Sequence[_Band]
) -> Iterator[list[Point]]:
    """Yield the points between the ends of each edge: straight down through each layer that it only crosses."""
    for number, edge in enumerate(edges):
        crossed = range(layers[edge.start] + 1, layers[edge.end])
        yield [Point(x_of[number, layer], y) for layer in crossed for y in (bands[layer].top, bands[layer].bottom)]


def _foot(middle: Point, size: Size) -> Point:
    return Point(middle.x, middle.y + size.height / 2)


def _top(middle: Point, size: Size) -> Point:
    return Point(middle.x, middle.y - size.height / 2)
