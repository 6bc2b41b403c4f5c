"""`inside_run`: what a step finds when a test calls it as a function."""

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from pplns import CurrentRun, ParameterError, PplnsError, current_run, pipeline, step
from pplns.errors import DefinitionError
from pplns.testing import FrozenClock, inside_run, run


@step
def about() -> dict[str, Any]:
    now = current_run()
    return {
        "run": now.run_id, "pipeline": now.pipeline, "step": now.step, "attempt": now.attempt,
        "date": now.logical_date, "params": dict(now.params), "logger": now.logger.name, "key": now.idempotency_key,
    }  # fmt: skip


def test_a_step_finds_what_the_test_says() -> None:
    """All fields; the key is there at once."""
    when = datetime(2013, 1, 31, tzinfo=UTC)
    with inside_run(
        step="about", pipeline="p", params={"day": date(2013, 1, 31)}, run_id="r", attempt=3, logical_date=when
    ):
        found = about()

    assert len(found.pop("key")) == 64
    assert found == {
        "run": "r", "pipeline": "p", "step": "about", "attempt": 3, "date": when,
        "params": {"day": date(2013, 1, 31)}, "logger": "pplns.p.about",
    }  # fmt: skip


def test_outside_of_the_block_there_is_no_run() -> None:
    """Also after an error in it."""
    with pytest.raises(ValueError, match="in the step"), inside_run():
        raise ValueError("in the step")

    with pytest.raises(PplnsError, match="outside of a run"):
        current_run()


def test_blocks_may_stand_in_each_other() -> None:
    """The inner one ends where it ends."""
    with inside_run(run_id="outer"):
        with inside_run(run_id="inner") as inner:
            assert current_run() is inner
        assert current_run().run_id == "outer"


def test_another_thread_is_outside() -> None:
    """As in a real run: a thread that a step starts has to be given what it needs."""
    found: list[BaseException] = []

    def ask() -> None:
        try:
            current_run()
        except PplnsError as error:
            found.append(error)

    with inside_run():
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

    assert "outside of a run" in str(found[0])


def key_of(**fields: Any) -> str:
    with inside_run(**fields) as made:
        return made.idempotency_key


def test_the_key_is_the_same_for_every_attempt() -> None:
    """And another one for another step, run or pipeline."""
    assert key_of(attempt=1) == key_of(attempt=2)
    assert len({key_of(), key_of(step="x"), key_of(run_id="x"), key_of(pipeline="x")}) == 4


def test_a_timeout_goes_by_the_clock() -> None:
    """What is left of it shrinks as the clock is moved."""
    clock = FrozenClock()
    with inside_run(timeout="10m", clock=clock) as made:
        clock.advance("4m")
        assert made.remaining_s() == 360
        made.check_deadline()

        clock.advance("6m")
        with pytest.raises(PplnsError, match="passed its deadline"):
            made.check_deadline()


def test_without_a_timeout_there_is_no_deadline() -> None:
    """The date is the clock's."""
    clock = FrozenClock(datetime(2013, 1, 31, tzinfo=UTC))
    clock.advance(timedelta(days=1))

    with inside_run(clock=clock) as made:
        assert isinstance(made, CurrentRun)
        assert (made.deadline, made.remaining_s()) == (None, None)
        assert made.logical_date == datetime(2013, 2, 1, tzinfo=UTC)


@pipeline
def asks() -> dict[str, Any]:
    return about()


def test_a_run_inside_of_it_is_a_run_of_its_own() -> None:
    """A pipeline that runs in the block has its own current run."""
    with inside_run(run_id="outer"):
        done = run(asks, run_id="inner")
        assert current_run().run_id == "outer"

    assert done.result["run"] == "inner"


def test_what_cannot_be_is_refused() -> None:
    """A run id that no run could have, a time without a zone, a negative timeout."""
    with pytest.raises(ParameterError, match="run id"), inside_run(run_id="a/b"):
        pass
    with pytest.raises(DefinitionError, match="logical_date"), inside_run(logical_date=datetime(2013, 1, 31)):
        pass
    with pytest.raises(DefinitionError, match="timeout"), inside_run(timeout=-1):
        pass
