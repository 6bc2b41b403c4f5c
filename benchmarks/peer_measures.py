"""How one measurement of one peer is taken: a process of its own, its wall time, peak memory and bytes on disk."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from peer_environments import Peer

SCRIPTS = Path(__file__).parent / "runs"
LONGEST_SECONDS = 900.0
KILL_AT = 60
TIMED_IMPORT = """\
import time
began = time.perf_counter()
{imports}
print('{{"seconds": %r}}' % (time.perf_counter() - began))
"""


@dataclass(frozen=True)
class Case:
    """One table: what the steps pass, how many there are, and of how many rows."""

    name: str
    title: str
    kind: str = "int"
    steps: int = 100
    rows: int = 10


Values = dict[str, float]


class FailedError(Exception):
    """A peer's process failed or took too long."""


@dataclass(frozen=True)
class Ended:
    """How a process ended: the last document it printed, its wall time, and the most memory that it held."""

    said: Values
    wall_s: float
    peak_mb: float


def measure(peer: Peer, python: Path, case: Case) -> Values:
    """Measure a case once, in a folder of its own.

    Raises: FailedError."""
    if case.name == "import":
        ended = _run([str(python), "-c", TIMED_IMPORT.format(imports=peer.imports)], _environ())
        return {"seconds": ended.said["seconds"], "process_s": ended.wall_s}
    with tempfile.TemporaryDirectory(prefix="pplns-bench-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch) / "run"
        folder.mkdir()
        if case.name == "killed":
            return _measure_killed(peer, python, case, folder)
        return _measure_run(peer, python, case, folder)


def _measure_run(peer: Peer, python: Path, case: Case, folder: Path) -> Values:
    command, variables = [str(python), str(SCRIPTS / peer.script)], _variables(peer, case, folder)
    ended = _run(command, variables)
    values = {"seconds": ended.said["seconds"], "process_s": ended.wall_s, "peak_mb": ended.peak_mb}
    values |= {"step_ms": ended.said["seconds"] / case.steps * 1000, "mb": _megabytes(folder)}
    if peer.name == "pplns":  # users start it by its command line, so that is its whole process
        values["process_s"] = _measure_command(python, command, variables, folder).wall_s
    return values


def _measure_command(python: Path, script: list[str], variables: dict[str, str], folder: Path) -> Ended:
    subprocess.run([*script, "--project-only"], env=variables, check=True)
    project, store = f"{folder}-project", f"{folder}-by-command"
    command = [str(python), "-m", "pplns_deploy", "run", "chain", "--project", project, "--store", f"file:{store}"]
    ended = _run(command, variables, says=False)
    shutil.rmtree(store, ignore_errors=True)
    return ended


def _measure_killed(peer: Peer, python: Path, case: Case, folder: Path) -> Values:
    """Kill a run while the step after the 60th works, then run it again; the second run is what counts."""
    command, variables = [str(python), str(SCRIPTS / peer.script)], _variables(peer, case, folder)
    die_at = case.steps * KILL_AT // 100
    _run(command, {**variables, "BENCH_DIE_AT": str(die_at)}, is_killed=True)
    again = _run(command, {**variables, "BENCH_RUN_AGAIN": "1"} if peer.can_resume else variables)
    return {"steps": again.said["steps"], "seconds": again.said["seconds"], "process_s": again.wall_s}


def _variables(peer: Peer, case: Case, folder: Path) -> dict[str, str]:
    own = {name: value.format(folder=folder) for name, value in peer.variables.items()}
    asked = {"KIND": case.kind, "FOLDER": str(folder), "STEPS": str(case.steps), "ROWS": str(case.rows)}
    path = {"PYTHONPATH": str(SCRIPTS)}
    return {**_environ(), **path, **own, **{f"BENCH_{name}": value for name, value in asked.items()}}


def _environ() -> dict[str, str]:
    """Return this process's variables, but for the one that would make a first import compile everything each time."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _run(command: list[str], variables: dict[str, str], *, says: bool = True, is_killed: bool = False) -> Ended:
    """Run a process in a session of its own, so that the servers it starts end with it."""
    if hasattr(os, "sync"):
        os.sync()  # or it would wait for what the process before it has written
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(command, env=variables, stdout=out, stderr=errors, start_new_session=True)
        try:
            code, peak_mb = _wait(process)
            wall_s = time.perf_counter() - started
        finally:
            _end_session(process)
        if (code != 0) is not is_killed:
            errors.seek(0)
            last = errors.read().decode("utf-8", "replace").strip().splitlines()[-1:]
            raise FailedError(f"ended with {code}: {' '.join(last)[:200]}")
        out.seek(0)
        said = [line for line in out.read().decode("utf-8", "replace").splitlines() if line.startswith('{"seconds"')]
    return Ended(json.loads(said[-1]) if says and not is_killed else {}, wall_s, peak_mb)


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, float]:
    """Wait for a process and return its exit code and peak memory in MB (0 where the system doesn't tell)."""
    if not hasattr(os, "wait4"):
        return process.wait(LONGEST_SECONDS), 0.0
    end = time.monotonic() + LONGEST_SECONDS
    pause = 0.0005
    while time.monotonic() < end:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_maxrss / 1000
        time.sleep(pause)
        pause = min(pause * 1.1, 0.005)
    raise FailedError(f"took longer than {LONGEST_SECONDS:.0f} s")


def _end_session(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
    elif process.returncode is None:
        process.kill()


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
