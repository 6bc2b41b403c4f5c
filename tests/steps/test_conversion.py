"""Conversion: what each type takes, what it refuses, and that the record of a run gives every value back."""

import enum
import json
import typing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, NewType, Optional, Union
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplns.steps.annotations import check_annotation, shown
from pplns.steps.conversion import RefusedError, convert, stored

CustomerId = NewType("CustomerId", int)


class Color(enum.Enum):
    RED = "r"
    BLUE = "b"


class Crossed(enum.Enum):
    A = "B"
    B = "A"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Region(enum.StrEnum):
    US = "us-east"
    EU = "eu-west"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


Many = enum.Enum("Many", "A B C D E F G")


@dataclass
class Window:
    start: date
    length: timedelta = timedelta(days=1)


@dataclass(frozen=True)
class Options:
    limit: int
    window: Window | None = None
    tags: list[str] = field(default_factory=list[str])
    derived: int = field(default=0, init=False)


@dataclass
class Tree:
    name: str
    children: "list[Tree]" = field(default_factory=list["Tree"])


@dataclass
class Percent:
    value: int

    def __post_init__(self) -> None:
        assert self.value >= 0, "less than nothing"
        if self.value > 100:
            raise ValueError("more than 100")


ACCEPTED: list[tuple[Any, Any, Any]] = [
    (str, "", ""),
    (str, "5", "5"),
    (str, Region.US, "us-east"),
    (int, "5", 5),
    (int, "-05", -5),
    (int, 5, 5),
    (int, Level.HIGH, 2),
    (int, str(10**30), 10**30),
    (CustomerId, "5", 5),
    (Annotated[int, "positive"], "5", 5),
    (float, "1.5", 1.5),
    (float, "-1e3", -1000.0),
    (float, ".5", 0.5),
    (float, 5, 5.0),
    (float, "inf", float("inf")),
    (bool, "true", True),
    (bool, "Yes", True),
    (bool, "1", True),
    (bool, "off", False),
    (bool, False, False),
    (date, "2013-01-31", date(2013, 1, 31)),
    (datetime, "2013-01-31T06:00:00Z", datetime(2013, 1, 31, 6, tzinfo=UTC)),
    (datetime, "2013-01-31T06:00:00.123456-05:00", datetime(2013, 1, 31, 11, 0, 0, 123456, tzinfo=UTC)),
    (datetime, "2013-01-31 06:00", datetime(2013, 1, 30, 21, tzinfo=UTC)),
    (datetime, "2013-01-31", datetime(2013, 1, 30, 15, tzinfo=UTC)),
    (datetime, datetime(2013, 1, 31, 9), datetime(2013, 1, 31, tzinfo=UTC)),
    (datetime, datetime(2013, 1, 31, tzinfo=timezone(timedelta(hours=1))), datetime(2013, 1, 30, 23, tzinfo=UTC)),
    (time, "06:30", time(6, 30)),
    (timedelta, "30m", timedelta(minutes=30)),
    (timedelta, "1h30m", timedelta(hours=1, minutes=30)),
    (timedelta, "90", timedelta(seconds=90)),
    (timedelta, 1.5, timedelta(seconds=1.5)),
    (timedelta, "-1.000001s", -timedelta(seconds=1, microseconds=1)),
    (Decimal, "1.10", Decimal("1.10")),
    (Decimal, 0.1, Decimal("0.1")),
    (Decimal, 3, Decimal(3)),
    (Path, "a/b", Path("a/b")),
    (PurePosixPath, "a/b", PurePosixPath("a/b")),
    (UUID, "123e4567-e89b-12d3-a456-426614174000", UUID("123e4567-e89b-12d3-a456-426614174000")),
    (Color, "RED", Color.RED),
    (Color, "r", Color.RED),
    (Color, Color.BLUE, Color.BLUE),
    (Crossed, "A", Crossed.A),
    (Level, "2", Level.HIGH),
    (Level, 2, Level.HIGH),
    (Level, "HIGH", Level.HIGH),
    (Region, "eu-west", Region.EU),
    (Access, 2, Access.WRITE),
    (Literal["a", 1], "a", "a"),
    (Literal["a", 1], "1", 1),
    (Literal["1", 1], "1", "1"),
    (Literal["1", 1], 1, 1),
    (Literal[Color.RED, None], "RED", Color.RED),
    (Literal[True, "x"], "yes", True),
    (Optional[int], None, None),  # noqa: UP045
    (int | None, "5", 5),
    (int | None, "null", None),
    (str | None, "null", "null"),
    (Path | None, "null", Path("null")),
    (int | str, "5", 5),
    (int | str, "five", "five"),
    (str | int, 5, 5),
    (int | float, 2.0, 2.0),
    (int | bool, True, True),
    (Path | date, "2013-01-01", date(2013, 1, 1)),
    (Union[date, str], "2013-01-01", date(2013, 1, 1)),  # noqa: UP007
    (list[int], "[1, 2]", [1, 2]),
    (list[int], ["1", 2], [1, 2]),
    (typing.List[int], (1, 2), [1, 2]),  # noqa: UP006
    (list, "[1, null]", [1, None]),
    (list[int] | int, "[1]", [1]),
    (tuple[int, ...], "[1, 2]", (1, 2)),
    (tuple[int, str], '[1, "a"]', (1, "a")),
    (tuple, [1], (1,)),
    (set[int], "[1, 1, 2]", {1, 2}),
    (frozenset[str], ["a"], frozenset({"a"})),
    (dict[str, date], '{"a": "2013-01-01"}', {"a": date(2013, 1, 1)}),
    (dict, {"a": 1}, {"a": 1}),
    (Options, '{"limit": 1}', Options(1)),
    (Options, {"limit": "1", "window": {"start": "2013-01-01", "length": "2h"}, "tags": ["x"]},
     Options(1, Window(date(2013, 1, 1), timedelta(hours=2)), ["x"])),
    (Options, Options(1), Options(1)),
    (Tree, {"name": "a", "children": [{"name": "b"}]}, Tree("a", [Tree("b")])),
    (Any, {"a": [1]}, {"a": [1]}),
    (Any, "5", "5"),
    (object, 5, 5),
    (None, None, None),
]  # fmt: skip

REFUSED: list[tuple[Any, Any]] = [
    (str, 5), (str, None), (str, ["a"]),
    (int, "abc"), (int, 1.5), (int, 2.0), (int, True), (int, ""), (int, " 5"), (int, "5_0"), (int, "1.0"), (int, None),
    (int, "٣"), (int, "9" * 5000), (int, [5]),
    (float, ""), (float, "abc"), (float, True), (float, "1_0.5"), (float, "nan"), (float, "1e999"), (float, 2**53 + 1),
    (float, 10**400), (float, None),
    (bool, ""), (bool, "maybe"), (bool, 1), (bool, 0), (bool, None),
    (date, "2013-02-30"), (date, "20130131"), (date, "2013-01-31T00:00:00"), (date, datetime(2013, 1, 31)), (date, 1),
    (datetime, "yesterday"), (datetime, 1359590400), (datetime, date(2013, 1, 1)), (datetime, ""),
    (datetime, "0001-01-01T00:00:00"),
    (time, "25:00"), (time, 6), (timedelta, "soon"), (timedelta, True), (timedelta, float("nan")), (timedelta, 1e30),
    (Decimal, ""), (Decimal, "NaN"), (Decimal, "1,5"), (Decimal, True),
    (Path, ""), (Path, 5), (UUID, "123"), (UUID, 123),
    (Color, "red"), (Color, 1), (Color, None), (Level, "3"), (Level, True), (Access, "x"), (Access, 3),
    (Literal["a", 1], "b"), (Literal["a", 1], True), (Literal[1], 1.0), (Literal[1], "one"),
    (int | None, "x"), (int | None, ""), (date | int, 1.5),
    (list[int], "1,2"), (list[int], "{}"), (list[int], '["a"]'), (list[int], {"a": 1}), (list[int], "[" * 100_000),
    (tuple[int, str], "[1]"), (set[list[int]], [[1]]), (dict[str, int], "[1]"), (dict[str, int], {1: 1}),
    (Options, {}), (Options, {"limit": 1, "x": 1}), (Options, {"limit": 1, "derived": 1}), (Options, "1"),
    (Options, {"limit": 1, "window": {}}), (Percent, {"value": 101}), (Percent, {"value": -1}),
    (None, 0),
]  # fmt: skip


@pytest.mark.parametrize(("annotation", "value", "wanted"), ACCEPTED)
def test_a_value_becomes_the_annotated_type(annotation: Any, value: Any, wanted: Any):
    """From text, from JSON, and from what already is of the type."""
    found = convert(value, annotation, timezone="Asia/Tokyo")

    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(("annotation", "value", "wanted"), ACCEPTED)
def test_the_record_of_a_run_gives_the_value_back(annotation: Any, value: Any, wanted: Any):
    """Through JSON as text, in another time zone than the first time."""
    as_json = json.dumps(stored(wanted), allow_nan=False)

    found = convert(json.loads(as_json), annotation, timezone="America/New_York")

    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(("annotation", "value"), REFUSED)
def test_nothing_is_guessed(annotation: Any, value: Any):
    """What isn't of the type is refused, with what would be."""
    with pytest.raises(RefusedError) as caught:
        convert(value, annotation, timezone="Asia/Tokyo")
    assert caught.value.met
    assert caught.value.expected


SCALARS: dict[type, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    date: st.dates(),
    datetime: st.datetimes(timezones=st.just(UTC)).map(lambda drawn: drawn.replace(fold=0)),
    time: st.times().map(lambda drawn: drawn.replace(fold=0)),
    timedelta: st.timedeltas(),
    Decimal: st.decimals(allow_nan=False),
    UUID: st.uuids(),
    Color: st.sampled_from(Color),
    Crossed: st.sampled_from(Crossed),
    Region: st.sampled_from(Region),
    Window: st.builds(Window, st.dates(), st.timedeltas()),
}


@st.composite
def annotated_values(draw: st.DrawFn, depth: int = 2) -> tuple[Any, Any]:
    """An annotation, and a value of it."""
    kind = draw(st.sampled_from(["scalar", "list", "tuple", "dict", "optional"] if depth else ["scalar"]))
    if kind == "scalar":
        annotation = draw(st.sampled_from(list(SCALARS)))
        return annotation, draw(SCALARS[annotation])
    annotation, value = draw(annotated_values(depth=depth - 1))
    if kind == "optional":
        return annotation | None, draw(st.sampled_from([value, None])) if annotation is not str else value
    made = {"list": (list[annotation], [value]), "tuple": (tuple[annotation, ...], (value, value))}
    return made.get(kind, (dict[str, annotation], {draw(st.text()): value}))


@given(annotated_values())
def test_any_value_comes_back_from_its_record(drawn: tuple[Any, Any]):
    """Whatever is stored is read as the same value of the same type."""
    annotation, value = drawn
    check_annotation(annotation)

    again = convert(json.loads(json.dumps(stored(value), allow_nan=False)), annotation, timezone="Asia/Tokyo")

    assert again == value
    assert repr(again) == repr(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(JSON, st.sampled_from([annotation for annotation, _ in REFUSED]))
def test_whatever_is_sent_is_converted_or_refused(value: Any, annotation: Any):
    """No input crashes a service, and what is accepted is stable."""
    try:
        found = convert(value, annotation, timezone="Asia/Tokyo")
    except RefusedError:
        return

    assert convert(stored(found), annotation, timezone="Asia/Tokyo") == found


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"), (list[date], "list[date]"), (int | None, "int | None"), (Literal["a", 1], "'a' | 1"),
        (tuple[int, ...], "tuple[int, ...]"), (dict[str, Color], "dict[str, RED | BLUE]"), (Any, "any"),
        (Options, "Options"), (CustomerId, "int"), (Literal[Color.RED], "RED"), (list, "list"), (Many, "Many"),
    ],
)  # fmt: skip
def test_a_type_is_shown_as_people_write_it(annotation: Any, text: str):
    """Short, without module names."""
    assert shown(annotation) == text
