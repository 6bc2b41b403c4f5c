"""The server of the container: `handle` under gunicorn, with what functions-framework gives no way to set.

On SIGTERM Cloud Run waits 10 s before it kills. The worker therefore tells the runs in flight to stop at their step
boundary, and their answers still reach the callers. gunicorn replaces handlers that are set before a worker is up, so
ours goes around its own afterwards.

The project is loaded in the worker, never in its parent: clients and threads that a pipeline's file makes would not
survive the fork."""

import mmap
import os
import signal
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any

from pplns.errors import ConfigError, PplnsError
from pplns.server.process import PROCESS, Process
from pplns.settings import Settings, load_settings

THREADS = 8  # a run occupies one; /health is answered beside it
GRACEFUL_SECONDS = 8  # of the 10 s that Cloud Run gives
WRONG_CONFIGURATION = 3
WORKER_DIED = 1


def main(environ: Mapping[str, str]) -> int:
    """Serve until SIGTERM, and return the exit code."""
    try:
        _refuse_windows()
        settings = load_settings(environ=environ)
    except PplnsError as error:
        print(f"Error: {error}", file=sys.stderr)
        return WRONG_CONFIGURATION
    serve(settings)
    return 0


def serve(settings: Settings) -> None:
    """Serve by gunicorn at the settings' port; it exits the process itself."""
    from gunicorn.app.base import BaseApplication
    from werkzeug.wrappers import Request

    from pplns.server.app import handle

    class Container(BaseApplication):
        """gunicorn, set up in code alone: no file, no environment variable, no command line."""

        def load_config(self) -> None:
            for name, value in options_of(settings).items():
                if name in self.cfg.settings:  # the control socket came with gunicorn 25
                    self.cfg.set(name, value)

        def load(self) -> Any:
            return Request.application(handle)

    Container().run()


def options_of(settings: Settings) -> dict[str, Any]:
    """Return gunicorn's options: one process, whose worker may take as long as a run does."""
    starts = _Starts()
    return {
        "bind": f"0.0.0.0:{settings.port}",
        "workers": 1,
        "worker_class": "gthread",
        "threads": THREADS,
        "timeout": 0,
        "graceful_timeout": GRACEFUL_SECONDS,
        "keepalive": 75,
        "limit_request_fields": 1000,  # an unwrapped push has a header for each attribute, up to 100 of them
        "loglevel": "warning",
        "control_socket_disable": True,
        "pre_fork": starts.begin,
        "post_worker_init": starts.prepare,
    }


class _Starts:
    """Whether the last worker came up: it says so in memory that it shares with its parent.

    A project that ends the process while it is imported would be started again for ever, many times a second."""

    def __init__(self) -> None:
        self._is_up = mmap.mmap(-1, 1)
        self._is_first = True

    def begin(self, arbiter: object, worker: object) -> None:
        """Let a worker be started, unless the one before it died before it was up."""
        if not self._is_first and not self._is_up[0]:
            from gunicorn.errors import HaltServer

            raise HaltServer("The process that loads the project died before it was up.", WORKER_DIED)
        self._is_first, self._is_up[0] = False, False

    def prepare(self, worker: object) -> None:
        """Make the worker ready for requests."""
        prepare_worker(PROCESS)
        self._is_up[0] = True


def prepare_worker(process: Process) -> None:
    """Make a new worker hear SIGTERM, and load what it serves before it takes its first request.

    A project that doesn't load doesn't end the worker: `/health` says what is wrong."""
    _drain_on_sigterm(process)
    try:
        process.served()
    except PplnsError as error:
        print(f"Error: {error}", file=sys.stderr)


def _drain_on_sigterm(process: Process) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def drain(number: int, frame: FrameType | None) -> None:
        process.drain.begin()
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGTERM, drain)


def _refuse_windows() -> None:
    if os.name == "nt":
        raise ConfigError(
            "`python -m pplns.server` is started on Windows.",
            "It is the server of the container, and runs on Linux and macOS.",
            "Use `pplns serve`.",
        )
