"""Warm processes for proofs that kill thousands: a server imports everything once and forks a child for each call.

A child is a process of its own, with its own id, threads and connections; only its imports were done before its birth,
so that a kill costs milliseconds instead of an interpreter's start. The server has one thread. Needs `os.fork`.

    with Nursery() as nursery:
        child = nursery.start("crash.children:attempt", run_id="r")
        os.kill(child.pid, signal.SIGKILL)
        assert nursery.wait(child).died_of == signal.SIGKILL"""

import contextlib
import importlib
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class Child:
    """A process that was started and isn't waited for yet: its number stays its own until then."""

    pid: int


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: what its function returned, or the signal that it died of."""

    answer: Any
    died_of: int | None


class Nursery:
    """A server of children, which end with it. For one thread."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = {**os.environ, **ONE_THREAD, **(environ or {})}

    def __enter__(self) -> "Nursery":
        self._server = subprocess.Popen(
            [sys.executable, str(HERE / "nursery.py")], env=self._environ, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()  # the end of its input tells it to go

    def start(self, target: str, **arguments: Any) -> Child:
        """Call `module:function` in a child. Arguments, and what it returns, are JSON."""
        return Child(self._ask(["start", target, arguments]))

    def wait(self, child: Child) -> Ended:
        """Wait for a child's end.

        Raises: AssertionError with its traceback when the child raised."""
        ended = self._ask(["wait", child.pid, {}])
        assert "raised" not in ended, ended["raised"]
        return Ended(ended.get("answer"), ended["died_of"])

    def _ask(self, request: list[Any]) -> Any:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())


def serve() -> None:
    """Answer requests until there are no more, then kill what is left."""
    answers: dict[int, int] = {}
    for line in sys.stdin:
        command, subject, arguments = json.loads(line)
        if command == "start":
            pid, reader = _fork(subject, arguments)
            answers[pid] = reader
            print(json.dumps(pid), flush=True)
        else:
            print(json.dumps(_reap(subject, answers.pop(subject))), flush=True)
    for pid in answers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)


def _fork(target: str, arguments: Mapping[str, Any]) -> tuple[int, int]:
    """Start a child and return its id and the pipe on which it answers."""
    module, _, name = target.partition(":")
    function = getattr(importlib.import_module(module), name)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    os.dup2(2, 1)  # what a child prints is no answer of the server's
    try:
        answer = {"answer": function(**arguments)}
    except BaseException:
        answer = {"raised": traceback.format_exc()}
    with os.fdopen(writer, "w") as pipe:
        json.dump(answer, pipe)
    os._exit(0)


def _reap(pid: int, reader: int) -> dict[str, Any]:
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return {"died_of": os.WTERMSIG(status)}
    return {**json.loads(text), "died_of": None}


if __name__ == "__main__":
    sys.path[:0] = [str(HERE), str(HERE.parent / "service")]
    serve()
