"""A run's lines are kept with it, and keeping them never gets in its way."""

import json
import logging
import subprocess
import sys
import threading

import pytest

from kit import MetStore, settings_of
from pplns import TerminalError, pipeline, step
from pplns.engine.attempt import LOG_SHARE, Setting
from pplns.engine.bounds import Bounds, Drain
from pplns.engine.events import Guarded, ignore
from pplns.state.logs import CHUNK_BYTES, Chunk, RunLog, chunks_of, log_size, read_chunks
from pplns.testing import FrozenClock

PREFIX = "shop/runs/one"


class BrokenLogs(MetStore):
    """A store that can't write logs."""

    def create(self, name, data):
        if "/logs/" in name:
            raise OSError("disk full")
        return super().create(name, data)


def log_of(store, attempt=1, **options):
    """Return the log of an attempt."""
    return RunLog(store, PREFIX, attempt, closing_line="closed", **options)


def kept(store):
    """Return all lines."""
    return [line for _, lines in read_chunks(store, PREFIX) for line in lines]


@step
def talk(fail: bool) -> int:
    print("hello")
    if fail:
        raise TerminalError("no more")
    return 1


@step
def quiet(number: int) -> int:
    return number


@pipeline
def talking(fail: bool = False):
    return quiet(talk(fail))


@pipeline
def silent():
    return quiet(quiet(1))


@pytest.mark.parametrize("output", [True, False])
def test_lines_are_kept_in_one_chunk_with_the_events_between(heard, output):
    """A short run has one object more than it had, whether its lines are shown as well or not."""
    heard.run(talking, output=output)

    assert [line["message"] for line in heard.kept(talking)][:3] == [
        "Attempt 1 started: 2 steps", "Step talk started, try 1", "hello",
    ]  # fmt: skip
    assert chunks_of(heard.store, "talking/runs/heard") == [Chunk(1, 0)]


def test_a_run_without_lines_writes_nothing(heard):
    """Its events are in its checkpoints already."""
    heard.run(silent)

    assert heard.store.children("silent/runs/heard/logs/") == []


def test_lines_are_there_before_the_end_is_recorded(heard):
    """Who sees that a run has ended can read all of its lines."""
    created = []
    heard.store.before_create = created.append

    heard.run(talking)

    names = [name.removeprefix("talking/runs/heard/") for name in created]
    assert names.index("logs/1-0.jsonl") < names.index("attempts/1.json")


def test_what_is_kept_is_what_is_shown(heard):
    """The same JSON, line for line, but for the end."""
    heard.run(talking)

    assert heard.kept(talking) == [line for line in heard.lines if not line.get("pplns_event", "").endswith("_ended")]


def test_a_store_that_takes_no_lines_fails_no_run(heard, caplog):
    """They are lost, with one warning."""
    heard.store = heard.runs.store = BrokenLogs()

    record = heard.run(talking)

    assert record.state == "succeeded"
    (warning,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert warning.getMessage().startswith("Log lines of talking/runs/heard are lost")


def test_a_store_that_hangs_holds_up_no_end(caplog):
    """What it hasn't taken in time is lost, with one warning, and nothing is written after that."""
    gate, store = threading.Event(), MetStore()
    store.before_create = lambda name: gate.wait(30)
    log = log_of(store)
    log.append("one")

    log.close(timeout_s=0.01)
    gate.set()

    (warning,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert "didn't take them within 0.0 s" in warning.getMessage()


@pytest.mark.parametrize(("left_s", "is_draining", "patience_s"), [
    (300.0, False, 10.0), (3.0, False, 3.0), (-60.0, False, 1.0), (300.0, True, 1.0), (None, False, 10.0),
])  # fmt: skip
def test_a_log_leaves_time_to_record_and_answer(tmp_path, left_s, is_draining, patience_s):
    """Of the margin that follows the budget, and of the seconds that a process has after SIGTERM."""
    clock, settings, drain = FrozenClock(), settings_of(tmp_path), Drain()
    if is_draining:
        drain.begin()
    budget_s = None if left_s is None else left_s - LOG_SHARE * settings.margin_seconds
    bounds = Bounds(budget_s=budget_s, drain=drain)

    setting = Setting(MetStore(), settings, Guarded(ignore), clock, began=clock.monotonic(), bounds=bounds)

    assert setting.log_patience_s == pytest.approx(patience_s)


def test_the_next_attempt_goes_on_where_the_log_ends():
    """Chunks sort by attempt, and their names say how much came before."""
    store = MetStore()
    for attempt in (1, 2, 10):
        log = log_of(store, attempt)
        log.append(f"line of {attempt}")
        log.close()

    assert kept(store) == ["line of 1", "line of 2", "line of 10"]
    assert chunks_of(store, PREFIX) == [Chunk(1, 0), Chunk(2, 10), Chunk(10, 20)]
    assert log_size(store, PREFIX) == 31


def test_only_new_chunks_are_read_again():
    """Who follows a log asks for what comes after the last chunk."""
    store = MetStore()
    for attempt in (1, 2):
        log = log_of(store, attempt)
        log.append("x")
        log.close()

    assert [chunk for chunk, _ in read_chunks(store, PREFIX, after=Chunk(1, 0))] == [Chunk(2, 2)]


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_run_keeps_no_more_than_its_allowance(attempts):
    """All attempts together; a line says where it ended."""
    store = MetStore()
    for attempt in range(1, attempts + 1):
        log = log_of(store, attempt, max_bytes=100)
        for _ in range(30 // attempts):
            log.append("123456789")
        log.close()

    assert kept(store)[-1] == "closed"
    assert len(kept(store)) <= 12
    assert log_size(store, PREFIX) <= 120


def test_a_full_buffer_does_not_wait_for_its_age(monkeypatch):
    """A chunk is due when 256 KB wait."""
    monkeypatch.setattr("pplns.state.logs.MAX_AGE_SECONDS", 600.0)
    store, log = MetStore(), None
    written = []
    store.before_create = written.append

    log = log_of(store)
    for _ in range(3):
        log.append("x" * CHUNK_BYTES)
    thread = log._thread
    log.close()

    assert written
    assert not thread.is_alive()
    assert len(kept(store)) == 3


def test_nothing_is_taken_after_the_end():
    """A step that was abandoned speaks to nobody."""
    store = MetStore()
    log = log_of(store)
    log.append("in time")
    log.close()
    log.append("too late")

    assert kept(store) == ["in time"]


def test_other_names_in_the_folder_are_passed_over():
    """A leftover is no chunk."""
    store = MetStore()
    store.create(f"{PREFIX}/logs/1-x.jsonl", b"{}")
    store.create(f"{PREFIX}/logs/readme", b"{}")
    store.create(f"{PREFIX}/logs/1-0.jsonl", json.dumps({"message": "x"}).encode() + b"\n")

    assert [chunk for chunk, _ in read_chunks(store, PREFIX)] == [Chunk(1, 0)]


def test_a_name_that_is_taken_is_passed_over():
    """Another writer's chunk stays, and ours is beside it."""
    store = MetStore()
    store.create(f"{PREFIX}/logs/1-0.jsonl", b"theirs\n")

    log = log_of(store)
    log.append("ours")
    log.close()

    assert kept(store) == ["theirs", "ours"]


OUT_OF_FILES = """
import os, resource, sys, time
from pplns.state import logs
class Store:
    def __init__(self):
        self.taken = []
    def create(self, name, data):
        os.close(os.open(os.devnull, os.O_RDONLY))
        self.taken.append(data)
        return True
assert "logging" not in sys.modules
logs.MAX_AGE_SECONDS = logs.MIN_INTERVAL_SECONDS = 0.0
store = Store()
log = logs.RunLog(store, "p/runs/r", 1, closing_line="x")
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
held = []
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
log.append("first")
log.close(timeout_s=30)
for one in held:
    os.close(one)
again = logs.RunLog(store, "p/runs/r", 1, closing_line="x")
again.append("second")
again.close(timeout_s=30)
print(store.taken)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a limit of open files is set as POSIX systems do")
def test_a_log_that_runs_out_of_files_goes_on(tmp_path):
    """Neither the store nor the module that would warn of it can be opened; no thread dies of it."""
    ended = subprocess.run([sys.executable, "-c", OUT_OF_FILES], capture_output=True, text=True, check=True, timeout=60)

    assert ended.stdout == "[b'second\\n']\n"
    assert "Exception in thread" not in ended.stderr
