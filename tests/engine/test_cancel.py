"""Cancelling: a live holder ends the run within a renewal; a run that nobody works on is ended at once."""

import json
import threading
from typing import Any

import pytest

from kit import Runs
from pplns import current_run, pipeline, step
from pplns.errors import NotFoundError
from pplns.model.run import RunRecord
from pplns.state.cancel import cancel_run
from pplns.state.ends import End, create_end, is_cancel_requested
from pplns.state.history import list_runs, read_run
from pplns.state.holders import Holder
from pplns.state.lease import Claim, acquire_lease
from pplns.testing import FailingStore

gate = threading.Event()
started = threading.Event()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    gate.clear()
    started.clear()


@step
def quick() -> int:
    return 1


@step
def waits(x: int) -> int:
    started.set()
    gate.wait(30)
    return x


@step
def fails(x: int) -> int:
    raise ValueError(current_run().run_id)


@pipeline
def waiting() -> Any:
    return waits(quick())


@pipeline
def failing() -> Any:
    return fails(quick())


def cancel(runs: Runs, name: str, run_id: str = "r") -> RunRecord:
    return cancel_run(runs.store, name, run_id, lease_seconds=30.0)


def test_a_live_run_is_cancelled_at_its_next_renewal(store: FailingStore, runs: Runs) -> None:
    """The request is answered while the run goes on; its holder abandons what runs and records the end."""
    records: list[RunRecord] = []
    brisk = Runs(store, runs.settings.replace(lease_seconds=3.0))
    thread = threading.Thread(target=lambda: records.append(brisk.run(waiting, run_id="r")))
    thread.start()
    assert started.wait(10)

    asked = cancel(runs, "waiting")
    thread.join(20)
    gate.set()

    assert asked.state == "running"
    assert [(one.state, one.final) for one in records] == [("cancelled", True)]
    assert read_run(store, "waiting", "r") == records[0]
    assert [one.run_id for one in list_runs(store, state="cancelled")] == ["r"]


def test_a_vanished_run_is_cancelled_at_once(runs: Runs) -> None:
    """Nobody works on it: it is ended here, and a delivery doesn't reopen it; a person's resume does."""
    runs.run(failing, run_id="r")
    acquire_lease(runs.store, "failing/runs/r", Claim(Holder("gone"), 0.0, steps=("quick", "fails")), reopen=True)

    record = cancel(runs, "failing")

    assert (record.state, record.final, record.attempt) == ("cancelled", True, 3)
    assert [one.step for one in record.steps] == ["quick", "fails"]
    assert runs.run(failing, run_id="r").state == "cancelled"
    assert runs.resume(failing, "r").state == "failed"


def test_an_ended_run_stays_as_it_is(runs: Runs) -> None:
    """Cancelling what failed for good changes nothing."""
    failed = runs.run(failing, run_id="r")

    assert cancel(runs, "failing") == failed


def test_whoever_takes_over_honours_the_request(runs: Runs) -> None:
    """The holder died after it was asked: the attempt ends as cancelled, not as lost."""
    runs.run(failing, run_id="r")
    acquire_lease(runs.store, "failing/runs/r", Claim(Holder("dying"), 30.0), reopen=True)
    assert cancel(runs, "failing").state == "running"
    register = runs.store.read_register("failing/runs/r/lease.json")
    assert register is not None
    expired = json.dumps(json.loads(register.data) | {"duration_s": 0.0}).encode()
    runs.store.swap("failing/runs/r/lease.json", expired, expected=register.generation)

    assert runs.run(failing, run_id="r").state == "cancelled"


def test_a_run_that_is_not_there(runs: Runs) -> None:
    """Cancelling it is an error that names it."""
    with pytest.raises(NotFoundError, match="'nothing'"):
        cancel(runs, "failing", "nothing")


def test_a_request_that_the_attempt_missed_is_made_again(store: FailingStore, runs: Runs) -> None:
    """The attempt was sealed while its holder was asked, so nobody would look: the next one is taken and ended."""
    prefix = "failing/runs/r"
    runs.run(failing, run_id="r")
    acquire_lease(store, prefix, Claim(Holder("elsewhere"), 30.0), reopen=True)

    def seal(name: str) -> None:
        create_end(store, prefix, End(2, "lost", final=False, finished_at="2013-01-01T00:00:00+00:00"), writer="x")

    store.before("create", seal, matching="2.cancel.json")

    assert cancel(runs, "failing").state == "cancelled"


def test_a_canceller_that_is_overtaken_asks_the_next_holder(store: FailingStore, runs: Runs) -> None:
    """It was paused between its lease and its end: another one sealed its attempt and works on the run."""
    prefix = "failing/runs/r"
    runs.run(failing, run_id="r")
    acquire_lease(store, prefix, Claim(Holder("gone"), 0.0), reopen=True)

    def take_over(name: str) -> None:
        create_end(store, prefix, End(3, "lost", final=False, finished_at="2013-01-01T00:00:00+00:00"), writer="x")
        acquire_lease(store, prefix, Claim(Holder("elsewhere"), 30.0), reopen=False)

    store.before("create", take_over, matching="attempts/3.json")

    assert cancel(runs, "failing").state == "running"
    assert is_cancel_requested(store, prefix, 4)
