"""The service as a process that is started again when the project's files change, or when it ends.

It is the container's own target under functions-framework, as on Cloud Run. A reload ends it first, as Cloud Run takes
an instance away: a run that is under way stops after its step, and goes on with the next delivery."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pplns.errors import ConfigError
from pplns_deploy.dev import tether

LOOK_SECONDS = 0.5
START_SECONDS = 120  # until the first answer of /health
GRACE_SECONDS = 8  # for requests under way, before a process is killed, as in the container
IS_WINDOWS = os.name == "nt"


@dataclass(frozen=True, slots=True)
class Start:
    """How the process is started, and where it answers."""

    command: Sequence[str]
    environ: Mapping[str, str]
    folder: Path
    url: str


class ServiceProcess:
    """A process of the service. `on_line` is told each line that it writes, from a thread of its own.

    The process holds on to this one by its stdin, and ends when that does."""

    def __init__(self, start: Start, *, on_line: Callable[[str], None]) -> None:
        self._url = start.url
        self._process: subprocess.Popen[str] = subprocess.Popen(
            start.command, env=dict(start.environ), cwd=start.folder, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", **_own_group(),
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, args=(on_line,), name="service-lines", daemon=True)
        self._reader.start()

    @property
    def exit_code(self) -> int | None:
        """The exit code of a process that has ended, else None."""
        return self._process.poll()

    def wait_until_up(self, stop: threading.Event) -> bool:
        """Wait until the service says how it is, and return whether it is healthy.

        False too if it ended or was stopped before, and at once where no pipeline can be loaded: it answers that."""
        until = time.monotonic() + START_SECONDS
        while self.exit_code is None and not stop.is_set() and time.monotonic() < until:
            status = _health(self._url)
            if status is not None:
                return status == 200
            stop.wait(0.05)
        return False

    def wait(self) -> None:
        """Wait until the process has ended."""
        self._process.wait()

    def end(self) -> None:
        """End the process, and whatever it started; a run that is under way may stop at its step boundary first."""
        assert self._process.stdin is not None
        if self._process.poll() is None:
            with contextlib.suppress(OSError):  # it ends at this moment
                tether.tell_to_drain(self._process.stdin.fileno())
            if not IS_WINDOWS:  # where that kills at once, the process ends itself
                self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_SECONDS)
        _kill_group(self._process)
        self._process.wait()
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._reader.join(1)

    def _read(self, on_line: Callable[[str], None]) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            on_line(line.rstrip("\n"))


def _own_group() -> dict[str, Any]:
    """Return what keeps Ctrl-C on the terminal from the process: it is ended in its turn."""
    if IS_WINDOWS:
        return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    return {"start_new_session": True}


def _kill_group(process: "subprocess.Popen[str]") -> None:
    """Kill what is left of a process: gunicorn's workers outlive it for a while, and hold the port."""
    if IS_WINDOWS:
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _health(url: str) -> int | None:
    """Return the status of /health, or None while nobody answers."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def main_file() -> Path:
    """Return `main.py`, what functions-framework loads: of the installed package, or of a checkout.

    Raises: ConfigError where this installation lacks it."""
    package = Path(__file__).parents[1]
    for file in (package / "_assets" / "service" / "main.py", package.parents[1] / "service" / "main.py"):
        if file.is_file():
            return file
    raise ConfigError(
        "The file service/main.py isn't part of this installation.",
        "It comes with the package.",
        "Install pplns again: pip install --force-reinstall pplns.",
    )


def framework_command(port: int) -> list[str]:
    """Return the command that serves the container's target on this machine alone, until its stdin ends."""
    server = ["functions_framework", "--host", "127.0.0.1", "--port", str(port)]
    return [sys.executable, "-X", "utf8", "-u", "-m", tether.__name__, *server]


def service_target() -> dict[str, str]:
    """Return the environment that tells functions-framework what to serve."""
    return {"FUNCTION_SOURCE": str(main_file()), "FUNCTION_TARGET": "handle"}
