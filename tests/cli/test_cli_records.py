"""What is said when a run has ended."""

from datetime import UTC, datetime

from pplns.model.run import RunRecord, StepRecord, Trigger
from pplns_deploy.cli.records import ending_lines

NOW = datetime(2013, 1, 1, tzinfo=UTC)


def test_a_step_that_was_begun_is_told_from_one_that_was_not() -> None:
    """After Ctrl-C or a run's timeout the step that was running is not finished; the next one is not run."""
    steps = (
        StepRecord(step="load", state="succeeded", attempts=1),
        StepRecord(step="clean", state="waiting", attempts=1),
        StepRecord(step="publish", state="waiting"),
    )
    record = RunRecord("r", "p", "failed", False, {}, Trigger("manual", "r"), NOW, NOW, steps=steps)

    assert ending_lines(record, took_s=1.0)[1:] == ["Not finished: clean.", "Not run: publish."]
