"""A run as people read it: the line it gets in a list, what is said when it ends, and all that is recorded of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pplns.built_in import UTC, datetime
from pplns.json_text import write_compact
from pplns.model.ids import time_of_run_id
from pplns.model.run import ENDED, RunRecord, StepRecord
from pplns_deploy.cli.output import Column, bytes_text, clean_text, cut, duration_text, table_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST_RESULT_LINES = 40
_STATES = {"continuing": "continuing (waits for its continuation)", "lost": "lost (its process vanished)"}


def reference_of(pipeline: str, run_id: str) -> str:
    """Return what names a run: a derived id alone, else with its pipeline, since another may have the same id."""
    return run_id if time_of_run_id(run_id) else f"{pipeline}/{run_id}"


def run_table(records: Sequence[RunRecord], *, width: int | None, now: datetime) -> list[str]:
    """Return runs as a table; attempts are shown where a run has had more than one."""
    columns = [Column("run"), Column("pipeline", least=4), Column("state"), Column("started UTC"), Column("time")]
    rows = [
        [record.run_id, record.pipeline, record.state, started_text(record, now), duration_text(seconds_of_run(record))]
        for record in records
    ]
    if any(record.attempt > 1 for record in records):
        columns.append(Column("att"))  # so that 80 columns hold an attempt and a derived id
        rows = [[*row, str(record.attempt)] for row, record in zip(rows, records, strict=True)]
    return table_lines(columns, rows, width=width)


def started_text(record: RunRecord, now: datetime) -> str:
    """Return when a run started, in UTC: day and time in the same year, else the date."""
    if record.started_at is None:
        return ""
    started = record.started_at.astimezone(UTC)
    return started.strftime("%m-%d %H:%M" if started.year == now.year else "%Y-%m-%d")


def seconds_of_run(record: RunRecord) -> float | None:
    """Return how long a run took, from the start of its first attempt on, or None where it hasn't ended."""
    if record.started_at is None or record.finished_at is None:
        return None
    return (record.finished_at - record.started_at).total_seconds()


def ending_lines(record: RunRecord, *, took_s: float | None) -> list[str]:
    """Return what is said when a run has ended: its state, its time, its result.

    `took_s` is what this attempt took, None where none was needed because the run had ended before."""
    lines = [f"{record.state.capitalize()} in {duration_text(took_s)}."]
    if record.state == "continuing":
        return ["The run goes on by its continuation, which is on its way; nothing more is run here."]
    if took_s is None:
        lines = [f"The run {record.state} before, on {time_text(record.finished_at)}; nothing was run."]
    if record.state == "succeeded" and record.result is not None:
        shown = _json_lines(record.result)
        lines += [f"Result: {shown[0]}"] if len(shown) == 1 else ["Result:", *(f"  {line}" for line in shown)]
    unfinished = [step for step in record.steps if step.state in ("waiting", "skipped")]
    for title, is_begun in (("Not finished", True), ("Not run", False)):
        names = [step.step for step in unfinished if bool(step.attempts) is is_begun]
        lines += [f"{title}: {', '.join(names)}."] if names else []
    return lines


def cancel_text(record: RunRecord) -> str:
    """Return what cancelling a run came to."""
    if record.state == "cancelled":
        return "Cancelled."
    if record.state in ENDED:
        return f"The run {record.state} before, on {time_text(record.finished_at)}; there is nothing to cancel."
    return "Asked the process that works on it to stop; it does so within seconds."


def record_lines(record: RunRecord, *, width: int | None) -> list[str]:
    """Return all that is recorded about a run."""
    lines = _fields(record)
    if record.steps:
        lines += ["", *step_table(record.steps, width=width)]
    if record.error is not None:
        lines += ["", *_labelled("Error", record.error.message.splitlines())]
        lines += [f"  {line}" for line in (record.error.traceback or "").splitlines()]
        lines += [f"  → {record.error.hint}"] if record.error.hint else []
    if record.result is not None:
        lines += ["", *_labelled("Result", _json_lines(record.result))]
    return lines


def step_table(steps: Sequence[StepRecord], *, width: int | None) -> list[str]:
    """Return the steps of a run as a table."""
    columns = [
        Column("step", least=8), Column("state"), Column("tries", is_number=True), Column("time", is_number=True),
        Column("rows", is_number=True), Column("bytes", is_number=True),
    ]  # fmt: skip
    rows = [
        [
            step.step, "reused" if step.reused else step.state, str(step.attempts or ""),
            duration_text(step.duration_s), "" if step.rows is None else f"{step.rows:,}", bytes_text(step.bytes),
        ]
        for step in steps
    ]  # fmt: skip
    return table_lines(columns, rows, width=width)


def param_lines(params: Mapping[str, Any]) -> list[str]:
    """Return parameters as they could be given with -p."""
    return [f"{name}={_shown(value)}" for name, value in params.items()]


def _fields(record: RunRecord) -> list[str]:
    trigger = record.trigger.kind + (f" {record.trigger.name}" if record.trigger.name else "")
    seconds = seconds_of_run(record)
    took = "" if seconds is None else f" ({duration_text(seconds)})"
    fields: list[tuple[str, Iterable[str]]] = [
        ("Run", [record.run_id]),
        ("Pipeline", [record.pipeline]),
        ("State", [_STATES.get(record.state, record.state) + (", for good" if _is_final_failure(record) else "")]),
        ("Attempt", [str(record.attempt)]),
        ("Trigger", [trigger]),
        ("Logical date", [time_text(record.logical_date)]),
        ("Started", [time_text(record.started_at)]),
        ("Finished", [time_text(record.finished_at) + took]),
        ("Parameters", param_lines(record.params)),
    ]
    return [line for label, texts in fields for line in _labelled(label, [text for text in texts if text])]


def _is_final_failure(record: RunRecord) -> bool:
    return record.state == "failed" and record.final


def _labelled(label: str, texts: Sequence[str]) -> list[str]:
    return [f"{label if place == 0 else '':<13} {text}" for place, text in enumerate(texts)]


def _json_lines(value: Any) -> list[str]:
    if not isinstance(value, list | dict):
        return [clean_text(write_compact(value))]
    import json

    lines = json.dumps(value, indent=2, ensure_ascii=False).splitlines()
    if len(lines) > MOST_RESULT_LINES:
        lines = [*lines[:MOST_RESULT_LINES], f"… {len(lines) - MOST_RESULT_LINES} more lines; see them with --json"]
    return [clean_text(line) for line in lines]


def _shown(value: Any) -> str:
    if not isinstance(value, str):
        import json

        value = json.dumps(value, ensure_ascii=False)
    return cut(clean_text(value), 200)


def time_text(time: datetime | None) -> str:
    """Return a time in UTC, to the second."""
    return "" if time is None else time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
