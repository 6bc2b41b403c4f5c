"""The stream of a run: its events as lines while it goes on, the record last."""

from pathlib import Path

from service import Service, read_until_event

LINES = {"Accept": "application/x-ndjson"}


def test_events_come_as_lines_and_the_record_last(any_service: Service):
    """Each line is one JSON object."""
    answer = any_service.post("/pipelines/adding/runs", {"params": {"n": 4}}, LINES)

    *events, record = answer.lines
    assert (answer.status, answer.headers["content-type"]) == (200, "application/x-ndjson")
    assert [one["event"] for one in events] == ["attempt_started", "step_started", "step_finished", "step_committed"]
    assert (record["state"], record["result"]) == ("succeeded", 5)


def test_events_come_while_the_run_goes_on(any_service: Service, tmp_path: Path):
    """A line is readable before the step that it tells of has ended."""
    body = {"params": {"gate": str(tmp_path / "gate")}}

    with any_service.open("POST", "/pipelines/holding/runs", body=body, headers=LINES) as running:
        started = read_until_event(running, "step_started", "hold")
        (tmp_path / "gate").touch()
        committed = read_until_event(running, "step_committed", "hold")

    assert (started["try"], committed["step"]) == (1, "hold")


def test_a_caller_who_goes_away_does_not_stop_the_run(any_service: Service, tmp_path: Path):
    """The run is there with its result, once it has ended."""
    body, key = {"params": {"gate": str(tmp_path / "gate")}}, {"Idempotency-Key": str(tmp_path)}
    with any_service.open("POST", "/pipelines/holding/runs", body=body, headers={**LINES, **key}) as running:
        run_id = read_until_event(running, "attempt_started")["run_id"]
        read_until_event(running, "step_started", "hold")

    (tmp_path / "gate").touch()

    while (record := any_service.get(f"/pipelines/holding/runs/{run_id}").json)["state"] == "running":
        pass
    assert (record["state"], record["attempt"]) == ("succeeded", 1)


def test_what_is_refused_has_its_own_status(any_service: Service):
    """Nothing has begun, so the answer isn't 200; it is a line all the same."""
    answer = any_service.post("/pipelines/adding/runs", {"params": {"n": "one"}}, LINES)

    assert (answer.status, answer.headers["content-type"]) == (400, "application/x-ndjson")
    assert [one["error"]["code"] for one in answer.lines] == ["bad_parameter"]


def test_a_run_that_ended_is_one_line(any_service: Service):
    """A redelivery is shown the record, with its status."""
    body = {"params": {"how": "terminal"}}
    key = {"Idempotency-Key": "stream-ended"}
    first = any_service.post("/pipelines/failing/runs", body, key)

    again = any_service.post("/pipelines/failing/runs", body, {**LINES, **key})

    assert (again.status, again.lines) == (422, [first.json])


def test_a_resume_is_streamed_too(service: Service):
    """The events of the new attempt."""
    made = service.post("/pipelines/failing/runs", {"params": {"how": "plain"}}).json

    answer = service.post(f"/pipelines/failing/runs/{made['run_id']}:resume", None, LINES)

    assert [one.get("event") for one in answer.lines][-2:] == ["step_failed", None]
