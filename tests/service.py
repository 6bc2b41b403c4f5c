"""The service as a process of its own, under functions-framework or the container's server, for tests to talk to."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pplns_deploy.dev import tether
from pplns_deploy.dev.service import main_file

START_SECONDS = 60
ANSWER_SECONDS = 60
HEARD_SECONDS = 2  # well within the grace that steps have after SIGTERM
TETHERED = [sys.executable, "-m", tether.__name__]  # so that nothing is left of tests that are killed
COMMANDS = {
    "framework": [*TETHERED, "functions_framework", "--host", "127.0.0.1"],
    "container": [*TETHERED, "pplns.server"],
}


@dataclass(frozen=True)
class Answer:
    """What was answered; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines()]

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.json["error"]["code"])


class Service:
    """A process of the service. `server` is "framework" or "container"; what it writes is in `log`."""

    def __init__(self, project: Path, folder: Path, *, server: str = "framework", **environ: str) -> None:
        self.port = free_port()
        self.log = folder / f"service-{self.port}.log"
        self.store = f"file:{folder / 'store'}"
        given = {
            "PPLNS_PIPELINES": str(project), "PPLNS_STORE": self.store, "PORT": str(self.port),
            "FUNCTION_SOURCE": str(main_file()), "FUNCTION_TARGET": "handle",
        }  # fmt: skip
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                COMMANDS[server], env={**os.environ, **given, **environ}, cwd=folder, stdin=subprocess.PIPE,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._wait_until_up()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("POST", path, body=body, headers=headers)

    def ask(self, method: str, path: str, *, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request; a body that is neither bytes nor None goes as JSON."""
        with self.open(method, path, body=body, headers=headers) as answer:
            return Answer(answer.status, _lower(answer), answer.read())

    @contextmanager
    def open(
        self, method: str, path: str, *, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Send a request and give its answer as it comes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            connection.request(method, path, body=data, headers=dict(headers or {}))
            with connection.getresponse() as answer:
                yield answer
        finally:
            connection.close()

    def terminate(self) -> None:
        """Send SIGTERM to the server's own process, and wait until its worker has heard it: it takes nothing more."""
        os.kill(self.process.pid, signal.SIGTERM)
        wait_for(lambda: not takes_requests(self.port))

    def kill(self) -> None:
        """Send SIGKILL to the server and its workers, as when a container is taken away; POSIX only."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        """End the process, if it hasn't ended."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None
        self.process.stdin.close()

    def _wait_until_up(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                self.get("/health")
                return
            except OSError:
                time.sleep(0.02)
        self.end()
        raise AssertionError(f"the service didn't come up: {self.log.read_text()}")


@contextmanager
def serving(project: Path, folder: Path, *, server: str = "framework", **environ: str) -> Iterator[Service]:
    """Start a service and end it."""
    service = Service(project, folder, server=server, **environ)
    try:
        yield service
    finally:
        service.end()


def read_until_event(answer: http.client.HTTPResponse, name: str, step: str | None = None) -> dict[str, Any]:
    """Read lines of a stream up to the first event of a name, of a step if one is given."""
    while line := answer.readline():
        found: dict[str, Any] = json.loads(line)
        if found.get("event") == name and step in (None, found.get("step")):
            return found
    raise AssertionError(f"the stream ended before {name} {step}")


def wait_for(is_there: Callable[[], bool], *, seconds: float = START_SECONDS) -> None:
    """Wait for what another process does."""
    until = time.monotonic() + seconds
    while not is_there():
        assert time.monotonic() < until, "it didn't come"
        time.sleep(0.01)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def takes_requests(port: int) -> bool:
    """Tell whether a service takes a connection; one that nobody takes any more stays unanswered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HEARD_SECONDS)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _lower(answer: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.getheaders()}
