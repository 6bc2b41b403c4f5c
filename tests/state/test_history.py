"""Runs as they are shown: one, and lists of them, newest first."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kit import Runs, settings_of
from pplns import pipeline, step
from pplns.errors import DamagedRecord, NotFoundError, ParameterError
from pplns.state.history import find_run, list_runs, read_run
from pplns.state.holders import Holder
from pplns.state.lease import Claim, acquire_lease
from pplns.stores import FileStore, MemoryStore


@step
def check(n: int) -> int:
    if n < 0:
        raise ValueError("negative")
    return n


@pipeline
def first(n: int = 1) -> Any:
    return check(n)


@pipeline
def second(n: int = 1) -> Any:
    return check(n)


@pytest.fixture
def runs() -> Runs:
    return Runs(MemoryStore(), settings_of(Path(__file__).parents[2]))


def test_lists_are_newest_first_and_cut(runs: Runs) -> None:
    """By the time that runs stand for, over all pipelines, also where a person chose the id."""
    start = datetime(2013, 1, 1, tzinfo=UTC)
    ids = [
        runs.run(
            [first, second][n % 2], logical_date=start + timedelta(days=n), run_id="own" if n == 3 else None
        ).run_id
        for n in range(5)
    ]

    assert [one.run_id for one in list_runs(runs.store, limit=10)] == ids[::-1]
    assert [one.run_id for one in list_runs(runs.store, limit=2)] == [ids[4], "own"]
    assert [one.run_id for one in list_runs(runs.store, pipeline="second")] == ["own", ids[1]]


def test_a_list_goes_on_before_a_run(runs: Runs) -> None:
    """The next page begins below the last run of the one before, also where that run isn't of the list."""
    start = datetime(2013, 1, 1, tzinfo=UTC)
    ids = [runs.run([first, second][n % 2], logical_date=start + timedelta(days=n)).run_id for n in range(5)]

    assert [one.run_id for one in list_runs(runs.store, limit=2, before=("first", ids[4]))] == [ids[3], ids[2]]
    assert [one.run_id for one in list_runs(runs.store, pipeline="second", before=("first", ids[2]))] == [ids[1]]
    assert list_runs(runs.store, before=("first", ids[0])) == []


def test_lists_by_state(runs: Runs) -> None:
    """Ended runs are found by how they ended, open ones by what they are now."""
    good = runs.run(first).run_id
    bad = runs.run(first, {"n": -1}).run_id
    runs.run(first, {"n": -2}, run_id="reopened")
    acquire_lease(runs.store, "first/runs/reopened", Claim(Holder("x"), 30.0), reopen=True)

    found = {state: [one.run_id for one in list_runs(runs.store, state=state)] for state in ("succeeded", "failed")}

    assert found == {"succeeded": [good], "failed": [bad]}


def test_a_wrong_hint_is_repaired(runs: Runs) -> None:
    """A process died between the end and its hint: the run is listed by what it is, and hinted at rightly again."""
    run_id = runs.run(first).run_id
    runs.store.delete(f"first/by-state/succeeded/{run_id}")
    runs.store.create(f"first/open/{run_id}", b"")
    runs.store.create(f"first/by-state/failed/{run_id}", b"")

    assert list_runs(runs.store, state="failed") == []
    assert [one.run_id for one in list_runs(runs.store, state="succeeded")] == [run_id]
    assert runs.store.children("first/open/") == []
    assert runs.store.children("first/by-state/") == ["succeeded/"]


def test_a_deleted_run_is_listed_no_more(tmp_path: Path) -> None:
    """Deleting its folder forgets a run: lists of any state leave it out, and what still hints at it goes."""
    runs = Runs(FileStore(tmp_path), settings_of(Path(__file__).parents[2]))
    deleted, kept = (runs.run(first, logical_date=datetime(2013, 1, day, tzinfo=UTC)).run_id for day in (1, 2))
    shutil.rmtree(tmp_path / "first" / "runs" / deleted)

    listed = list_runs(runs.store, state="succeeded")

    assert [one.run_id for one in listed] == [kept]
    assert runs.store.children("first/by-state/succeeded/") == [kept]


def test_a_run_that_a_killed_process_was_about_to_create_hides_no_other(tmp_path: Path) -> None:
    """On files its folder is there before its record: a list goes on past it."""
    runs = Runs(FileStore(tmp_path), settings_of(Path(__file__).parents[2]))
    kept = runs.run(first).run_id
    (tmp_path / "first" / "runs" / "unborn").mkdir()

    assert [one.run_id for one in list_runs(runs.store)] == [kept]


def test_a_run_in_progress_is_running_then_lost(runs: Runs) -> None:
    """While the lease stands it runs; a lease that ran out without an end is a lost run, with what it committed."""
    runs.run(first, run_id="r")
    acquire_lease(runs.store, "first/runs/r", Claim(Holder("x"), 30.0, steps=("check", "more")), reopen=True)
    running = read_run(runs.store, "first", "r")
    assert (running.state, running.attempt) == ("running", 2)
    assert [(one.step, one.state, one.reused) for one in running.steps] == [
        ("check", "succeeded", True),
        ("more", "waiting", False),
    ]

    runs.run(first, run_id="s")
    acquire_lease(runs.store, "first/runs/s", Claim(Holder("x"), 0.0), reopen=True)
    assert read_run(runs.store, "first", "s").state == "lost"


def test_a_damaged_run_does_not_hide_the_others(runs: Runs) -> None:
    """It is reported by name; who asks for no reports gets the error."""
    runs.run(first, run_id="good")
    runs.store.create("first/runs/bad/run.json", b"{")
    reported: list[str] = []

    listed = list_runs(runs.store, on_damage=lambda error: reported.append(error.met))

    assert [one.run_id for one in listed] == ["good"]
    assert len(reported) == 1
    assert "first/runs/bad/run.json" in reported[0]
    with pytest.raises(DamagedRecord):
        list_runs(runs.store)


def test_an_unknown_state_names_the_nearest(runs: Runs) -> None:
    """The message lists the states."""
    with pytest.raises(ParameterError, match="succeeded") as caught:
        list_runs(runs.store, state="succeded")

    assert "'succeeded'" in caught.value.remedy


def test_runs_are_found_by_id(runs: Runs) -> None:
    """A bare id where it is unambiguous, PIPELINE/RUN_ID everywhere."""
    runs.run(first, run_id="only")
    runs.run(first, run_id="both")
    runs.run(second, run_id="both")

    assert find_run(runs.store, "only") == ("first", "only")
    assert find_run(runs.store, "second/both") == ("second", "both")
    with pytest.raises(ParameterError, match="'first', 'second'"):
        find_run(runs.store, "both")


@pytest.mark.parametrize("reference", ["onlyy", "first/onlyy", "third/only"])
def test_an_unknown_run_is_named(runs: Runs, reference: str) -> None:
    """With the nearest id where there is one."""
    runs.run(first, run_id="only")

    with pytest.raises(NotFoundError) as caught:
        find_run(runs.store, reference)

    assert caught.value.remedy


@pytest.mark.parametrize("reference", ["../x", "a/../b", "a/b/", "x" * 2000, ""])
def test_a_malformed_reference_is_refused(runs: Runs, reference: str) -> None:
    """Nothing that isn't a run id is looked up."""
    with pytest.raises((ParameterError, NotFoundError)):
        find_run(runs.store, reference)
