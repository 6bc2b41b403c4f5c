"""`pplns logs`: what a run's steps said, from the store alone."""

import json
import signal
import sys

import pytest

from commands import read_until
from pplns.settings import load_settings
from pplns.state.logs import RunLog
from pplns.stores import open_store

TALKING = """
import logging, sys, time
from pathlib import Path
from pplns import current_run, pipeline, step

@step
def load() -> int:
    print("pri", end="")
    print("nted")
    current_run().logger.warning("no price\\x1b[2J")
    try:
        raise KeyError("amount")
    except KeyError:
        logging.getLogger("shop").exception("broken")
    return 1

@step
def save(n: int, hold: str) -> int:
    print("saving")
    while hold and not Path(hold).exists():
        time.sleep(0.05)
    print("saved")
    return n

@pipeline
def talking(hold: str = ""):
    return save(load(), hold)
"""

QUIET = """
from pplns import pipeline, step

@step
def one() -> int:
    return 1

@pipeline
def quiet():
    return one()
"""


@pytest.fixture
def talking(shop):
    """A project with a pipeline that talks."""
    (shop / "pipelines" / "talking.py").write_text(TALKING)
    return shop


def said(answer):
    """Return the lines without their times."""
    return [line[21:] if line[:2] == "20" else line for line in answer.out.splitlines()]


def test_the_lines_of_a_run_are_shown(talking, pplns):
    """What was printed, logged and raised, with the events between; nothing steers the terminal."""
    pplns("run", "talking", "--run-id", "one")

    lines = said(pplns("logs", "one"))

    assert lines[:4] == [
        "INFO      Attempt 1 started: 2 steps", "INFO      load  Step load started, try 1", "INFO      load  printed",
        "WARNING   load  no price\\x1b[2J",
    ]  # fmt: skip
    assert lines[4:6] == ["ERROR     load  broken", "    Traceback (most recent call last):"]
    assert "    KeyError: 'amount'" in lines


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--step", "save"], ["Step save started, try 1", "saving", "saved"]),
        (["--severity", "ERROR"], ["broken"]),
        (["--step", "load", "--severity", "warning"], ["no price\x1b[2J", "broken"]),
    ],
)
def test_lines_are_chosen_by_step_and_severity(talking, pplns, options, expected):
    """Both may be given."""
    pplns("run", "talking", "--run-id", "one")

    answer = pplns("logs", "talking/one", "--json", *options)

    messages = [json.loads(line)["message"] for line in answer.out.splitlines()]
    assert [message for message in messages if "finished" not in message] == expected


def test_a_pipeline_stands_for_its_newest_run(talking, pplns):
    """Which one it is, is said on stderr."""
    for run_id in ("first", "second"):
        pplns("run", "talking", "--run-id", run_id)

    answer = pplns("logs", "talking", "--step", "save")

    assert (answer.code, answer.err) == (0, "The newest run of talking: talking/second\n")


def test_what_is_printed_is_shown_as_before(talking, pplns):
    """Keeping it changes nothing for who looks on, not even with --json."""
    ended = pplns("run", "talking")

    assert "printed\n" in ended.out
    assert pplns("run", "talking", "--json").document["state"] == "succeeded"


def test_a_run_without_lines_says_so(shop, pplns):
    """It is no error, and the command that shows more is named."""
    (shop / "pipelines" / "quiet.py").write_text(QUIET)
    pplns("run", "quiet", "--run-id", "q")

    answer = pplns("logs", "q")

    assert (answer.code, answer.out) == (0, "")
    assert answer.err == "No step of quiet/q logged or printed anything.\nWhat it did: pplns run-info quiet/q\n"


def test_lines_that_are_not_wanted_are_counted(talking, pplns):
    """What was asked for is named, so that a misspelt step shows."""
    pplns("run", "talking", "--run-id", "one")

    answer = pplns("logs", "talking", "--step", "speek", "--severity", "ERROR")

    assert "has no line of step 'speek' at ERROR or above; it has" in answer.err


@pytest.mark.parametrize(
    ("reference", "message", "hint"),
    [
        ("nope", "There is no run 'nope'", "See `pplns runs`"),
        ("shop", "The pipeline 'shop' has no run", "pplns run shop"),
        ("shop/nope", "There is no run 'nope' of pipeline 'shop'", "pplns runs shop"),
    ],
)
def test_what_is_not_there_is_refused(shop, pplns, reference, message, hint):
    """In three parts, with exit code 2."""
    answer = pplns("logs", reference)

    assert answer.code == 2
    assert message in answer.err
    assert hint in answer.err


def test_damaged_lines_are_left_out_and_counted(talking, pplns):
    """One bad line hides no other."""
    pplns("run", "talking", "--run-id", "one")
    settings = load_settings(talking, environ={})
    log = RunLog(open_store(settings.store, root=talking), "talking/runs/one", 2, closing_line="")
    log.append("{half a li")
    log.append('"a text"')
    log.append('{"severity": 3, "message": ["odd"], "time": 4, "logging.googleapis.com/labels": null}')
    log.close()

    answer = pplns("logs", "one")

    assert said(answer)[-1].endswith("['odd']")
    assert "2 damaged lines are left out." in answer.err


def test_following_ends_with_the_run(talking, started, tmp_path, pplns):
    """New lines come while the run goes on, all of them, and then the command exits 0."""
    gate = tmp_path / "gate"
    run = started(talking, "run", "talking", "--run-id", "one", "-p", f"hold={gate}")
    read_until(run.stdout, "saving")

    follower = started(talking, "logs", "one", "--follow")
    read_until(follower.stdout, "saving")
    gate.touch()
    rest, _ = follower.communicate(timeout=60)

    assert follower.returncode == 0
    assert "save  saved" in rest


@pytest.mark.skipif(sys.platform == "win32", reason="sends Ctrl-C as POSIX does")
def test_ctrl_c_ends_following(talking, started, tmp_path):
    """The run goes on, and the command says 130."""
    run = started(talking, "run", "talking", "--run-id", "one", "-p", f"hold={tmp_path / 'never'}")
    read_until(run.stdout, "saving")
    follower = started(talking, "logs", "one", "--follow")
    read_until(follower.stdout, "saving")

    follower.send_signal(signal.SIGINT)
    follower.communicate(timeout=60)

    assert (follower.returncode, run.poll()) == (130, None)
