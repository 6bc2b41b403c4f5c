"""A run as the outside sees it: its states, its steps, its result."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pplns.built_in import UTC, datetime
from pplns.model.frozen import Frozen, Unchecked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from pplns.errors import PplnsError

    RunState = Literal["queued", "running", "continuing", "succeeded", "failed", "cancelled", "lost"]
    StepState = Literal["waiting", "running", "succeeded", "failed", "skipped"]

RUN_STATES: tuple[RunState, ...] = ("queued", "running", "continuing", "succeeded", "failed", "cancelled", "lost")
STEP_STATES: tuple[StepState, ...] = ("waiting", "running", "succeeded", "failed", "skipped")
TRIGGER_KINDS = ("manual", "api", "schedule", "pubsub", "cloudevent")
NO_DETAILS: Mapping[str, Any] = MappingProxyType({})
ENDED: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})


class Trigger(Frozen):
    """What started a run: its kind, the key by which a second delivery is recognised, and the trigger's name.

    `timezone` is where `logical_date()` becomes a day. `details` is what the request carried besides parameters."""

    kind: Literal["manual", "api", "schedule", "pubsub", "cloudevent"]
    key: str
    name: str | None = None
    timezone: str = "UTC"
    details: Mapping[str, Any] = NO_DETAILS

    def as_json(self) -> dict[str, Any]:
        """Return the trigger as the run record shows it."""
        return {
            "kind": self.kind, "key": self.key, "name": self.name, "timezone": self.timezone,
            "details": dict(self.details),
        }  # fmt: skip


class ErrorInfo(Frozen):
    """An error as records and answers show it; `traceback` holds the frames of the user's own code."""

    code: str
    message: str
    hint: str = ""
    traceback: str | None = None

    @classmethod
    def of(cls, error: PplnsError) -> ErrorInfo:
        """Return what records keep of an error of ours."""
        return cls(code=error.code, message=error.message, hint=error.hint)

    def as_json(self) -> dict[str, Any]:
        """Return the error shape of DESIGN 6: code, message, hint; the traceback where there is one."""
        shown = {"code": self.code, "message": self.message, "hint": self.hint}
        return shown if self.traceback is None else {**shown, "traceback": self.traceback}


class StepRecord(Unchecked):
    """One step of a run. `attempts` counts its tries; `bytes` is what its checkpoint takes; `reused` says that an
    earlier attempt had committed it."""

    step: str
    state: StepState
    attempts: int = 0
    duration_s: float | None = None
    rows: int | None = None
    bytes: int | None = None
    artifact: str | None = None
    reused: bool = False
    error: ErrorInfo | None = None
    version: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the step as the run record shows it."""
        return {
            "step": self.step, "state": self.state, "attempts": self.attempts, "duration_s": self.duration_s,
            "rows": self.rows, "bytes": self.bytes, "artifact": self.artifact, "reused": self.reused,
            "error": self.error.as_json() if self.error else None, "version": self.version,
        }  # fmt: skip


class RunRecord(Frozen):
    """A run: the record of DESIGN 6. Times are aware UTC. `final` says that no further delivery changes it."""

    run_id: str
    pipeline: str
    state: RunState
    final: bool
    params: Mapping[str, Any]
    trigger: Trigger
    logical_date: datetime
    created_at: datetime
    attempt: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    steps: tuple[StepRecord, ...] = ()
    result: Any = None
    error: ErrorInfo | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the record as commands and requests answer it; times as ISO 8601 in UTC."""
        return {
            "run_id": self.run_id, "pipeline": self.pipeline, "state": self.state, "final": self.final,
            "params": dict(self.params), "trigger": self.trigger.as_json(), "logical_date": iso(self.logical_date),
            "attempt": self.attempt, "created_at": iso(self.created_at), "started_at": iso(self.started_at),
            "finished_at": iso(self.finished_at), "steps": [step.as_json() for step in self.steps],
            "result": self.result, "error": self.error.as_json() if self.error else None,
        }  # fmt: skip


def iso(time: datetime | None) -> str | None:
    """Return a time as ISO 8601 text, or None."""
    return None if time is None else time.isoformat()


def iso_now() -> str:
    """Return the present time as ISO 8601 text in UTC."""
    return datetime.now(UTC).isoformat()
