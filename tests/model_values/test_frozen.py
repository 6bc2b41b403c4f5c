"""`Frozen` behaves as a frozen dataclass does."""

import copy

import pytest

from pplns.model.frozen import Frozen, Unchecked


class Point(Frozen):
    """A place, for these tests."""

    x: int
    y: int = 0


class Place(Point):
    """A named place: its fields come after those it inherits."""

    name: str = "?"


class Corner(Frozen):
    """Equal fields, another class."""

    x: int
    y: int = 0


class Spot(Unchecked):
    """A place that is made often."""

    x: int
    y: int = 0


def test_fields_come_by_place_by_name_and_by_default() -> None:
    """As in a dataclass."""
    assert Point(1, 2) == Point(1, y=2) == Point(y=2, x=1)
    assert Point(1).y == 0


def test_equal_means_same_class_and_same_fields() -> None:
    """And equal values hash alike."""
    assert Point(1) == Point(1, 0)
    assert Point(1) != Point(2)
    assert Point(1) != Corner(1)
    assert Point(1) != (1, 0)
    assert len({Point(1, 2), Point(x=1, y=2), Point(y=2, x=1), Point(2)}) == 2


def test_a_value_that_is_the_same_is_equal() -> None:
    """Whatever its own `==` says: not a number, a table."""
    nan = float("nan")

    assert Point(nan) == Point(nan)  # type: ignore[arg-type]
    assert Spot(x=nan) == Spot(x=nan)  # type: ignore[arg-type]


def test_a_repr_shows_every_field() -> None:
    """In the form in which it is written."""
    assert repr(Point(1, 2)) == "Point(x=1, y=2)"


def test_replace_gives_another_one() -> None:
    """The first one stays as it was."""
    point = Point(1, 2)

    assert (point.replace(y=5), point) == (Point(1, 5), Point(1, 2))


def test_a_subclass_adds_its_fields() -> None:
    """As type checkers read it."""
    place = Place(1, name="here")

    assert repr(place) == "Place(x=1, y=0, name='here')"


def test_nothing_is_set_or_deleted_later() -> None:
    """A value that steps share can't be changed by one of them."""
    point = Point(1)

    with pytest.raises(AttributeError, match=r"Point is frozen; make a new one instead of setting 'x'"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="frozen"):
        point.z = 2
    with pytest.raises(AttributeError, match="frozen"):
        del point.x


def test_an_unchecked_one_takes_its_fields_by_name() -> None:
    """A default counts as if it had been given."""
    assert (Spot(x=1).y, Spot(y=2, x=1).y) == (0, 2)
    assert Spot(x=1) == Spot(x=1, y=0) != Spot(x=2)
    assert Spot(x=1) != Corner(1)
    assert len({Spot(x=1), Spot(x=1, y=0), Spot(y=1, x=1)}) == 2
    assert repr(Spot(x=1)) == "Spot(x=1, y=0)"
    assert Spot(x=1).replace(y=5) == Spot(x=1, y=5)
    assert copy.copy(Spot(x=1)) == Spot(x=1) == copy.deepcopy(Spot(x=1))


def test_an_unchecked_one_is_frozen_too() -> None:
    """Nothing is set or deleted later."""
    spot = Spot(x=1)

    with pytest.raises(AttributeError, match=r"Spot is frozen; make a new one instead of setting 'x'"):
        spot.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="frozen"):
        del spot.x


def test_an_unchecked_one_has_no_checks() -> None:
    """They would never run."""
    with pytest.raises(TypeError, match="Checked has checks, which an Unchecked never runs"):

        class Checked(Unchecked):
            x: int

            def __post_init__(self) -> None:
                raise ValueError


def test_wrong_arguments_are_named() -> None:
    """Missing, unknown, given twice, too many."""
    with pytest.raises(TypeError, match=r"Point\(\) misses the argument 'x'"):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"Point\(\) doesn't take the argument 'z'; it takes x, y"):
        Point(1, z=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"Point\(\) got twice the argument 'x'"):
        Point(1, x=3)  # type: ignore[misc]
    with pytest.raises(TypeError, match=r"Point\(\) takes 2 arguments, but 3 were given"):
        Point(1, 2, 3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="'z'"):
        Point(1).replace(z=3)


def test_a_copy_is_equal() -> None:
    """Shallow or deep."""
    assert copy.copy(Point(1)) == Point(1) == copy.deepcopy(Point(1))
