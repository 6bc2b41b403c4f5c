"""The command as a process: what reaches its streams, its exit code, its signals."""

import json
import os
import signal
import subprocess
import sys

import pytest

from commands import read_until

NOISY = '''
import logging
import os
import subprocess
import sys
from pplns import pipeline, step

@step
def noisy() -> str:
    print("from print")
    os.write(1, b"from the descriptor\\n")
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    logging.getLogger("noisy").warning("from logging")
    return "häßlich ✓"

@pipeline
def loud():
    """Lauter Lärm ✓."""
    return noisy()
'''

WAITING = """
import time
from pplns import pipeline, step

@step
def first() -> int:
    return 1

@step
def wait(x: int) -> int:
    while True:
        time.sleep(0.01)

@pipeline
def waiting():
    return wait(first())
"""


def command(folder, *arguments, **environ):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pplns_deploy", *arguments],
        cwd=folder, env={**os.environ, "PYTHONUTF8": "1", **environ}, capture_output=True, check=False,
    )  # fmt: skip


@pytest.fixture
def loud(shop):
    """A project whose step writes wherever it can."""
    (shop / "pipelines" / "loud.py").write_text(NOISY, encoding="utf-8")
    return shop


def test_with_json_stdout_holds_one_document_whatever_a_step_does(loud):
    """print, the file descriptor, a child process and logging all end up on stderr."""
    ended = command(loud, "run", "loud", "--json")

    assert ended.returncode == 0
    assert json.loads(ended.stdout)["result"] == "häßlich ✓"
    for source in (b"from print", b"from the descriptor", b"from a child", b"from logging"):
        assert source in ended.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-16"])
def test_streams_of_any_encoding_are_written(loud, encoding):
    """A console without these characters gets likenesses, and the run succeeds."""
    ended = command(loud, "run", "loud", PYTHONUTF8="0", PYTHONIOENCODING=encoding)

    assert ended.returncode == 0, ended.stderr
    assert "Look closer" in ended.stdout.decode(encoding)


def test_json_in_another_encoding_is_still_json(loud):
    """What the stream can't hold is escaped."""
    ended = command(loud, "run", "loud", "--json", PYTHONUTF8="0", PYTHONIOENCODING="ascii")

    assert json.loads(ended.stdout)["result"] == "häßlich ✓"


def test_colors_are_only_for_terminals(loud):
    """A pipe gets no escape sequences."""
    assert b"\x1b" not in command(loud, "run", "loud").stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_ends_with_130_and_the_command_to_go_on(shop, started, as_json):
    """The end is recorded before the process goes."""
    (shop / "pipelines" / "waiting.py").write_text(WAITING)
    arguments = ["run", "waiting", "--run-id", "w", *(["--json"] if as_json else [])]
    process = started(shop, *arguments)
    read_until(process.stderr if as_json else process.stdout, "wait", "started")

    process.send_signal(signal.SIGINT)
    out, err = process.communicate()

    assert process.returncode == 130
    assert "Traceback" not in err
    said = json.loads(out)["error"]["hint"] if as_json else err
    assert "Go on with: pplns resume waiting/w" in said
    shown = json.loads(command(shop, "run-info", "waiting/w", "--json").stdout)
    assert shown["state"] == "failed"
    assert not shown["final"]


@pytest.mark.skipif(sys.platform == "win32", reason="head is no program of Windows")
def test_a_reader_that_leaves_early_makes_no_noise(loud, started):
    """`pplns run … | head -1` runs to its end, what steps print included, and says nothing of it."""
    process = started(loud, "run", "loud", "--run-id", "first")
    process.stdout.close()

    _, err = process.communicate()

    assert process.returncode == 0
    assert "Error" not in err
    assert json.loads(command(loud, "run-info", "first", "--json").stdout)["state"] == "succeeded"
