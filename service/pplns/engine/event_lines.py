"""The events of an attempt as lines of JSON: what a service streams, and what a command makes events of again.

{"event": "step_started", "step": "load", "try": 1}
{"event": "step_committed", "step": "load", "duration_s": 0.42, "rows": 27004, "bytes": 3100000}

The last line of a stream is the bare run record, which has no "event"."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pplns.engine import events
from pplns.model.artifact import Commit, StoredValue
from pplns.model.frozen import Frozen
from pplns.model.run import ErrorInfo, RunRecord, StepRecord, Trigger

HEARTBEAT: Mapping[str, Any] = {"event": "waiting"}  # nothing has happened for a while, and the run goes on


def as_line(event: events.Event) -> dict[str, Any]:
    """Return an event as the object of its line; the end of an attempt as the run's record."""
    if isinstance(event, events.AttemptEnded):
        return event.record.as_json()
    form = _BY_CLASS[type(event)]
    return {"event": form.name, **form.write(event)}


def read_line(line: Mapping[str, Any]) -> events.Event | None:
    """Return the event of a line, or None for a heartbeat and for events that this pplns doesn't know.

    The commit of a step is known by its measures only: time, rows and bytes. A line with an error is the caller's to
    read before.

    Raises: ValueError for a line that is no event's."""
    try:
        if "event" not in line:
            return events.AttemptEnded(record=_record(line))
        form = _BY_NAME.get(line["event"])
        return None if form is None else form.read(line)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no line of an event: {error!r}") from error


def _commit(line: Mapping[str, Any]) -> Commit:
    value = StoredValue(codec="", digest="", size_bytes=line["bytes"], rows=line["rows"])
    return Commit(
        step=line["step"], version="", values=(value,), several=False, attempt=0, tries=0, started_at="",
        finished_at="", duration_s=line["duration_s"], writer="",
    )  # fmt: skip


def _record(line: Mapping[str, Any]) -> RunRecord:
    trigger = line["trigger"]
    return RunRecord(
        run_id=line["run_id"], pipeline=line["pipeline"], state=line["state"], final=line["final"],
        params=line["params"], logical_date=datetime.fromisoformat(line["logical_date"]),
        trigger=Trigger(trigger["kind"], trigger["key"], trigger["name"], trigger["timezone"], trigger["details"]),
        created_at=datetime.fromisoformat(line["created_at"]), attempt=line["attempt"],
        started_at=_time(line["started_at"]), finished_at=_time(line["finished_at"]),
        steps=tuple(_step(step) for step in line["steps"]), result=line["result"],
        error=None if line["error"] is None else _error(line["error"]),
    )  # fmt: skip


def _step(step: Mapping[str, Any]) -> StepRecord:
    return StepRecord(
        step=step["step"], state=step["state"], attempts=step["attempts"], duration_s=step["duration_s"],
        rows=step["rows"], bytes=step["bytes"], artifact=step["artifact"], reused=step["reused"],
        error=None if step["error"] is None else _error(step["error"]), version=step["version"],
    )  # fmt: skip


def _error(error: Mapping[str, Any]) -> ErrorInfo:
    return ErrorInfo(error["code"], error["message"], error["hint"], error.get("traceback"))


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


class _Form(Frozen):
    """How one kind of event is written as a line and read from it."""

    name: str
    kind: type
    write: Callable[[Any], dict[str, Any]]
    read: Callable[[Mapping[str, Any]], events.Event]


_FORMS: tuple[_Form, ...] = (
    _Form(
        "attempt_started", events.AttemptStarted,
        lambda event: {
            "pipeline": event.pipeline, "run_id": event.run_id, "attempt": event.attempt,
            "steps": list(event.steps), "reused": list(event.reused),
        },
        lambda line: events.AttemptStarted(
            pipeline=line["pipeline"], run_id=line["run_id"], attempt=line["attempt"],
            steps=tuple(line["steps"]), reused=tuple(line["reused"]),
        ),
    ),
    _Form(
        "step_started", events.StepStarted,
        lambda event: {"step": event.step, "try": event.number},
        lambda line: events.StepStarted(step=line["step"], number=line["try"]),
    ),
    _Form(
        "step_finished", events.StepFinished,
        lambda event: {
            "step": event.step, "duration_s": event.duration_s, "rows": event.rows, "bytes": event.size_bytes
        },
        lambda line: events.StepFinished(
            step=line["step"], duration_s=line["duration_s"], rows=line["rows"], size_bytes=line["bytes"]
        ),
    ),
    _Form(
        "step_committed", events.StepCommitted,
        lambda event: {
            "step": event.step, "duration_s": event.commit.duration_s, "rows": event.commit.rows,
            "bytes": event.commit.size_bytes,
        },
        lambda line: events.StepCommitted(step=line["step"], commit=_commit(line)),
    ),
    _Form(
        "step_retrying", events.StepRetrying,
        lambda event: {
            "step": event.step, "try": event.number, "delay_s": event.delay_s, "error": event.error.as_json()
        },
        lambda line: events.StepRetrying(
            step=line["step"], number=line["try"], delay_s=line["delay_s"], error=_error(line["error"])
        ),
    ),
    _Form(
        "step_failed", events.StepFailed,
        lambda event: {
            "step": event.step, "tries": event.tries, "duration_s": event.duration_s, "error": event.error.as_json()
        },
        lambda line: events.StepFailed(
            step=line["step"], tries=line["tries"], duration_s=line["duration_s"], error=_error(line["error"])
        ),
    ),
    _Form(
        "step_redone", events.StepRedone,
        lambda event: {"step": event.step, "reason": event.reason},
        lambda line: events.StepRedone(step=line["step"], reason=line["reason"]),
    ),
    _Form(
        "step_reused", events.StepReused,
        lambda event: {"step": event.step},
        lambda line: events.StepReused(step=line["step"]),
    ),
)  # fmt: skip
_BY_NAME = {form.name: form for form in _FORMS}
_BY_CLASS = {form.kind: form for form in _FORMS}
