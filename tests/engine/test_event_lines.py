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
    step="load", version="v", values=(StoredValue("pandas", "d", 3_100, rows=27),), several=False, attempt=2, tries=1,
    started_at="", finished_at="", duration_s=0.5, writer="w",
)  # fmt: skip
RECORD = RunRecord(
    run_id="r", pipeline="shop", state="failed", final=True, params={"n": 1}, logical_date=NOW, created_at=NOW,
    trigger=Trigger("schedule", "k", "us", "Europe/Berlin", {"job": "us"}), attempt=2, started_at=NOW, finished_at=NOW,
    steps=(StepRecord("load", "failed", attempts=3, error=ERROR), StepRecord("join", "waiting")), error=ERROR,
)  # fmt: skip


@pytest.mark.parametrize(
    "event",
    [
        events.AttemptStarted("shop", "r", 2, ("load", "join"), ("load",)),
        events.StepStarted("load", 2),
        events.StepFinished("load", 0.5, 27, None),
        events.StepRetrying("load", 1, 5.0, ERROR),
        events.StepFailed("load", 3, 0.5, ERROR),
        events.StepRedone("load", "its artifact is damaged"),
        events.StepReused("load"),
        events.AttemptEnded(RECORD),
    ],
)
def test_an_event_comes_back_from_its_line(event: events.Event):
    """What a service streams is what the command that reads it shows."""
    line = json.loads(json.dumps(as_line(event)))

    assert read_line(line) == event


def test_of_a_commit_its_measures_come_back():
    """Time, rows and bytes: what people read of it."""
    event = read_line(as_line(events.StepCommitted("load", COMMIT)))

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
