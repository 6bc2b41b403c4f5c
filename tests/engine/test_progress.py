"""When a step may start and a commit may be written: PROTOCOL, commits, rule 3."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplns import pipeline, step
from pplns.engine.progress import Progress
from pplns.graph import build_graph

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.engine.progress import Phase


@step
def source() -> int:
    return 1


@step
def through(x: int) -> int:
    return x


@step(wait_for_commit=True)
def outward(x: int) -> int:
    return x


@pipeline
def chain() -> Any:
    return through.named("d")(through.named("c")(through.named("b")(source.named("a")())))


@pipeline
def ordered() -> Any:
    first = through.named("first")(source.named("a")())
    through.named("last")(through.named("second").after(first)(source.named("b")()))
    return outward.named("out")(first), through.named("after_out")(first)


def to(phase: Phase, names: list[str]) -> list[tuple[str, Phase]]:
    return [(name, phase) for name in names]


def progress_of(which: Any, **phases: Phase) -> Progress:
    progress = Progress(build_graph(which, {}))
    for name, phase in phases.items():
        progress[name] = phase
    return progress


def test_write_behind_is_one_deep() -> None:
    """`c` may start while the commit of `b` is in flight, but not while that of `a` is."""
    assert progress_of(chain, a="returned").may_start("b")
    assert not progress_of(chain, a="returned", b="returned").may_start("c")
    assert progress_of(chain, a="durable", b="returned").may_start("c")


def test_a_sink_starts_only_on_durable_ground() -> None:
    """`d` writes to the outside as far as anyone knows: nothing consumes it."""
    assert not progress_of(chain, a="durable", b="durable", c="returned").may_start("d")
    assert progress_of(chain, a="durable", b="durable", c="durable").may_start("d")


def test_a_commit_follows_those_before_it() -> None:
    """`b` has returned, but its commit waits for that of `a`."""
    assert not progress_of(chain, a="returned", b="returned").may_commit("b")
    assert progress_of(chain, a="durable", b="returned").may_commit("b")


@pytest.mark.parametrize("name", ["first", "second"])
def test_order_without_data_waits_for_commits(name: str) -> None:
    """Both a step that others are ordered after and the one ordered after it start on durable ground only."""
    assert not progress_of(ordered, a="returned", b="returned", first="waiting").may_start(name)
    assert progress_of(ordered, a="durable", b="durable", first="waiting" if name == "first" else "durable").may_start(
        name
    )


def test_a_step_that_asks_for_it_waits_for_commits() -> None:
    """`wait_for_commit=True` is for outside effects whose output is consumed."""
    assert not progress_of(ordered, a="durable", first="returned").may_start("out")
    assert progress_of(ordered, a="durable", first="durable").may_start("out")


@given(data=st.data())
def test_no_phase_order_breaks_the_rules(data: st.DataObject) -> None:
    """Whatever the order of events, a commit is never written before those it rests on, and all steps get done."""
    edges = data.draw(st.lists(st.lists(st.integers(0, 9), max_size=3), min_size=1, max_size=10))

    @step
    def gather(xs: list[int]) -> int:
        return len(xs)

    @pipeline
    def any_graph() -> Any:
        made: list[int] = []
        for before in edges:
            made.append(gather([made[one % len(made)] for one in before] if made else []))
        return made

    graph = build_graph(any_graph, {})
    progress = Progress(graph)
    while any(progress[name] != "durable" for name in graph.names):
        may_start = [name for name in graph.names if progress.may_start(name)]
        may_commit = [name for name in graph.names if progress.may_commit(name)]
        running = [name for name in graph.names if progress[name] == "running"]
        choices = [*to("running", may_start), *to("durable", may_commit), *to("returned", running)]
        assert choices, "the attempt would wait for ever"
        name, phase = data.draw(st.sampled_from(choices))
        if phase != "returned":
            assert all(progress[one] in ("durable", "returned") for one in graph[name].before)
        progress[name] = phase
