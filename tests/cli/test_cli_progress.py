"""Progress: what a line says, and the live region on a terminal."""

import os
import re
import signal
import sys
import threading

import pytest

from pplns.engine.events import (
    AttemptEnded,
    AttemptStarted,
    StepCommitted,
    StepFailed,
    StepFinished,
    StepRedone,
    StepRetrying,
    StepReused,
    StepStarted,
)
from pplns.model.artifact import Commit, StoredValue
from pplns.model.run import ErrorInfo
from pplns_deploy.cli.progress import lines_of

TABLE = StoredValue(codec="pandas", digest="xxh3:0", size_bytes=3_100_000, artifact="a", rows=27004)
COMMIT = Commit(
    step="load", version="0", values=(TABLE,), several=False, attempt=1, tries=1, started_at="", finished_at="",
    duration_s=0.42, writer="w",
)  # fmt: skip
ERROR = ErrorInfo("error", "ValueError: not\nyet", "")


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (StepStarted(step="load", number=1), "  · load      started"),
        (StepStarted(step="load", number=2), "  · load      try 2 started"),
        (StepCommitted(step="load", commit=COMMIT), "  ✓ load        420 ms      27,004 rows     3.1 MB"),
        (
            StepRetrying(step="load", number=1, delay_s=5.0, error=ERROR),
            "  ↻ load      try 1 failed, the next in 5.0 s: ValueError: not yet",
        ),
        (StepFailed(step="load", tries=1, duration_s=2.0, error=ERROR), "  ✗ load         2.0 s  failed"),
        (StepFailed(step="load", tries=3, duration_s=2.0, error=ERROR), "  ✗ load         2.0 s  failed after 3 tries"),
        (StepReused(step="load"), "  = load      reused"),
        (
            StepRedone(step="load", reason="its artifact is damaged"),
            "  ↻ load      runs again: its artifact is damaged",
        ),
    ],
)
def test_each_event_is_one_line(event, line):
    """State, time, rows and bytes stand under each other."""
    assert [re.sub(r"\x1b\[\d*m", "", one) for one in lines_of(event, name_width=8)] == [line]


def test_an_attempt_opens_with_the_run_and_what_is_reused():
    """A second attempt says so."""
    event = AttemptStarted(pipeline="shop", run_id="first", attempt=2, steps=("load", "publish"), reused=("load",))

    lines = [re.sub(r"\x1b\[\d*m", "", one) for one in lines_of(event, name_width=8)]

    assert lines == ["Run first of shop, attempt 2: 2 steps", "  = load      reused"]


@pytest.mark.parametrize(
    "event", [StepFinished(step="load", duration_s=0.1, rows=1, size_bytes=1), AttemptEnded(record=None)]
)  # type: ignore[arg-type]
def test_some_events_are_no_line(event):
    """A step's line comes when it is durable, a run's when its record is shown."""
    assert lines_of(event, name_width=8) == []


SLOW = """
import time
from pathlib import Path
from pplns import current_run, pipeline, step

@step
def wait() -> int:
    print("printed by a step", flush=True)
    current_run().logger.info("logged by a step")
    while not Path("go").exists():
        time.sleep(0.01)
    return 1

@pipeline
def slow():
    return wait()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pty")
def test_on_a_terminal_the_running_step_is_shown_live(shop):
    """A spinner with the step's name and time stands below the lines, and is gone at the end."""
    pytest.importorskip("rich")
    (shop / "pipelines" / "slow.py").write_text(SLOW)

    shown = _on_a_terminal(shop, "run", "slow", until=b"wait  running", then=(shop / "go").touch)

    assert "wait  running" in shown
    assert "0 of 1 step" in shown
    last_screen = shown.rpartition("\x1b[2K")[2]
    assert "running" not in last_screen
    assert "Succeeded in" in last_screen


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pty")
def test_on_a_terminal_logs_pass_above_what_is_running(shop):
    """A line of its own, which stays, and which no redrawing breaks."""
    pytest.importorskip("rich")
    (shop / "pipelines" / "slow.py").write_text(SLOW)

    shown = _on_a_terminal(shop, "run", "slow", until=b"wait  running", then=(shop / "go").touch)

    before, _, after = shown.partition("    wait      INFO     logged by a step")
    assert before.endswith("\x1b[2K")  # the region's line was erased first
    assert after.startswith("\r\n")
    assert "logged by a step" not in after


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pty")
def test_ctrl_c_on_a_terminal_says_how_to_go_on(shop):
    """The end is recorded, the command that goes on is named, the exit code is 130."""
    (shop / "pipelines" / "slow.py").write_text(SLOW.replace("while not", "while True or not"))

    shown = _on_a_terminal(shop, "run", "slow", "--run-id", "s", until=b"wait", keys=b"\x03", code=130)

    assert "Go on with: pplns resume slow/s" in shown
    assert "Traceback" not in shown


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pty")
@pytest.mark.parametrize("arguments", [["run", "shopp"], ["show", "shopp"]])
@pytest.mark.parametrize(("no_color", "label"), [("", "\x1b[31;1mError:\x1b[0m"), ("1", "Error: There is no")])
def test_a_terminal_gets_colours_where_they_are_wanted(shop, monkeypatch, arguments, no_color, label):
    """NO_COLOR says that they aren't, whether click read the words or not."""
    monkeypatch.setenv("NO_COLOR", no_color)

    assert label in _on_a_terminal(shop, *arguments, until=b"Error", code=2)


def _on_a_terminal(folder, *arguments, until, then=lambda: None, keys=b"", code=0):
    """Return all that a command writes to a terminal of 80 columns; act once it has written `until`."""
    import pty

    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.environ.update(TERM="xterm-256color", COLUMNS="80", LINES="24", PYTHONUTF8="1")
        os.execv(sys.executable, [sys.executable, "-m", "pplns_deploy", *arguments])
    shown, acted = b"", False
    watchdog = threading.Timer(60, os.kill, (child, signal.SIGKILL))
    watchdog.start()
    while data := _read(terminal):
        shown += data
        if not acted and until in shown:
            acted = True
            then()
            os.write(terminal, keys)
    watchdog.cancel()
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == code, shown.decode()
    return shown.decode()


def _read(terminal):
    """Return what comes next, nothing once the child has gone."""
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux answers EIO where others answer nothing
        return b""
