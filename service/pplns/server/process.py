"""What one process of the service has: the loaded project, its store, and the news that it is to end.

Everything is loaded at the first request, or as soon as a worker of the container is up, never when the module is
imported: functions-framework imports it in the parent of the process that will answer."""

import os
import signal
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from pplns.engine.bounds import Drain
from pplns.engine.run_log import service_capture
from pplns.engine.workers import has_abandoned_threads
from pplns.errors import NotFoundError, ParameterError
from pplns.loader import Found, discover
from pplns.logs.capture import capturing
from pplns.model.names import nearest, shorten
from pplns.settings import Settings, load_settings
from pplns.steps import Pipeline
from pplns.stores import Store, open_store


@dataclass(frozen=True, slots=True)
class Served:
    """The pipelines that are served, with the store that keeps their runs."""

    settings: Settings
    found: Found
    store: Store

    def pipeline(self, name: str) -> Pipeline[..., Any]:
        """Return a pipeline by its name.

        Raises: NotFoundError with the nearest name; what broken files define is not known."""
        found = self.found.pipelines.get(name)
        if found is None:
            close = nearest(name, self.found.pipelines)
            places = ", ".join(one.place for one in self.found.broken)
            raise NotFoundError(
                f"There is no pipeline {shorten(name)} here.",
                f"Pipelines: {self._names()}." + (f" What broken files define is not known: {places}." * bool(places)),
                f"Did you mean {close!r}?" if close else "See GET /pipelines.",
            )
        return found

    def only_pipeline(self) -> Pipeline[..., Any]:
        """Return the pipeline that is meant where none is named.

        Raises: ParameterError where there are several."""
        pipelines = list(self.found.pipelines.values())
        if len(pipelines) != 1:
            raise ParameterError(
                "The request names no pipeline.",
                f"This service has several: {self._names()}.",
                "POST to /pipelines/NAME/runs or to /?pipeline=NAME.",
            )
        return pipelines[0]

    def _names(self) -> str:
        return ", ".join(map(repr, self.found.pipelines))


@dataclass(slots=True)
class Process:
    """The state of a process of the service. Its methods may be called from several threads."""

    drain: Drain = field(default_factory=Drain)
    _settings: Settings | None = None
    _served: Served | None = None
    _guard: threading.RLock = field(default_factory=threading.RLock)
    _under_way: int = 0
    _answered: threading.Condition = field(default_factory=threading.Condition)
    _logs: ExitStack = field(default_factory=ExitStack)

    def settings(self) -> Settings:
        """Return the settings of the process; read by the first caller. From then on what steps say is heard.

        Raises: ConfigError."""
        with self._guard:
            if self._settings is None:
                self._settings = load_settings(environ=os.environ)
                self._logs.enter_context(capturing(service_capture(self._settings)))
            return self._settings

    def served(self) -> Served:
        """Return what is served; loaded by the first caller, and again after a load that failed.

        Raises: ConfigError, NotFoundError, LoadError."""
        with self._guard:
            if self._served is None:
                self._served = _load(self.settings())
            return self._served

    def begin_request(self) -> None:
        """Note that a request has come."""
        with self._answered:
            self._under_way += 1

    def end_request(self) -> None:
        """Note that a request is answered, to its last byte."""
        with self._answered:
            self._under_way -= 1
            self._answered.notify_all()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until no request is under way; tell whether that came in time."""
        with self._answered:
            return self._answered.wait_for(lambda: self._under_way == 0, timeout_s)

    def close(self) -> None:
        """Forget what is served, and hear no more of what steps say."""
        with self._guard:
            self._logs.close()
            self._served = self._settings = None

    def drain_if_stuck(self) -> None:
        """Take no further request where a step was left running: nothing stops it, and it may hold memory and locks."""
        if has_abandoned_threads():
            self.drain.begin()

    def end_if_stuck(self, *, software: str) -> None:
        """End the process, once a request is answered, where a step was left running; gunicorn then starts another.

        `software` names the server. The one for local use on Windows can't end in good order; there the process goes
        on refusing."""
        if has_abandoned_threads() and software.startswith("gunicorn"):
            os.kill(os.getpid(), signal.SIGTERM)


def _load(settings: Settings) -> Served:
    found = discover(settings)
    if not found.pipelines:
        raise found.broken[0].as_error()
    return Served(settings, found, open_store(settings.store, root=settings.root))


PROCESS = Process()
