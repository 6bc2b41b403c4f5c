"""Triggers over HTTP: schedules, messages and events become runs, once each; what can't succeed is a dead letter."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deliveries import SUBSCRIPTION, envelope, event_headers, scheduler_headers
from faulty_topic import FaultyTopic
from service import Answer, Service, read_until_event

LINES = {"Accept": "application/x-ndjson"}
TOPIC = "projects/acme-data/topics/{pipeline}-runs"
DEAD = "projects/acme-data/topics/{pipeline}-dead"


def push(service: Service, data: object, *, to: str = "daily", **message: Any) -> Answer:
    return service.post(f"/pipelines/{to}/runs", envelope(data, **message))


def test_a_schedule_is_one_run_however_often_it_comes(any_service: Service):
    """The logical date is the schedule's time, as a day in its own zone."""
    headers = scheduler_headers("2013-01-05T03:00:00Z")

    first, second = (any_service.post("/pipelines/daily/runs", b"", headers) for _ in range(2))

    assert (first.status, first.json["result"][0]) == (200, "2013-01-04")
    assert first.json["result"][1]["kind"] == "schedule"
    assert second.json == first.json


def test_a_forced_schedule_leaves_the_scheduled_run_to_its_time(any_service: Service):
    """Forced twice, and then its time comes: three runs."""
    time = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    headers = scheduler_headers(time.isoformat(), job="forced-job")

    made = {any_service.post("/pipelines/daily/runs", b"", headers).json["run_id"] for _ in range(2)}

    assert len(made) == 2


def test_a_message_is_one_run_however_often_it_is_delivered(any_service: Service):
    """Its parameters are in its data; the rest of it is at current_run().trigger."""
    first, second = (push(any_service, {"n": 4}, messageId="m-1", message_id="m-1") for _ in range(2))

    assert (first.status, first.json["result"][2]) == (200, 5)
    assert first.json["result"][1]["details"]["subscription"] == SUBSCRIPTION
    assert second.json == first.json


def test_an_event_is_a_run(any_service: Service):
    """A binary CloudEvent, whose data are parameters."""
    answer = any_service.post("/pipelines/daily/runs", {"n": 4}, event_headers())

    assert (answer.status, answer.json["result"][1]["kind"]) == (200, "cloudevent")


def test_a_push_that_fails_for_good_is_refused_without_a_dead_letter_topic(service: Service):
    """422: Pub/Sub's own dead-letter policy takes it after its last delivery."""
    answer = push(service, {"how": "terminal"}, to="failing", messageId="m-2", message_id="m-2")

    assert (answer.status, answer.json["state"]) == (422, "failed")


def test_a_push_that_can_become_no_run_is_refused_without_a_dead_letter_topic(service: Service):
    """400, and nothing is recorded."""
    before = service.get("/pipelines/daily/runs").json["runs"]

    answer = push(service, {"n": "many"}, messageId="m-3", message_id="m-3")

    assert (answer.status, answer.code) == (400, "bad_parameter")
    assert service.get("/pipelines/daily/runs").json["runs"] == before


def test_a_push_that_fails_for_good_is_a_dead_letter(start: Callable[..., Service], faulty_topic: FaultyTopic):
    """It is published with its reason, then acknowledged."""
    service = start(PPLNS_DEAD_LETTER_TOPIC=DEAD)

    answer = push(service, {"how": "terminal"}, to="failing")

    assert (answer.status, answer.json["state"]) == (200, "failed")
    (letter,) = faulty_topic.published
    assert letter.path.startswith("/v1/projects/acme-data/topics/failing-dead:publish")
    assert json.loads(letter.data) == {"how": "terminal"}
    assert letter.attributes["pplns_run_id"] == answer.json["run_id"]
    assert letter.attributes["pplns_error_code"] == "terminal"


def test_a_push_that_can_become_no_run_is_a_dead_letter(start: Callable[..., Service], faulty_topic: FaultyTopic):
    """Nothing is recorded, and Pub/Sub stops delivering it."""
    service = start(PPLNS_DEAD_LETTER_TOPIC=DEAD)

    answer = push(service, {"n": "many"})

    assert (answer.status, answer.code) == (200, "bad_parameter")
    assert faulty_topic.published[0].attributes["pplns_error_code"] == "bad_parameter"
    assert service.get("/pipelines/daily/runs").json["runs"] == []


def test_a_dead_letter_that_is_not_confirmed_is_delivered_again(
    start: Callable[..., Service], faulty_topic: FaultyTopic
):
    """503: a message is acknowledged only once it lies in the other topic."""
    service = start(PPLNS_DEAD_LETTER_TOPIC=DEAD)
    faulty_topic.answers = [403]

    assert push(service, {"n": "many"}).status == 503
    assert push(service, {"n": "many"}).status == 200


def test_a_failure_that_a_later_attempt_may_mend_is_no_dead_letter(
    start: Callable[..., Service], faulty_topic: FaultyTopic
):
    """500: Pub/Sub delivers it again."""
    service = start(PPLNS_DEAD_LETTER_TOPIC=DEAD)

    assert push(service, {"how": "retryable"}, to="failing").status == 500
    assert faulty_topic.published == []


def test_a_push_to_a_run_that_goes_on_is_delivered_again(service: Service, tmp_path: Path):
    """409 while another delivery of the same message works."""
    message = {"params": {"gate": str(tmp_path / "gate")}}
    body = envelope(message, messageId=str(tmp_path), message_id=str(tmp_path))

    with service.open("POST", "/pipelines/holding/runs", body=body, headers=LINES) as first:
        read_until_event(first, "step_started", "hold")
        second = service.post("/pipelines/holding/runs", body)
        (tmp_path / "gate").touch()
        first.read()

    assert (second.status, second.code) == (409, "lease_held")
    assert service.post("/pipelines/holding/runs", body).status == 200


def test_a_schedule_that_comes_again_while_its_run_goes_on_is_handed_over(
    start: Callable[..., Service], faulty_topic: FaultyTopic, tmp_path: Path
):
    """202: its message meets 409 until the run has ended, and then its result."""
    service = start(PPLNS_TOPIC=TOPIC)
    body, headers = {"params": {"gate": str(tmp_path / "gate")}}, scheduler_headers()

    with service.open("POST", "/pipelines/holding/runs", body=body, headers={**headers, **LINES}) as first:
        read_until_event(first, "step_started", "hold")
        again = service.post("/pipelines/holding/runs", body, headers)
        (message,) = faulty_topic.published
        busy = push(service, message.data, to="holding", messageId="c", message_id="c")
        (tmp_path / "gate").touch()
        first.read()
    ended = push(service, message.data, to="holding", messageId="c", message_id="c")

    assert (again.status, again.json["state"], busy.status) == (202, "continuing", 409)
    assert (ended.status, ended.json["state"], ended.json["attempt"]) == (200, "succeeded", 1)


def test_a_continuation_that_comes_twice_is_taken_once(
    start: Callable[..., Service], faulty_topic: FaultyTopic, tmp_path: Path
):
    """Whoever gets the lease goes on; the other one meets 409, and after the end the record."""
    service, count = start(PPLNS_TOPIC=TOPIC), tmp_path / "count"
    params = {"gate": str(tmp_path / "gate"), "count": str(count)}
    service.post("/pipelines/holding/runs", {"params": params}, {"Prefer": "respond-async"})
    (message,) = faulty_topic.published

    with service.open("POST", "/pipelines/holding/runs", body=envelope(message.data), headers=LINES) as first:
        read_until_event(first, "step_started", "hold")
        busy = push(service, message.data, to="holding")
        (tmp_path / "gate").touch()
        first.read()
    late = push(service, message.data, to="holding")

    assert (busy.status, late.status, late.json["attempt"]) == (409, 200, 1)
    assert count.read_text() == "x"


def test_a_schedule_without_a_slot_is_handed_over(
    start: Callable[..., Service], faulty_topic: FaultyTopic, tmp_path: Path
):
    """Cloud Scheduler gives up soon, so its run waits in the pipeline's topic; and runs from there."""
    service = start(PPLNS_TOPIC=TOPIC)
    body = {"params": {"gate": str(tmp_path / "gate")}}

    with service.open("POST", "/pipelines/alone/runs", body=body, headers=LINES) as first:
        read_until_event(first, "step_started")
        handed = service.post("/pipelines/alone/runs", body, scheduler_headers())
        (tmp_path / "gate").touch()
        first.read()
    (message,) = faulty_topic.published
    continued = push(service, message.data, to="alone", messageId="c", message_id="c")

    assert (handed.status, handed.json["state"]) == (202, "continuing")
    assert handed.headers["location"].endswith(handed.json["run_id"])
    assert (continued.status, continued.json["state"]) == (200, "succeeded")
    assert continued.json["run_id"] == handed.json["run_id"]


def test_a_run_ends_through_its_continuations(start: Callable[..., Service], faulty_topic: FaultyTopic):
    """Each message begins the next attempt; each step runs once."""
    service = start(PPLNS_TOPIC=TOPIC, PPLNS_PUSH_SECONDS="0.9", PPLNS_MARGIN_SECONDS="0.4")
    answer = push(service, {"n": 0}, to="resting")
    assert answer.status == 202

    for delivered in range(8):
        if answer.status != 202:
            break
        message = faulty_topic.published[-1]
        answer = push(service, message.data, to="resting", messageId=f"c{delivered}", message_id=f"c{delivered}")

    assert (answer.status, answer.json["result"]) == (200, 8)
    assert answer.json["attempt"] == len(faulty_topic.published) + 1
    assert {step["attempts"] for step in answer.json["steps"]} == {1}


def test_a_continuation_of_an_unknown_run_is_a_dead_letter(start: Callable[..., Service], faulty_topic: FaultyTopic):
    """A run's record is written before any message about it, so there will never be one."""
    service = start(PPLNS_DEAD_LETTER_TOPIC=DEAD)
    data = {"pplns": "continuation", "pipeline": "adding", "run_id": "20130101t000000z-0000000000000000", "attempt": 1}

    answer = push(service, data, to="adding")

    assert (answer.status, answer.code) == (200, "not_found")
    assert len(faulty_topic.published) == 1
