"""Digests of constants: equal values have equal ones, types tell values apart, what doesn't last is refused."""

import dataclasses
import datetime
import enum
import functools
import io
import pathlib
import re
import threading
from collections import OrderedDict, namedtuple
from decimal import Decimal
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplns import DefinitionError, Retry, step
from pplns.fingerprint import CodeDigests, digest_constant

CODE = CodeDigests(pathlib.Path(__file__).parent)
NOON = datetime.datetime(2024, 1, 1, 12)


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1


class Money(int):
    pass


@dataclasses.dataclass
class Range:
    low: int
    high: object = None


@dataclasses.dataclass
class Span:
    low: int
    high: object = None


class Plain:
    def __init__(self):
        self.n = 1

    def double(self, x):
        return x * 2


class Unnamed(datetime.tzinfo):
    pass


Pair = namedtuple("Pair", "a b")


def double(x):
    return x * 2


def triple(x):
    return x * 3


def digest(value):
    return digest_constant(value, code=CODE, where="x")


DIFFERENT = [
    None, True, False, 0, 1, 1.0, -0.0, 0.0, 1j, "1", b"1", bytearray(b"1"), "", (), [], {}, set(), frozenset(),
    (1,), [1], {1}, frozenset({1}), {1: 1}, {"1": 1}, [[1], 2], [1, [2]], (1, 2), (2, 1), Pair(1, 2), OrderedDict(),
    float("nan"), float("inf"), float("-inf"), 2**70, Money(1), Level.LOW, Color.RED, Color.BLUE,
    Decimal("1"), Decimal("1.0"), NOON, NOON.replace(tzinfo=datetime.UTC), NOON.replace(tzinfo=ZoneInfo("UTC")),
    NOON.replace(tzinfo=ZoneInfo("Asia/Tokyo")), NOON.replace(fold=1), NOON.date(), NOON.time(),
    datetime.timedelta(1), datetime.timedelta(microseconds=1), datetime.UTC, ZoneInfo("Asia/Tokyo"),
    pathlib.PurePosixPath("a"), range(1), range(2), re.compile("a"), re.compile("a", re.DOTALL), re.compile(b"a"),
    Range(1), Range(2), Range(1, "a"), Span(1), Retry(attempts=2), Retry(attempts=3), int, Range, Span, list[int],
    double, triple, functools.partial(double, 1), functools.partial(double, 2), functools.partial(triple, 1),
    len, max, str.upper, ",".join, ";".join, Retry().replace, ..., {"a": {"b": 1}}, {"a": {"b": 2}}, datetime, re,
]  # fmt: skip

EQUAL = {
    "dicts in another order": ({"a": 1, "b": [2]}, {"b": [2], "a": 1}),
    "sets in another order": ({"a", "b", "c"}, {"c", "b", "a"}),
    "a read-only view of a dict": (MappingProxyType({"a": 1}), MappingProxyType({"a": 1})),
    "paths of two systems": (pathlib.PurePosixPath("a/b"), pathlib.PureWindowsPath("a\\b")),
    "two dataclass instances": (Range(1, [Color.RED]), Range(1, [Color.RED])),
    "two ordered dicts": (OrderedDict(a=1, b=2), OrderedDict(a=1, b=2)),
    "a step and its function": (step(double), double),
    "two partials": (functools.partial(double, x=1), functools.partial(double, x=1)),
    "frozen values": (Retry(delay="5s"), Retry(delay=5)),
    "zone objects": (ZoneInfo.no_cache("Asia/Tokyo"), ZoneInfo("Asia/Tokyo")),
}

REFUSED = {
    "an object": object(),
    "an instance": Plain(),
    "a method of an instance": Plain().double,
    "a generator": (n for n in [1]),
    "an open file": io.StringIO(),
    "a lock": threading.Lock(),
    "an iterator": iter([1]),
    "a memoryview": memoryview(b"a"),
    "a zone of an unknown type": Unnamed(),
}


def test_different_constants_have_different_digests():
    """Every two of these are different to a step, if only by their types."""
    digests = {}
    for value in DIFFERENT:
        digests.setdefault(digest(value), []).append(value)

    assert [values for values in digests.values() if len(values) > 1] == []


@pytest.mark.parametrize(("one", "other"), EQUAL.values(), ids=EQUAL)
def test_equal_constants_have_equal_digests(one, other):
    """What is equal as a value is one constant, however it was put together."""
    assert digest(one) == digest(other)


def test_the_order_of_an_ordered_dict_counts():
    """Who needs order to count says so."""
    assert digest(OrderedDict(a=1, b=2)) != digest(OrderedDict(b=2, a=1))


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
def test_what_does_not_last_is_refused(value):
    """A value that is another one in the next process is refused by its place, deep inside a constant too."""
    with pytest.raises(DefinitionError) as refused:
        digest_constant({"a": [value]}, code=CODE, where="Argument 'options' of step 'clean'")

    assert "Argument 'options' of step 'clean'['a'][0]" in refused.value.met
    assert refused.value.remedy == "Make it inside a step and pass that step's output."


def test_the_refusal_names_the_field_of_a_dataclass():
    """The place in the message leads to the value."""
    with pytest.raises(DefinitionError, match=r"x\.high\[1\] is of the type threading\.Event\."):
        digest(Range(1, (0, threading.Event())))


def test_a_list_that_holds_itself_is_refused():
    """A value without an end has no digest."""
    endless = []
    endless.append(endless)

    with pytest.raises(DefinitionError, match=r"x\[0\] is of the type list\."):
        digest(endless)


def test_the_same_object_twice_is_no_circle():
    """A list that holds one list two times is like one that holds two equal lists."""
    inner = [1]

    assert digest([inner, inner]) == digest([[1], [1]])


def test_numpy_scalars_count_by_type_and_value():
    """A float64 is no float, and a date of numpy keeps its unit."""
    numpy = pytest.importorskip("numpy")
    values = [1.0, numpy.float64(1), numpy.float32(1), numpy.int64(1), numpy.bool_(True), numpy.str_("1")]
    values += [numpy.datetime64("2024-01-01"), numpy.datetime64("2024-01-01", "s"), numpy.add, numpy.mean, numpy.sum]

    assert len({digest(value) for value in values}) == len(values)
    assert digest(numpy.float64(1)) == digest(numpy.float64("1.0"))


def test_pandas_scalars_keep_their_nanoseconds():
    """Timestamps that differ by a nanosecond are two constants; tables are refused."""
    pandas = pytest.importorskip("pandas")

    assert digest(pandas.Timestamp(1)) != digest(pandas.Timestamp(2))
    assert digest(pandas.Timedelta(1)) != digest(pandas.Timedelta(2))
    with pytest.raises(DefinitionError, match=r"pandas\..*DataFrame"):
        digest(pandas.DataFrame({"a": [1]}))


def test_the_class_of_a_constant_counts_by_its_code(project):
    """A dataclass of the project whose method has changed is another constant."""
    source = "import dataclasses\n@dataclasses.dataclass\nclass P:\n    n: int\n    def m(self): return {}"
    digests = []
    for number in (1, 2, 1):
        project.write({"main.py": source.format(number)})
        digests.append(digest_constant(project.load("main:P")(5), code=CodeDigests(project.root), where="x"))

    assert digests[0] == digests[2] != digests[1]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


@given(json_values, json_values)
def test_digests_are_equal_when_the_values_are(one, other):
    """Any two values of JSON-like types have one digest exactly if their types and contents agree."""
    assert (digest(one) == digest(other)) == (exact(one) == exact(other))


def exact(value):
    if isinstance(value, dict):
        return dict, {key: exact(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value), [exact(inner) for inner in value]
    return type(value), repr(value)
