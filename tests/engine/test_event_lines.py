"""Events as lines of JSON, and back."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pplns.engine import events
from pplns.engine.event_lines import HEARTBEAT, as_line, read_line
from pplns.model.artifact import Commit, StoredValue
from pplns.model.run import ErrorInfo, RunRecord, StepRecord, Trigger

ERROR = ErrorInfo("step_failed", "It failed.", "Mend it.", "Traceback …")
NOW = datetime(2013, 1, 5, 6, tzinfo=UTC)
COMMIT = Commit(
    step="load", version="v", values=(StoredValue(codec="pandas", digest="d", size_bytes=3_100, rows=27),),
    several=False, attempt=2, tries=1, started_at="", finished_at="", duration_s=0.5, writer="w",
)  # fmt: skip
RECORD = RunRecord(
    run_id="r", pipeline="shop", state="failed", final=True, params={"n": 1}, logical_date=NOW, created_at=NOW,
    trigger=Trigger("schedule", "k", "us", "Europe/Berlin", {"job": "us"}), attempt=2, started_at=NOW, finished_at=NOW,
    steps=(StepRecord(step="load", state="failed", attempts=3, error=ERROR), StepRecord(step="join", state="waiting")),
    error=ERROR,
)  # fmt: skip


@pytest.mark.parametrize(
    "event",
    [
        events.AttemptStarted(pipeline="shop", run_id="r", attempt=2, steps=("load", "join"), reused=("load",)),
        events.StepStarted(step="load", number=2),
        events.StepFinished(step="load", duration_s=0.5, rows=27, size_bytes=None),
        events.StepRetrying(step="load", number=1, delay_s=5.0, error=ERROR),
        events.StepFailed(step="load", tries=3, duration_s=0.5, error=ERROR),
        events.StepRedone(step="load", reason="its artifact is damaged"),
        events.StepReused(step="load"),
        events.AttemptEnded(record=RECORD),
    ],
)
def test_an_event_comes_back_from_its_line(event: events.Event):
    """What a service streams is what the command that reads it shows."""
    line = json.loads(json.dumps(as_line(event)))

    assert read_line(line) == event


def test_of_a_commit_its_measures_come_back():
    """Time, rows and bytes: what people read of it."""
    event = read_line(as_line(events.StepCommitted(step="load", commit=COMMIT)))

    assert isinstance(event, events.StepCommitted)
    assert (event.step, event.commit.duration_s, event.commit.rows, event.commit.size_bytes) == ("load", 0.5, 27, 3_100)


@pytest.mark.parametrize("line", [HEARTBEAT, {"event": "step_dreamt", "step": "load"}])
def test_what_is_no_news_is_passed_over(line: dict[str, Any]):
    """A heartbeat, and an event of a newer pplns."""
    assert read_line(line) is None


@pytest.mark.parametrize(
    "line", [{}, {"event": "step_started"}, {"error": {}}, {"event": "attempt_started", "steps": 1}]
)
def test_what_is_no_line_is_refused(line: dict[str, Any]):
    """A garbled line is not taken for an event."""
    with pytest.raises(ValueError, match="no line"):
        read_line(line)
