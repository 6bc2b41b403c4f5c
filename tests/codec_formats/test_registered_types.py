"""Types of the user's own: registered by name, stored as what their functions make of them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pplns import register_type
from pplns.codecs import hold, registry, restore
from pplns.errors import DamagedArtifact, DefinitionError, StorageRefused
from sample_classes import Holder, Opaque
from storing import artifact_of, held_and_restored, stored_value


class Money:
    """An amount of a currency; equal by both."""

    def __init__(self, amount: int, currency: str) -> None:
        self.amount = amount
        self.currency = currency

    def __eq__(self, other: object) -> bool:
        return type(other) is Money and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((self.amount, self.currency))


class Model:
    """A fitted model: a table of weights and a name."""

    def __init__(self, weights: pd.DataFrame) -> None:
        self.weights = weights


@dataclass
class Bare:
    """A dataclass that is stored in another way than dataclasses are."""

    items: list[int] = field(default_factory=list)


def encode_money(money: Money) -> dict[str, Any]:
    return {"amount": money.amount, "currency": money.currency}


def decode_money(content: dict[str, Any]) -> Money:
    return Money(**content)


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """Register the types of this file, and forget all of them after a test."""
    before = dict(registry._BY_NAME), dict(registry._BY_CLASS)
    register_type(Money, "money", encode=encode_money, decode=decode_money)
    register_type(Model, "model", encode=lambda model: model.weights, decode=Model)
    yield
    for found, old in zip((registry._BY_NAME, registry._BY_CLASS), before, strict=True):
        found.clear()
        found.update(old)


FIVE = Money(5, "EUR")


@pytest.mark.parametrize(
    "value",
    [
        FIVE,
        [FIVE, Money(6, "USD")],
        {"price": FIVE, "prices": (FIVE, {FIVE})},
        {FIVE: 1},
        Holder(FIVE),
        [FIVE] * 5000,
    ],
    ids=["alone", "list", "dict", "key", "dataclass", "artifact"],
)
def test_a_registered_value_comes_back(value: Any):
    """By itself, inside containers and dataclasses, in a commit and in an artifact."""
    for one in held_and_restored(value):
        assert one.handout() == value
        assert type(one.handout()) is type(value)


def test_registered_values_stand_in_cells_of_a_frame():
    """An object column holds what a list may hold."""
    frame = pd.DataFrame({"price": [FIVE, None]})

    for one in held_and_restored(frame):
        assert one.handout()["price"].tolist() == [FIVE, None]


def test_a_value_made_of_a_table_is_stored_as_a_table():
    """Rows and columns are known, and the artifact is an Arrow file."""
    held, again = held_and_restored(Model(pd.DataFrame({"weight": [0.5, 1.5]})))

    assert (held.codec, held.extension, held.rows) == ("registered", "arrow", 2)
    assert held.columns == {"weight": "double"}
    assert again.handout().weights["weight"].tolist() == [0.5, 1.5]


@pytest.mark.parametrize("content", [np.arange(5000), b"x" * 50_000, "x" * 50_000], ids=["array", "bytes", "text"])
def test_a_value_made_of_something_large_has_an_artifact(content: Any):
    """What is made of it decides the format."""
    register_type(Holder, "holder", encode=lambda holder: holder.content, decode=Holder)

    for one in held_and_restored(Holder(content)):
        assert np.array_equal(one.handout().content, content)


def test_every_consumer_has_a_value_of_its_own():
    """Each is decoded anew."""
    for one in held_and_restored(FIVE):
        one.handout().amount = 99
        one.handout().amount = 98
        assert one.handout() == FIVE


def test_a_registered_dataclass_is_stored_as_registered():
    """The registry comes before the codec that the class would have."""
    register_type(Bare, "bare", encode=lambda bare: bare.items, decode=Bare)

    held, again = held_and_restored(Bare([1, 2]))

    assert held.inline == [1, 2]
    assert again.handout() == Bare([1, 2])


def test_the_same_class_may_be_registered_again_under_its_name():
    """A module that is loaded twice registers twice; the later functions count."""
    register_type(Money, "money", encode=lambda money: money.amount, decode=lambda amount: Money(amount, "EUR"))

    assert hold(FIVE, where="Step 'make'").inline == 5


@pytest.mark.parametrize(
    ("cls", "name", "version", "message"),
    [
        (Opaque, "money", 1, r"The name 'money' is registered for .*Money already, and again for .*Opaque.*Choose"),
        (Money, "cash", 1, r"The class .*Money is registered as 'money' already, and again as 'cash'"),
        (dict, "dict", 1, r"given builtins\.dict, which comes from a library that pplns stores itself.*Convert it"),
        (pd.Index, "index", 1, r"given pandas.*Index, which comes from a library"),
        (FIVE, "money", 1, r"given <.*Money object.*is a class.*Write register_type\(Money, …\)"),
        (Opaque, " ", 1, r"was given the name ' ' and the version 1.*'opaque', …\), for example"),
        (Opaque, "opaque", 0, r"the version 0\. .*1 or more"),
    ],
    ids=["name twice", "class twice", "built-in", "library", "no class", "no name", "no version"],
)
def test_a_wrong_registration_is_refused(cls: Any, name: str, version: int, message: str):
    """At once, where it is written."""
    with pytest.raises(DefinitionError, match=message):
        register_type(cls, name, encode=str, decode=cls, version=version)


def failing(content: Any) -> Any:
    raise KeyError("currency")


WRONG_FUNCTIONS: dict[str, tuple[Any, Any, str]] = {
    "encode fails": (failing, Opaque, r"Opaque whose registered encode raised KeyError: 'currency'.*Correct the"),
    "encode gives the unstorable": (
        lambda _: {"lock": print},
        Opaque,
        r"holds a builtin_function_or_method at .*encode\('opaque'\)\['lock'\]\..*Return a table",
    ),
    "encode gives the value": (
        lambda value: value,
        Opaque,
        r"holds the value itself at .*\. .*Let encode return a dict",
    ),
    "decode fails": (
        lambda _: 1,
        failing,
        r"Opaque whose registered decode raised KeyError: 'currency'.*Let it take",
    ),
    "decode gives another type": (lambda _: 1, str, r"Opaque whose decode of 'opaque' returned a str.*Let it return"),
}


@pytest.mark.parametrize("nested", [False, True], ids=["alone", "in a list"])
@pytest.mark.parametrize("case", WRONG_FUNCTIONS)
def test_functions_that_do_not_lead_back_are_refused_when_the_value_is_returned(case: str, nested: bool):
    """The step that returned the value is named, not the one that reads it."""
    encode, decode, message = WRONG_FUNCTIONS[case]
    register_type(Opaque, "opaque", encode=encode, decode=decode)

    with pytest.raises(StorageRefused, match=message) as refused:
        hold([Opaque()] if nested else Opaque(), where="Step 'make'")

    assert refused.value.met.startswith("Step 'make' returned a")


@pytest.mark.parametrize("value", [FIVE, [FIVE], Model(pd.DataFrame({"a": [1]}))], ids=["alone", "nested", "table"])
def test_a_type_that_is_not_registered_where_it_is_read_is_named(value: Any):
    """The message says what to call."""
    held = hold(value, where="Step 'make'")
    stored, data = _written(held)
    registry._BY_NAME.clear()

    with pytest.raises(DamagedArtifact, match=r"the type '(money|model)' isn't registered.*register_type\("):
        restore(stored, data)


def test_another_version_is_not_read():
    """Who changes `decode` raises the version: old checkpoints are left, and their steps run again."""
    stored, data = _written(hold(FIVE, where="Step 'make'"))
    register_type(Money, "money", encode=encode_money, decode=decode_money, version=2)

    with pytest.raises(DamagedArtifact, match=r"version 1 of the type 'money' was stored; version 2 is registered"):
        restore(stored, data)


def test_a_decode_that_fails_on_a_checkpoint_is_an_error_of_ours():
    """So that the step runs again instead of its consumer failing."""
    stored, data = _written(hold(FIVE, where="Step 'make'"))
    register_type(Money, "money", encode=encode_money, decode=failing)

    with pytest.raises(DamagedArtifact, match=r"decode of 'money' raised KeyError: 'currency'"):
        restore(stored, data)


def _written(held: Any) -> tuple[Any, Any]:
    if held.has_inline:
        return stored_value(held, inline=json.loads(held.inline_bytes)), None
    return stored_value(held, artifact="a"), artifact_of(held)
