"""Enum members, dataclasses and NamedTuples come back as what they were."""

from dataclasses import dataclass
from typing import Any

import pytest

import sample_classes
from pplns.codecs import hold, restore
from pplns.errors import DamagedArtifact, StorageRefused
from sample_classes import Access, Colour, Key, Kind, Level, Order, Outer, Point
from storing import held_and_restored, stored_value

MEMBERS = [Colour.RED, Colour.GREEN, Level.LOW, Kind.DAILY, Access.READ, Access.READ | Access.WRITE, Access(0)]


@pytest.mark.parametrize("member", MEMBERS, ids=repr)
def test_a_member_comes_back_as_the_same_object(member: Any):
    """Members are compared with `is`; combinations of flags are members too."""
    held, again = held_and_restored([member])

    assert held.handout()[0] is member
    assert again.handout()[0] is member


@pytest.mark.parametrize(
    "value", [Point(1, 2.5), Key("a", Point(1)), Outer.Inner({"a": (1,)}), {Key("a", Point(1)): Colour.RED}], ids=repr
)
def test_an_instance_comes_back_equal(value: Any):
    """Nested, frozen, slotted, defined inside a class, as a key."""
    held, again = held_and_restored(value)

    for found in (held.handout(), again.handout()):
        assert type(found) is type(value)
        assert found == value


def test_a_dataclass_comes_back_without_being_made_anew():
    """`__init__` doesn't run: what was set later, or beside the fields, is as it was."""
    order = Order(3, ["a"], factor=2)
    order.total = 7

    _, again = held_and_restored(order)

    assert again.handout() == order
    assert again.handout().extra == "set in __post_init__"


def test_a_consumer_has_a_dataclass_of_its_own():
    """Lists inside it as well."""
    held = hold(Order(3, ["a"]), where="Step 'make'")

    held.handout().items.append("b")

    assert held.handout().items == ["a"]


def test_a_local_class_is_refused():
    """Another process couldn't find it; the message says where to put it."""

    @dataclass
    class Local:
        value: int = 1

    with pytest.raises(
        StorageRefused, match=r"Step 'make' returned a list that holds an instance of .*Local.* at \[0\]"
    ):
        hold([Local()], where="Step 'make'")


def test_a_class_that_has_gone_makes_the_checkpoint_unusable(monkeypatch: pytest.MonkeyPatch):
    """The step runs again, rather than the run failing for good."""
    held = hold(Point(1), where="Step 'make'")
    monkeypatch.delattr(sample_classes, "Point")

    with pytest.raises(DamagedArtifact, match="AttributeError"):
        restore(stored_value(held, inline=held.inline), None)


def test_a_class_with_other_fields_makes_the_checkpoint_unusable(monkeypatch: pytest.MonkeyPatch):
    """A value that no longer fits its class isn't put together halfway."""
    held = hold(Key("a", Point(1)), where="Step 'make'")
    monkeypatch.setattr(sample_classes, "Key", Order)

    with pytest.raises(DamagedArtifact, match="other fields"):
        restore(stored_value(held, inline=held.inline), None)
