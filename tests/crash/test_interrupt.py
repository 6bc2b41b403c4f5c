"""Ctrl-C ends a run in good order: what is committed stays, the end is recorded, the exit code is 130."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows can't send Ctrl-C to one process")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pyproject.toml").write_text("[tool.pplns]\n")
    shutil.copy(Path(__file__).parent / "branching.py", tmp_path / "pipelines/branching.py")
    return tmp_path


def start(project: Path, *arguments: str) -> "subprocess.Popen[str]":
    environ = {**os.environ, "BRANCHING_JOURNAL": str(project / "journal")}
    command = [sys.executable, "-m", "pplns_deploy", *arguments, "--project", str(project)]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_lines(journal: Path, count: int) -> None:
    end = time.monotonic() + 60
    while not journal.exists() or len(journal.read_text().splitlines()) < count:
        assert time.monotonic() < end
        time.sleep(0.005)


def test_ctrl_c_stops_and_a_resume_goes_on(project: Path) -> None:
    """The interrupted attempt is recorded at once, so the resume waits for no lease."""
    process = start(project, "run", "branching", "--run-id", "r")
    wait_for_lines(project / "journal", 12)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 130, (out, err)
    assert "Traceback" not in out + err
    assert "pplns resume" in out + err
    end = json.loads((project / ".pplns/branching/runs/r/attempts/1.json").read_text())
    assert (end["state"], end["final"], end["error"]["code"]) == ("failed", False, "interrupted")

    resumed = start(project, "resume", "r", "--json")
    out, err = resumed.communicate(timeout=30)
    record = json.loads(out)
    assert resumed.returncode == 0, err
    assert record["state"] == "succeeded"
    assert any(step["reused"] for step in record["steps"])


def test_a_killed_run_is_lost_and_never_running(project: Path) -> None:
    """After SIGKILL its record says lost, and `runs --state lost` finds it."""
    process = start(project, "run", "branching", "--run-id", "r")
    wait_for_lines(project / "journal", 6)
    process.kill()
    process.communicate()

    shown = start(project, "run-info", "r", "--json").communicate(timeout=30)[0]
    listed = start(project, "runs", "--state", "lost", "--json").communicate(timeout=30)[0]

    expected = "lost" if sys.platform == "linux" else "running"  # elsewhere only the lease's end tells
    assert json.loads(shown)["state"] == expected
    if sys.platform == "linux":
        assert '"r"' in listed
