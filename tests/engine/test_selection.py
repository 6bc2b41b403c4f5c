"""`--from` and `--only`: what a person asks to run again, and what is left out."""

from collections import Counter
from typing import Any

import pytest

from kit import Runs, steps_of
from pplns import pipeline, step
from pplns.engine.runner import Selection
from pplns.errors import NotFoundError

calls: Counter[str] = Counter()
world: dict[str, int] = {}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    calls.clear()
    world.update(value=1)


@step
def load() -> int:
    calls["load"] += 1
    return world["value"]


@step
def double(x: int) -> int:
    calls["double"] += 1
    return 2 * x


@step
def publish(x: int) -> int:
    calls["publish"] += 1
    return x


@step
def side() -> int:
    calls["side"] += 1
    return 0


@pipeline
def chain() -> Any:
    return publish(double(load())), side()


@pytest.mark.parametrize(("value", "again"), [(1, {"load"}), (5, {"load", "double", "publish"})])
def test_from_runs_a_step_again_and_what_its_value_changes(runs: Runs, value: int, again: set[str]) -> None:
    """With an equal value what depends on it is reused; with another one it runs."""
    runs.run(chain, run_id="r")
    calls.clear()
    world["value"] = value

    record = runs.resume(chain, "r", selection=Selection(redo="load"))

    assert set(calls) == again
    assert record.result == [2 * value, 0]


def test_a_sink_is_repeated_when_a_person_says_so(runs: Runs) -> None:
    """`--from publish` publishes again, and nothing else runs."""
    runs.run(chain, run_id="r")
    runs.resume(chain, "r", selection=Selection(redo="publish"))

    assert calls == {"load": 1, "double": 1, "publish": 2, "side": 1}


def test_only_runs_what_a_step_needs_and_nothing_after_it(runs: Runs) -> None:
    """The rest is skipped and the record isn't final; the same run goes on with it later."""
    partial = runs.run(chain, run_id="r", selection=Selection(only="double"))

    assert (partial.state, partial.final, partial.result) == ("succeeded", False, None)
    assert steps_of(partial) == {"load": "succeeded", "double": "succeeded", "publish": "skipped", "side": "skipped"}

    whole = runs.run(chain, run_id="r")
    assert (whole.final, whole.result) == (True, [2, 0])
    assert calls == {"load": 1, "double": 1, "publish": 1, "side": 1}


def test_only_runs_a_committed_step_again(runs: Runs) -> None:
    """On a run that has it, the step alone is repeated; a later resume follows its new value."""
    runs.run(chain, run_id="r")
    world["value"] = 3
    runs.resume(chain, "r", selection=Selection(only="load"))
    assert calls == {"load": 2, "double": 1, "publish": 1, "side": 1}

    assert runs.resume(chain, "r").result == [6, 0]
    assert calls == {"load": 2, "double": 2, "publish": 2, "side": 1}


@pytest.mark.parametrize("selection", [Selection(redo="publsh"), Selection(only="publsh")])
def test_an_unknown_step_is_refused_before_anything_runs(runs: Runs, selection: Selection) -> None:
    """The nearest name is shown."""
    with pytest.raises(NotFoundError, match="'publish'"):
        runs.run(chain, selection=selection)

    assert runs.store.children("") == []
