"""Write the sample week into `data/`: `python -m daily_orders.make_data`, in the pipelines folder.

The same bytes each time, and as untidy as a real export: lines that come twice, amounts that are words, goods
that nobody knows."""

import csv
import random
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

from daily_orders.local import SAMPLE_MONDAY

SEED = 20240304
LINES = ("day", "line_id", "order_id", "sku", "quantity", "unit_price")
PRODUCTS = (
    ("TEA-01", "Assam, 250 g", "tea", 890), ("TEA-02", "Sencha, 100 g", "tea", 1190),
    ("TEA-03", "Rooibos, 250 g", "tea", 650), ("COF-01", "Espresso beans, 1 kg", "coffee", 2290),
    ("COF-02", "Filter coffee, 500 g", "coffee", 1090), ("COF-03", "Decaf beans, 500 g", "coffee", 1390),
    ("POT-01", "Teapot, glass", "ware", 3450), ("POT-02", "French press", "ware", 2990),
    ("CUP-01", "Cup, porcelain", "ware", 780), ("GIF-01", "Gift box", "gifts", 1500),
)  # fmt: skip
ORDERS_OF_WEEKDAY = (38, 41, 40, 44, 52, 63, 47)
DIRT = (
    ("quantity", "two"), ("unit_price", "n/a"), ("quantity", "0"), ("sku", "OLD-99"), ("order_id", ""),
    ("unit_price", "-8.90"), ("sku", " tea-01 "), ("quantity", "-1"),
)  # fmt: skip

Line = dict[str, str]


def make_week(rng: random.Random) -> tuple[list[Line], list[Line]]:
    """Return the lines of all orders and returns of the week, with the dirt in them."""
    orders = [line for weekday in range(7) for line in _orders_of(weekday, rng)]
    returns = [_returned(line, rng) for line in orders if rng.random() < 0.07]
    return _soil(orders, every=61), _soil(returns, every=23)


def _orders_of(weekday: int, rng: random.Random) -> Iterable[Line]:
    day = SAMPLE_MONDAY + timedelta(days=weekday)
    for number in range(1, ORDERS_OF_WEEKDAY[weekday] + 1):
        order = f"{day:%m%d}-{number:03}"
        for place in range(1, 1 + _below(3, rng) + 1):
            sku, _, _, cents = PRODUCTS[_below(len(PRODUCTS), rng)]
            amounts = {"quantity": str(1 + _below(3, rng)), "unit_price": f"{cents / 100:.2f}"}
            yield {"day": f"{day}", "line_id": f"{order}-{place}", "order_id": order, "sku": sku, **amounts}


def _returned(line: Line, rng: random.Random) -> Line:
    """Return the return of one piece of a line, on a later day of the week."""
    left = (SAMPLE_MONDAY + timedelta(days=6) - _day_of(line)).days
    day = _day_of(line) + timedelta(days=_below(left + 1, rng))
    return {**line, "day": f"{day}", "line_id": f"R{line['line_id']}", "quantity": "1"}


def _soil(lines: Sequence[Line], *, every: int) -> list[Line]:
    """Return the lines with every so many-th one spoilt, and the one after it there twice."""
    soiled = [dict(line) for line in lines]
    for number, line in enumerate(soiled[every - 1 :: every]):
        name, text = DIRT[number % len(DIRT)]
        line[name] = text
    return [copy for place, line in enumerate(soiled) for copy in [line] * (2 if place % every == 0 and place else 1)]


def _day_of(line: Line) -> date:
    return date.fromisoformat(line["day"])


def _below(limit: int, rng: random.Random) -> int:
    return int(rng.random() * limit)


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write one CSV file with line ends that are the same on every system."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def write_data(folder: Path) -> None:
    """Write the three tables into a folder."""
    orders, returns = make_week(random.Random(SEED))
    write_table(folder / "orders.csv", LINES, ([line[name] for name in LINES] for line in orders))
    write_table(folder / "returns.csv", LINES, ([line[name] for name in LINES] for line in sorted(returns, key=_place)))
    write_table(folder / "products.csv", ("sku", "name", "category"), (product[:3] for product in PRODUCTS))


def _place(line: Line) -> tuple[str, str]:
    return line["day"], line["line_id"]


if __name__ == "__main__":
    write_data(Path(__file__).parent / "data")
