"""What a pipeline function records when it is called once with a run's parameters."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from pplns import DefinitionError, ParameterError, logical_date, pipeline, step
from pplns.graph import Graph, Reference, build_graph, fill


@step
def load(day: str = "today") -> list[int]:
    return [len(day)]


@step
def clean(x: Any, other: Any = None) -> Any:
    return x


@step
def split(x: Any) -> tuple[int, str]:
    return 1, "a"


@step(outputs=3)
def three(x: Any) -> Any:
    return 1, 2, 3


@step
def postponed(x: Any) -> "tuple[Unknown, Unknown]":  # type: ignore[name-defined]  # noqa: F821
    return x


@step
def endless(x: Any) -> tuple[int, ...]:
    return (1,)


class Pair(NamedTuple):
    left: Any
    right: Any


def graph_of(body: Callable[[], Any]) -> Graph:
    return build_graph(pipeline(name="tested")(body), {})


def test_calls_stand_in_order_with_their_inputs() -> None:
    """Each call names the steps whose data it takes, once, in the order of its arguments."""

    def body() -> Any:
        loaded = load("x")
        return clean(clean(loaded), loaded)

    graph = graph_of(body)

    assert [(call.name, call.inputs) for call in graph.calls] == [
        ("load", ()),
        ("clean", ("load",)),
        ("clean_2", ("clean", "load")),
    ]
    assert graph.result == Reference(step="clean_2")
    assert graph.consumers("load") == ("clean", "clean_2")
    assert graph.is_sink("clean_2")
    assert not graph.is_sink("clean")


def test_handles_are_found_in_containers() -> None:
    """Tuples, lists, dicts and named tuples are looked through; they keep their types."""
    graph = graph_of(lambda: clean([load(), (load(), {"a": load()})], Pair(load(), 1)))

    call = graph["clean"]
    assert call.inputs == ("load", "load_2", "load_3", "load_4")
    assert call.arguments["other"] == Pair(Reference(step="load_4"), 1)


@pytest.mark.parametrize(("which", "count"), [(split, 2), (three, 3), (postponed, 2)])
def test_several_outputs_are_unpacked(which: Any, count: int) -> None:
    """The annotation, postponed too, or the option says how many there are."""

    def body() -> Any:
        return [clean(one) for one in which(1)]

    graph = graph_of(body)

    assert graph.calls[0].outputs == count
    assert [call.arguments["x"] for call in graph.calls[1:]] == [
        Reference(step=which.name, output=place) for place in range(count)
    ]


def test_a_tuple_of_any_length_is_one_value() -> None:
    """`tuple[int, ...]` says nothing about how many there are."""

    def body() -> Any:
        a, b = endless(1)
        return a, b

    with pytest.raises(DefinitionError, match="looped over or unpacked"):
        graph_of(body)


def test_order_without_data() -> None:
    """A step ordered after another takes nothing from it, but waits; a list of outputs is accepted."""
    graph = graph_of(lambda: clean.after(load(), [load()])(1))

    assert (graph["clean"].inputs, graph["clean"].after) == ((), ("load", "load_2"))
    assert graph.waits_for_commits("load")
    assert graph.waits_for_commits("clean")


def test_names() -> None:
    """The same step twice gets a number that is free; a name of one's own stays."""
    graph = graph_of(lambda: [clean.named("clean_2")(1), clean(1), clean(2), clean(3)])

    assert graph.names == ("clean_2", "clean", "clean_3", "clean_4")


def body_of_same_names() -> Any:
    return [clean.named("tidy")(1), clean.named("Tidy")(2)]


def body_of_unknown_argument() -> Any:
    return clean(1, wrong=2)


def body_of_missing_argument() -> Any:
    return split()  # type: ignore[call-arg]


def body_of_order_after_nothing() -> Any:
    return clean.after(3)(1)


def body_of_handle_in_set() -> Any:
    return clean({load()})  # type: ignore[type-var]


def body_of_handle_as_key() -> Any:
    return clean({load(): 1})  # type: ignore[dict-item]


def body_of_deep_nesting() -> Any:
    nested: list[Any] = []
    nested.append(nested)
    return clean(nested)


def body_that_raises() -> Any:
    return {}["key"]


@step
def dated(day: Any = logical_date()) -> int:
    return 1


def body_of_dated_step() -> Any:
    return dated()


def body_of_truth() -> Any:
    return 1 if load() else 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (body_of_same_names, ["'Tidy'", "'tidy'", "unique", "named"]),
        (body_of_unknown_argument, ["'clean'", "wrong", "(x", "Correct the call"]),
        (body_of_missing_argument, ["'split'", "'x'"]),
        (body_of_order_after_nothing, ["'clean'", "ordered after 3", "publish.after"]),
        (body_of_handle_in_set, ["'clean'", "dict key or in a set", "list"]),
        (body_of_handle_as_key, ["'clean'", "dict key or in a set"]),
        (body_of_deep_nesting, ["'clean'", "deep"]),
        (body_that_raises, ["KeyError", "'key'", "move the work into a step"]),
        (body_of_dated_step, ["'dated'", "'day'", "pass it on"]),
        (body_of_truth, ["'load'", "truth", "Decide inside a step"]),
    ],
)
def test_what_cannot_be_connected_is_refused_with_file_and_line(body: Callable[[], Any], words: list[str]) -> None:
    """Each message has the place in the pipeline's file and says what to do."""
    with pytest.raises(DefinitionError) as caught:
        graph_of(body)

    text = str(caught.value)
    line = body.__code__.co_firstlineno
    assert any(f"test_graph.py:{line + after}: " in text for after in range(1, 5)), text
    assert [word for word in words if word not in text] == []


def test_an_error_of_pplns_passes_through_the_function() -> None:
    """A pipeline function may refuse a parameter's value itself, in the same three parts."""

    def body() -> Any:
        raise ParameterError("The month is 13.", "Months are 1 to 12.", "Send another one.")

    with pytest.raises(ParameterError) as caught:
        graph_of(body)

    assert str(caught.value) == "The month is 13. Months are 1 to 12. Send another one."


def test_a_handle_kept_from_another_call_is_refused() -> None:
    """Handles belong to the call of the pipeline function that made them."""
    kept: list[Any] = []
    graph_of(lambda: kept.append(load()))

    with pytest.raises(DefinitionError, match="another run of a pipeline function"):
        graph_of(lambda: clean(kept[0]))


def test_a_pipeline_called_inside_another_gives_its_steps() -> None:
    """Its steps become steps of the outer pipeline."""

    @pipeline
    def inner(x: int = 1) -> Any:
        return clean(load())

    graph = graph_of(lambda: split(inner(2)))

    assert graph.names == ("load", "clean", "split")


def test_recording_leaves_steps_as_they_were() -> None:
    """After a graph was built, or failed to be, steps are plain functions again."""
    graph_of(lambda: clean(load()))
    with pytest.raises(DefinitionError):
        graph_of(body_that_raises)

    assert load("abc") == [3]


def test_filled_arguments_are_fresh() -> None:
    """Filling gives new containers each time, so that nobody changes the graph's own."""
    template = {"a": [1, Reference(step="x")], "b": (bytearray(b"y"),)}

    filled = fill(template, lambda reference: reference.step)
    filled["a"].append(9)
    filled["b"][0].append(0)

    assert fill(template, lambda reference: "z") == {"a": [1, "z"], "b": (bytearray(b"y"),)}
