"""Terraform as a process: an interrupt reaches it once, and its end is waited for."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from commands import read_until
from pplns_deploy.deploying.process import run_terraform

WORKER = """
import json, signal, sys, time
from pathlib import Path
count = 0
def interrupted(number, frame):
    global count
    count += 1
signal.signal(signal.SIGINT, interrupted)
print(json.dumps({"type": "ready"}), flush=True)
while not count:
    time.sleep(0.01)
time.sleep(0.3)  # saving takes a while, in which a second interrupt may come
Path("saved").write_text(str(count))
"""
DEAF = """
import json, signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print(json.dumps({"type": "ready"}), flush=True)
while True:
    time.sleep(1)
"""
RUNNER = """
import os, sys
from pathlib import Path
from pplns_deploy.deploying.process import run_terraform
try:
    run_terraform([sys.executable, "worker.py"], folder=Path.cwd(), environ=os.environ,
                  watch=lambda line: print(line["type"], flush=True), log=Path("log"))
except KeyboardInterrupt:
    print("ended by an interrupt", flush=True)
"""


def run(folder: Path, code: str) -> "tuple[int, list[str], str]":
    (folder / "worker.py").write_text(textwrap.dedent(code))
    seen: list[str] = []
    ended = run_terraform(
        [sys.executable, "worker.py"], folder=folder, environ=os.environ, log=folder / "log",
        watch=lambda line: seen.append(line["type"]),
    )  # fmt: skip
    return ended.code, seen, ended.rest


def test_lines_of_json_are_told_and_the_rest_is_kept(tmp_path: Path):
    """Terraform writes plain text too, where it fails before it has read its options."""
    code = 'print(\'{"type": "version"}\'); print("plain"); print(\'{"type": "end"}\', end=""); raise SystemExit(3)'

    assert run(tmp_path, code) == (3, ["version", "end"], "plain")


@pytest.mark.skipif(os.name == "nt", reason="there a test can't send Ctrl-C to one process")
@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupt_is_handed_on_once_and_waited_for(tmp_path: Path, first: signal.Signals):
    """A second one would make Terraform end without saving its state."""
    (tmp_path / "worker.py").write_text(WORKER)
    with subprocess.Popen([sys.executable, "-c", RUNNER], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            read_until(process.stdout, "ready")
            process.send_signal(first)
            process.send_signal(signal.SIGINT)
            read_until(process.stdout, "ended by an interrupt")
        finally:
            process.kill()

    assert (tmp_path / "saved").read_text() == "1"


@pytest.mark.skipif(os.name == "nt", reason="there a test can't send Ctrl-C to one process")
def test_the_third_interrupt_ends_what_does_not_stop(tmp_path: Path):
    """An operation of Google's that never ends would keep Terraform for twenty minutes."""
    (tmp_path / "worker.py").write_text(DEAF)
    with subprocess.Popen(
        [sys.executable, "-c", f"import pplns_deploy.deploying.process as it\nit.LAST_SECONDS = 0.1\n{RUNNER}"],
        cwd=tmp_path, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            read_until(process.stdout, "ready")
            process.send_signal(signal.SIGINT)
            read_until(process.stdout, "pplns_interrupted")
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGTERM)
            read_until(process.stdout, "ended by an interrupt")
            ended = process.wait(30)
        finally:
            process.kill()

    assert ended == 0
