"""Who decides on an attempt: one thread at a time, whoever has news."""

import threading
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path

import pytest

from kit import Runs, settings_of
from pplns import pipeline, step
from pplns.engine.turns import Turns, Wait
from pplns.stores import FileStore

speaking: ContextVar[str] = ContextVar("speaking", default="nobody")
threads: dict[str, int] = {}


@step
def begin() -> int:
    threads["begin"] = threading.get_ident()
    return 1


@step
def left(x: int) -> int:
    threads["left"] = threading.get_ident()
    both.wait(30)
    return x


@step
def right(x: int) -> int:
    threads["right"] = threading.get_ident()
    both.wait(30)
    return x


@step
def join(x: int, y: int) -> int:
    threads["join"] = threading.get_ident()
    return x + y


@pipeline
def forked() -> int:
    x = begin()
    return join(left(x), right(x))


both = threading.Barrier(2)


def end_the_process() -> None:
    raise SystemExit(3)


def in_another_thread(work: Callable[[], object]) -> object:
    """Return what some work returns that another thread does."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join(30)
    return found[0]


@pytest.mark.skipif("os.name == 'nt'", reason="on Windows writers write, and what they report is decided elsewhere")
def test_a_branch_goes_on_in_the_thread_that_it_came_from(tmp_path: Path) -> None:
    """Of two steps that may begin, one runs where the step before them ran, the other one beside it."""
    threads.clear()

    record = Runs(FileStore(tmp_path / "state"), settings_of(tmp_path)).run(forked)

    assert record.result == 2
    assert threads["begin"] == threads["left"] != threads["right"]
    assert threads["join"] in (threads["left"], threads["right"])


def test_all_decide_in_the_context_of_who_waits() -> None:
    """What is said while deciding is said by the attempt, not by the step whose thread it is."""
    turns = Turns()
    speaking.set("the attempt")
    with turns.taken():
        pass

    assert in_another_thread(lambda: turns.take(speaking.get)) == "the attempt"


def test_what_a_decision_raises_is_raised_by_who_waits() -> None:
    """Even what ends a process; nobody decides any more then."""
    turns = Turns()

    assert in_another_thread(lambda: turns.take(end_the_process)) is None

    with pytest.raises(SystemExit), turns.taken():
        pass
    assert turns.take(lambda: "decided") is None


def test_nobody_decides_after_the_end() -> None:
    """A try that was abandoned may end long after its attempt."""
    turns = Turns()
    turns.close()

    assert turns.take(lambda: "decided") is None


def test_posting_waits_for_nobody() -> None:
    """A signal's handler may post while its own thread decides."""
    turns = Turns()

    with turns.taken():
        turns.post("stop")
        assert turns.posted() == ["stop"]


def test_what_was_posted_before_is_decided_on_first() -> None:
    """A process that is told to end while a step runs starts none after it."""
    turns = Turns()
    turns.post("drain")
    turns.post("cancel")

    assert turns.take(turns.posted) == ["drain", "cancel"]
    assert turns.posted() == []


@pytest.mark.parametrize(
    ("known", "now", "covers"),
    [
        (Wait(until=None, is_busy=True), Wait(until=None, is_busy=True), True),
        (Wait(until=5.0, is_busy=True), Wait(until=None, is_busy=True), True),
        (Wait(until=5.0, is_busy=True), Wait(until=7.0, is_busy=True), True),
        (Wait(until=5.0, is_busy=True), Wait(until=3.0, is_busy=True), False),
        (Wait(until=None, is_busy=True), Wait(until=3.0, is_busy=True), False),
        (Wait(until=5.0, is_busy=True), Wait(until=5.0, is_busy=False), False),
    ],
)
def test_who_waits_is_woken_where_something_comes_sooner(known: Wait, now: Wait, covers: bool) -> None:
    """Or where nothing is at work any more: a frozen clock moves then."""
    assert known.covers(now) is covers
