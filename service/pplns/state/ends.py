"""The end of an attempt: created once, by its holder, or as `lost` by whoever takes the run over.

Attempt n+1 begins only once the end of n exists. So of a paused holder and its successor only one is believed."""

from __future__ import annotations

from collections.abc import Mapping

from pplns.errors import DamagedRecord
from pplns.model.frozen import Frozen
from pplns.model.run import STEP_STATES, ErrorInfo, StepRecord
from pplns.state import records
from pplns.state.fields import Fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from pplns.stores import Store

    EndState = Literal["succeeded", "failed", "cancelled", "lost", "continuing"]

END_STATES: tuple[EndState, ...] = ("succeeded", "failed", "cancelled", "lost", "continuing")
MAX_LOST_IN_A_ROW = 5


class End(Frozen):
    """How attempt `attempt` ended. `final` says that only a person reopens the run; `commits` counts those of the run.

    `message_id` is the continuation's, where the run goes on by a message (`continuing`). Times are ISO 8601 in UTC;
    `first_started_at` is when the run's first attempt began."""

    attempt: int
    state: EndState
    final: bool
    finished_at: str
    started_at: str | None = None
    first_started_at: str | None = None
    steps: tuple[StepRecord, ...] = ()
    result: Any = None
    error: ErrorInfo | None = None
    commits: int = 0
    message_id: str | None = None


def end_name(prefix: str, attempt: int) -> str:
    """Return the name of an attempt's end."""
    return f"{prefix}/attempts/{attempt}.json"


def read_end(store: Store, prefix: str, attempt: int) -> End | None:
    """Return the end of an attempt, or None while it has none.

    Raises: DamagedRecord."""
    name = end_name(prefix, attempt)
    record = records.read(store, name)
    return None if record is None else _from_record(record, name=name)


def create_end(store: Store, prefix: str, end: End, *, writer: str) -> End:
    """Create the end of an attempt if absent; return the one that stands: ours, or who was first."""
    name = end_name(prefix, end.attempt)
    standing = records.create(store, name, _as_record(end), writer=writer)
    return end if standing is None else _from_record(standing, name=name)


def is_cancel_requested(store: Store, prefix: str, attempt: int) -> bool:
    """Tell whether somebody asked for the end of an attempt."""
    return store.read(_cancel_name(prefix, attempt)) is not None


def request_cancel(store: Store, prefix: str, attempt: int, *, writer: str) -> None:
    """Ask the holder of an attempt to end it; it looks at each renewal and before its end."""
    records.create(store, _cancel_name(prefix, attempt), {"attempt": attempt}, writer=writer)


def _cancel_name(prefix: str, attempt: int) -> str:
    return f"{prefix}/attempts/{attempt}.cancel.json"


def lost_in_a_row(store: Store, prefix: str, end: End) -> int:
    """Return how many attempts up to this one were lost, one after the other, without a new commit between."""
    count = 0
    current: End | None = end
    while current is not None and current.state == "lost" and current.commits == end.commits:
        count += 1
        if current.attempt == 1 or count == MAX_LOST_IN_A_ROW:
            break
        current = read_end(store, prefix, current.attempt - 1)
    return count


def _as_record(end: End) -> dict[str, Any]:
    return {
        "attempt": end.attempt, "state": end.state, "final": end.final, "started_at": end.started_at,
        "first_started_at": end.first_started_at, "finished_at": end.finished_at,
        "steps": [step.as_json() for step in end.steps], "result": end.result,
        "error": end.error.as_json() if end.error else None, "commits": end.commits,
        **({} if end.message_id is None else {"message_id": end.message_id}),
    }  # fmt: skip


def _from_record(record: Mapping[str, Any], *, name: str) -> End:
    try:
        fields = Fields(record)
        error = fields.mapping_or_none("error")
        return End(
            attempt=fields.count("attempt"), state=fields.one_of("state", END_STATES), final=fields.flag("final"),
            started_at=fields.time_or_none("started_at"), first_started_at=fields.time_or_none("first_started_at"),
            finished_at=fields.time("finished_at"), steps=tuple(_step_from(step) for step in fields.list("steps")),
            result=fields.any("result"), error=None if error is None else _error_from(error),
            commits=fields.count("commits"), message_id=fields.text_or_none("message_id"),
        )  # fmt: skip
    except ValueError as error:
        raise DamagedRecord(
            f"The end {name!r} garbles {error}.",
            "It says how an attempt of the run ended.",
            "Restore it from a backup, or start a new run.",
        ) from error


def _step_from(record: object) -> StepRecord:
    fields = Fields(record)
    error = fields.mapping_or_none("error")
    return StepRecord(
        step=fields.text("step"), state=fields.one_of("state", STEP_STATES), attempts=fields.count("attempts"),
        duration_s=fields.seconds_or_none("duration_s"), rows=fields.count_or_none("rows"),
        bytes=fields.count_or_none("bytes"), artifact=fields.text_or_none("artifact"), reused=fields.flag("reused"),
        version=fields.text_or_none("version"), error=None if error is None else _error_from(error),
    )  # fmt: skip


def _error_from(record: Mapping[str, Any]) -> ErrorInfo:
    fields = Fields(record)
    return ErrorInfo(
        code=fields.text("code"), message=fields.text("message"), hint=fields.text_or_none("hint") or "",
        traceback=fields.text_or_none("traceback"),
    )  # fmt: skip
