"""Versions and what they decide: pure functions over a graph and what is committed."""

from typing import Any

import pytest

from pplns import pipeline, step
from pplns.engine.plan import plan_steps, repeated_sinks, shapes_of
from pplns.graph import Call, Graph, build_graph
from pplns.model.artifact import Commit, StoredValue
from pplns.state.checkpoints import Checkpoints


@step
def load(n: int) -> int:
    return n


@step
def double(x: int) -> int:
    return 2 * x


@step
def add(x: int, y: int) -> int:
    return x + y


@pipeline
def small(n: int = 1) -> Any:
    loaded = load(n)
    return add(double(loaded), load(5))


def shapes(graph: Graph, **code: str) -> dict[str, str]:
    def digest_code(call: Call) -> str:
        return code.get(call.name, call.step.name)

    return shapes_of(graph, digest_code=digest_code, digest_constant=lambda value, step: repr(value))


def commit(name: str, version: str, value: str = "v", *, base: str | None = None) -> Commit:
    stored = StoredValue(codec="json", digest=value, size_bytes=1, inline=1)
    return Commit(
        step=name,
        version=version,
        values=(stored,),
        several=False,
        attempt=1,
        tries=1,
        started_at="",
        finished_at="",
        duration_s=0.0,
        writer="w",
        base_version=base,
    )


def commit_all(graph: Graph, of: dict[str, str]) -> Checkpoints:
    checkpoints = Checkpoints()
    for name, planned in plan_steps(graph, of, checkpoints).items():
        checkpoints.commits[name, str(planned.version)] = commit(name, str(planned.version))
    return checkpoints


def actions(graph: Graph, of: dict[str, str], checkpoints: Checkpoints) -> dict[str, str]:
    return {name: planned.action for name, planned in plan_steps(graph, of, checkpoints).items()}


def test_what_is_committed_is_reused() -> None:
    """A second plan of the same code and parameters has nothing to run."""
    graph = build_graph(small, {})

    assert set(actions(graph, shapes(graph), commit_all(graph, shapes(graph))).values()) == {"reuse"}


@pytest.mark.parametrize(
    ("changed", "run"),
    [
        ({"double": "new"}, {"double", "add"}),
        ({"load": "new"}, {"load", "double", "add"}),
        ({"add": "new"}, {"add"}),
        ({"load_2": "new"}, {"load_2", "add"}),
    ],
)
def test_a_changed_step_takes_what_depends_on_it_along(changed: dict[str, str], run: set[str]) -> None:
    """All else is reused."""
    graph = build_graph(small, {})
    checkpoints = commit_all(graph, shapes(graph))

    found = actions(graph, shapes(graph, **changed), checkpoints)

    assert {name for name, action in found.items() if action == "run"} == run


def test_a_changed_constant_changes_the_version() -> None:
    """The parameter reaches `load` only, and `double` and `add` through it."""
    one, two = build_graph(small, {"n": 1}), build_graph(small, {"n": 2})
    checkpoints = commit_all(one, shapes(one))

    found = actions(two, shapes(two), checkpoints)

    assert found == {"load": "run", "double": "run", "load_2": "reuse", "add": "run"}


def test_swapped_inputs_are_another_version() -> None:
    """Which output goes to which parameter is part of a step's version."""

    @pipeline
    def swapped(n: int = 1) -> Any:
        loaded = load(n)
        doubled, other = double(loaded), load(5)
        return add(other, doubled)

    straight, crossed = build_graph(small, {}), build_graph(swapped, {})
    checkpoints = commit_all(straight, shapes(straight))

    assert actions(crossed, shapes(crossed), checkpoints)["add"] == "run"


def test_after_a_redo_nothing_is_known_until_it_is_durable() -> None:
    """The redone step runs; what depends on it waits for its digest."""
    graph = build_graph(small, {})
    checkpoints = commit_all(graph, shapes(graph))
    checkpoints.redos["load"] = 1

    assert actions(graph, shapes(graph), checkpoints) == {
        "load": "run", "double": "wait", "load_2": "reuse", "add": "wait",
    }  # fmt: skip


@pytest.mark.parametrize(("value", "after"), [("v", "reuse"), ("other", "run")])
def test_an_equal_redo_counts_as_the_old_commit(value: str, after: str) -> None:
    """With an equal digest what depends on it is reused, with another one it runs."""
    graph = build_graph(small, {})
    checkpoints = commit_all(graph, shapes(graph))
    for redo in (1, 2):
        checkpoints.redos["load"] = redo
        version = str(plan_steps(graph, shapes(graph), checkpoints)["load"].version)
        checkpoints.commits["load", version] = commit("load", version, "v" if redo == 1 else value)

    found = actions(graph, shapes(graph), checkpoints)

    assert (found["load"], found["double"], found["add"]) == ("reuse", after, after)


def test_a_sink_that_would_write_again_is_named() -> None:
    """A delivery may not repeat it because the code changed; a redo that a person asked for doesn't count."""
    graph = build_graph(small, {})
    checkpoints = commit_all(graph, shapes(graph))
    changed = plan_steps(graph, shapes(graph, double="new"), checkpoints)

    assert repeated_sinks(graph, changed, checkpoints) == ("add",)
    assert repeated_sinks(graph, plan_steps(graph, shapes(graph), checkpoints), checkpoints) == ()


def redo_sink(graph: Graph, of: dict[str, str], checkpoints: Checkpoints) -> None:
    """Ask for `add` again, and commit what it then returned."""
    checkpoints.redos["add"] = checkpoints.redos.get("add", 0) + 1
    version = str(plan_steps(graph, of, checkpoints)["add"].version)
    checkpoints.commits["add", version] = commit("add", version)


def test_a_sink_that_was_redone_is_named_like_any_other() -> None:
    """That a person once asked for it again says nothing about code that changes later."""
    graph = build_graph(small, {})
    checkpoints = commit_all(graph, shapes(graph))
    redo_sink(graph, shapes(graph), checkpoints)
    changed = plan_steps(graph, shapes(graph, add="new"), checkpoints)

    assert repeated_sinks(graph, changed, checkpoints) == ("add",)


@pytest.mark.parametrize("code", ["add", "new"])
def test_a_redo_that_is_still_to_run_is_no_repeat(code: str) -> None:
    """An attempt died between the redo and its commit: the delivery that goes on runs it, with old code or new."""
    graph = build_graph(small, {})
    checkpoints = commit_all(graph, shapes(graph))
    redo_sink(graph, shapes(graph), checkpoints)
    checkpoints.redos["add"] = 2

    plan = plan_steps(graph, shapes(graph, add=code), checkpoints)

    assert plan["add"].action == "run"
    assert repeated_sinks(graph, plan, checkpoints) == ()


@pytest.mark.parametrize(("code", "named"), [("add", ()), ("new", ("add",))])
def test_an_unreadable_commit_of_a_sink_says_that_it_has_run(code: str, named: tuple[str, ...]) -> None:
    """Under the code of now it is passed by a redo, as any damage is; under new code it would be repeated."""
    graph = build_graph(small, {})
    checkpoints = commit_all(graph, shapes(graph))
    version = str(plan_steps(graph, shapes(graph), checkpoints)["add"].version)
    del checkpoints.commits["add", version]
    checkpoints.unreadable["add", version] = "damaged"

    plan = plan_steps(graph, shapes(graph, add=code), checkpoints)

    assert repeated_sinks(graph, plan, checkpoints) == named


def test_a_redo_after_a_change_that_a_person_allowed_is_no_repeat() -> None:
    """Under the code of now it was committed and has to run again: more commits than redos say nothing then."""
    graph = build_graph(small, {})
    checkpoints = commit_all(graph, shapes(graph))
    checkpoints.commits |= commit_all(graph, shapes(graph, add="new")).commits
    checkpoints.redos["add"] = 1

    plan = plan_steps(graph, shapes(graph, add="new"), checkpoints)

    assert repeated_sinks(graph, plan, checkpoints) == ()


def redo_load(graph: Graph, of: dict[str, str], checkpoints: Checkpoints, value: str) -> None:
    """Make `load` again with another value, and commit what `double` makes of it."""
    checkpoints.redos["load"] = checkpoints.redos.get("load", 0) + 1
    for name, found in (("load", value), ("double", "v")):
        version = str(plan_steps(graph, of, checkpoints)[name].version)
        checkpoints.commits[name, version] = commit(name, version, found)


@pytest.mark.parametrize(("code", "named"), [({}, ()), ({"load_2": "new"}, ("add",)), ({"add": "new"}, ("add",))])
def test_a_sink_whose_input_was_made_again_is_no_changed_code(code: dict[str, str], named: tuple[str, ...]) -> None:
    """Its input was damaged and came out differently: it runs for that, and is named only if code changed as well."""
    graph = build_graph(small, {})
    checkpoints = commit_all(graph, shapes(graph))
    redo_load(graph, shapes(graph), checkpoints, "other")

    plan = plan_steps(graph, shapes(graph, **code), checkpoints)

    assert plan["add"].action == "run"
    assert repeated_sinks(graph, plan, checkpoints) == named


def test_a_sink_that_first_ran_after_a_redo_is_known_by_its_base() -> None:
    """Its input was made again before it ran, and once more after: the commit says which code it came from."""
    graph = build_graph(small, {})
    checkpoints = commit_all(graph, shapes(graph))
    checkpoints.commits = {key: one for key, one in checkpoints.commits.items() if key[0] != "add"}
    redo_load(graph, shapes(graph), checkpoints, "other")
    sink = plan_steps(graph, shapes(graph), checkpoints)["add"]
    checkpoints.commits["add", str(sink.version)] = commit("add", str(sink.version), base=sink.base)
    redo_load(graph, shapes(graph), checkpoints, "another")

    plan = plan_steps(graph, shapes(graph), checkpoints)

    assert (plan["add"].action, plan["add"].base) == ("run", sink.base)
    assert repeated_sinks(graph, plan, checkpoints) == ()
