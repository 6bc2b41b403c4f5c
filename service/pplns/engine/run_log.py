"""The log of an attempt: what its steps say is labelled, shown and kept, and its own events stand between their lines.

Nothing is done, and nothing costs, unless a command or the service has turned the capture on. Events are kept only
with a run whose steps said something: for any other one the checkpoints and the record hold them already."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from types import TracebackType

from pplns.built_in import UTC, datetime
from pplns.engine import events
from pplns.logs.capture import Capture, active
from pplns.logs.lines import Line, encode, new_line
from pplns.logs.places import Place, speak_from
from pplns.model.run import ENDED, RunRecord

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pplns.logs.lines import Severity
    from pplns.settings import Settings
    from pplns.state.logs import RunLog
    from pplns.state.runs import RunHead
    from pplns.stores import Store

    Told = tuple[Severity, str]


class AttemptLog:
    """Hears an attempt, as a context in which its steps run.

    `patience` says at its end how many seconds the lines that wait may still take."""

    def __init__(self, store: Store, head: RunHead, attempt: int, *, patience: Callable[[], float]) -> None:
        self._capture = active()
        self._place = Place(head.pipeline, head.run_id, attempt)
        self._store = store
        self._prefix = head.prefix
        self._run_log: RunLog | None = None
        self._patience = patience
        self._is_over = False
        self._guard = threading.Lock()
        self._notes: list[tuple[datetime, events.Event]] = []
        self._token: Token[AttemptLog | None] | None = None

    def watch(self, observer: events.Observer) -> events.Observer:
        """Return an observer that hears the events before another one does."""
        if self._capture is None:
            return observer

        def observe(event: events.Event) -> None:
            if type(event) in _TOLD and not isinstance(event, events.StepStarted):  # its own thread says that first
                self.note(event)
            observer(event)

        return observe

    def place_of(self, step: str) -> Place:
        """Return the place that a step speaks from, and see that it is heard."""
        if self._capture is not None:
            self._capture.stand_again()
        return Place(self._place.pipeline, self._place.run_id, self._place.attempt, step, keep=self._keep)

    def finish(self, place: Place) -> None:
        """Take what a step has left unsaid; it is over."""
        if self._capture is not None:
            self._capture.finish(place)
        place.is_over = True

    def __enter__(self) -> AttemptLog:
        if self._capture is not None:
            self._token = _attempt_log.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            _attempt_log.reset(self._token)
            with self._guard:
                self._is_over = True
            if self._run_log is not None:
                self._run_log.close(timeout_s=self._patience())

    def note(self, event: events.Event) -> None:
        """Take an event."""
        now = datetime.now(UTC)
        if self._capture is not None and self._capture.shows_lines and (line := _line_of(event, self._place, now)):
            self._capture.emit(line)
        with self._guard:
            if self._run_log is not None:
                self._keep_event(self._run_log, now, event)
            else:
                self._notes.append((now, event))

    def _keep(self, encoded: str) -> None:
        """Keep a step's line, after the events before it."""
        with self._guard:
            if self._run_log is None and not self._is_over:
                self._run_log = self._open()
                for time, event in self._notes:
                    self._keep_event(self._run_log, time, event)
                self._notes.clear()
            if self._run_log is not None:
                self._run_log.append(encoded)

    def _open(self) -> RunLog:
        from pplns.state.logs import MAX_LOG_BYTES, RunLog  # of use only where a step says something

        full = f"This run has logged {MAX_LOG_BYTES // 1_000_000} MB; what follows isn't kept with it."
        closing_line = encode(new_line("WARNING", full, place=self._place))
        return RunLog(self._store, self._prefix, self._place.attempt, closing_line=closing_line)

    def _keep_event(self, run_log: RunLog, time: datetime, event: events.Event) -> None:
        line = _line_of(event, self._place, time)
        if line is not None:
            run_log.append(encode(line))


_attempt_log: ContextVar[AttemptLog | None] = ContextVar("pplns_attempt_log", default=None)


def enter_step(step: str, number: int) -> Place | None:
    """Let the calling thread speak as try `number` of a step of the attempt that is heard in its context, if any is."""
    log = _attempt_log.get()
    if log is None:
        return None
    log.note(events.StepStarted(step=step, number=number))
    place = log.place_of(step)
    speak_from(place)
    return place


def leave_step(place: Place | None) -> None:
    """End what `enter_step` began."""
    log = _attempt_log.get()
    if place is not None and log is not None:
        log.finish(place)


def report_end(record: RunRecord) -> None:
    """Show the end of an attempt, and of a run that has ended: what alerts and log-based metrics count."""
    capture = active()
    if capture is None or not capture.shows_lines:
        return
    place = Place(record.pipeline, record.run_id, record.attempt)
    for name in ("attempt_ended", *(("run_ended",) if record.state in ENDED else ())):
        severity, message = _told_of_end(name, record)
        capture.emit(new_line(severity, message, place=place, fields={"pplns_event": name, **_end_fields(record)}))


def service_capture(settings: Settings) -> Capture:
    """Return the capture of a process that serves: lines go to the stdout that it has now, as the settings say.

    `with capturing(service_capture(settings)):` turns it on; do that before pipelines are loaded."""
    import sys

    from pplns.logs.outputs import open_output

    project = settings.google_project or _project_of(settings.topic)
    output = open_output(
        sys.stdout, settings.log_format, is_on_cloud_run=settings.cloud_service is not None, project=project,
        sends=settings.cloud_logging, no_color=settings.no_color,
    )  # fmt: skip
    return Capture(output, project=project)


def _project_of(topic: str | None) -> str | None:
    return None if topic is None else topic.split("/")[1]


def _line_of(event: events.Event, place: Place, time: datetime) -> Line | None:
    """Return the line of an event, or None for those that say nothing new."""
    tell = _TOLD.get(type(event))
    if tell is None:
        return None
    from pplns.engine.event_lines import as_line  # of use only where lines are shown or kept

    severity, message = tell(event)
    fields = as_line(event)
    fields["pplns_event"] = fields.pop("event")
    trace = _without_traceback(fields)
    step = getattr(event, "step", None)
    speaking = place if step is None else Place(place.pipeline, place.run_id, place.attempt, step)
    return new_line(severity, message, place=speaking, stack_trace=trace, fields=fields, time=time)


def _without_traceback(fields: dict[str, Any]) -> str | None:
    """Take the traceback out of an event's error, for Error Reporting looks for it elsewhere."""
    error: Mapping[str, Any] = fields.get("error") or {}
    if "traceback" not in error:
        return None
    fields["error"] = {key: value for key, value in error.items() if key != "traceback"}
    return str(error["traceback"])


def _told_of_start(event: events.AttemptStarted) -> Told:
    reused = f", {len(event.reused)} of them reused" if event.reused else ""
    steps = "1 step" if len(event.steps) == 1 else f"{len(event.steps)} steps"
    return "INFO", f"Attempt {event.attempt} started: {steps}{reused}"


def _told_of_finish(event: events.StepFinished) -> Told:
    rows = "" if event.rows is None else ", 1 row" if event.rows == 1 else f", {event.rows} rows"
    return "INFO", f"Step {event.step} finished in {event.duration_s:.3f} s{rows}"


def _told_of_retry(event: events.StepRetrying) -> Told:
    again = f"next one in {event.delay_s:.1f} s"
    return "WARNING", f"Try {event.number} of step {event.step} failed, {again}: {event.error.message}"


def _told_of_failure(event: events.StepFailed) -> Told:
    tries = "1 try" if event.tries == 1 else f"{event.tries} tries"
    return "ERROR", f"Step {event.step} failed after {tries}: {event.error.message}"


_TOLD: Mapping[type[Any], Callable[[Any], Told]] = {
    events.AttemptStarted: _told_of_start,
    events.StepStarted: lambda event: ("INFO", f"Step {event.step} started, try {event.number}"),
    events.StepFinished: _told_of_finish,
    events.StepRetrying: _told_of_retry,
    events.StepFailed: _told_of_failure,
    events.StepRedone: lambda event: ("WARNING", f"Step {event.step} runs again: {event.reason}"),
}


def _told_of_end(name: str, record: RunRecord) -> Told:
    what = "Run" if name == "run_ended" else f"Attempt {record.attempt}"
    reason = "" if record.error is None else f": {record.error.message}"
    message = f"{what} ended {record.state}{'' if record.final else ', not for good'}{reason}"
    if record.state != "failed":
        return "INFO", message
    return ("ERROR" if record.final and name == "run_ended" else "WARNING"), message


def _end_fields(record: RunRecord) -> dict[str, Any]:
    began, ended = record.started_at, record.finished_at
    error = None if record.error is None else record.error.as_json()
    if error is not None:
        error.pop("traceback", None)
    return {
        "state": record.state, "final": record.final, "pipeline": record.pipeline, "run_id": record.run_id,
        "attempt": record.attempt, "error": error,
        "duration_s": None if began is None or ended is None else (ended - began).total_seconds(),
    }  # fmt: skip
