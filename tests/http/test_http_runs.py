"""Runs over HTTP: the same run from two requests, keys, slots, cancelling, resuming, budgets."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from faulty_topic import FaultyTopic
from service import Answer, Service, read_until_event, wait_for

LINES = {"Accept": "application/x-ndjson"}
TOPIC = "projects/acme-data/topics/{pipeline}-runs"


def keyed(service: Service, key: str, **params: Any) -> Answer:
    return service.post("/pipelines/adding/runs", {"params": params}, {"Idempotency-Key": key})


def last_line(answer: HTTPResponse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.read().splitlines()[-1])
    return found


def test_the_same_key_is_the_same_run(any_service: Service):
    """A caller that lost the answer asks again, and gets the record of the run that there was."""
    first, second = keyed(any_service, "order-1", n=1), keyed(any_service, "order-1", n=1)

    assert (first.status, second.status) == (200, 200)
    assert first.json == second.json


def test_a_key_with_other_parameters_is_refused(any_service: Service):
    """400, and the run that the key stands for is as it was."""
    first = keyed(any_service, "order-2", n=1).json

    answer = keyed(any_service, "order-2", n=2)

    assert (answer.status, answer.code) == (400, "key_reused")
    assert any_service.get(f"/pipelines/adding/runs/{first['run_id']}").json == first


def test_two_deliveries_at_once_are_one_run(any_service: Service, tmp_path: Path):
    """While one works the other is told to come back; its step runs once."""
    gate, count = tmp_path / "gate", tmp_path / "count"
    body = {"params": {"gate": str(gate), "count": str(count)}}
    key = {"Idempotency-Key": str(tmp_path)}

    with any_service.open("POST", "/pipelines/holding/runs", body=body, headers={**LINES, **key}) as first:
        read_until_event(first, "step_started", "hold")
        second = any_service.post("/pipelines/holding/runs", body, key)
        gate.touch()
        record = last_line(first)

    assert (second.status, second.code) == (409, "lease_held")
    assert 1 <= int(second.headers["retry-after"]) <= 30
    assert record["state"] == "succeeded"
    assert any_service.post("/pipelines/holding/runs", body, key).json == record
    assert count.read_text() == "x"


def test_many_deliveries_at_once_are_one_run(service: Service, tmp_path: Path):
    """Each is answered with the record, or told that it is under way."""
    (tmp_path / "gate").touch()
    body = {"params": {"gate": str(tmp_path / "gate"), "count": str(tmp_path / "count")}}
    headers = {"Idempotency-Key": str(tmp_path)}

    with ThreadPoolExecutor(6) as callers:
        answers = list(callers.map(lambda _: service.post("/pipelines/holding/runs", body, headers), range(6)))

    assert {answer.status for answer in answers} <= {200, 409}
    assert len({answer.json["run_id"] for answer in answers if answer.status == 200}) == 1
    assert (tmp_path / "count").read_text() == "x"


def test_a_run_beyond_the_slots_is_told_to_come_back(any_service: Service, tmp_path: Path):
    """429 with Retry-After while `max_concurrent_runs` are under way."""
    body = {"params": {"gate": str(tmp_path / "gate")}}

    with any_service.open("POST", "/pipelines/alone/runs", body=body, headers=LINES) as first:
        read_until_event(first, "step_started")
        second = any_service.post("/pipelines/alone/runs", body)
        (tmp_path / "gate").touch()
        assert last_line(first)["state"] == "succeeded"

    assert (second.status, second.code) == (429, "too_many_runs")
    assert int(second.headers["retry-after"]) >= 1


def test_the_end_of_a_run_that_nobody_works_on_is_logged(start: Callable[..., Service]):
    """What counts ended runs sees the cancelled one too, once."""
    service = start(PPLNS_LOG_FORMAT="json")
    run_id = service.post("/pipelines/failing/runs", {"params": {"how": "retryable"}}).json["run_id"]

    answers = [service.post(f"/pipelines/failing/runs/{run_id}:cancel").status for _ in range(2)]

    lines = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]
    ends = [line["state"] for line in lines if line.get("pplns_event") == "run_ended" and line["final"]]
    assert (answers, ends) == ([200, 200], ["cancelled"])


def test_a_live_run_is_cancelled_by_its_holder(start: Callable[..., Service], tmp_path: Path):
    """202 while it is asked; then its own answer says cancelled, with 200."""
    service = start(PPLNS_LEASE_SECONDS="1")
    body = {"params": {"gate": str(tmp_path / "gate")}}

    with service.open("POST", "/pipelines/holding/runs", body=body, headers=LINES) as running:
        run_id = read_until_event(running, "attempt_started")["run_id"]
        read_until_event(running, "step_started", "hold")
        asked = service.post(f"/pipelines/holding/runs/{run_id}:cancel")
        record = last_line(running)

    assert (asked.status, asked.json["state"]) == (202, "running")
    assert asked.headers["location"] == f"/pipelines/holding/runs/{run_id}"
    assert (record["state"], record["final"]) == ("cancelled", True)

    def has_ended() -> bool:
        try:
            return service.post(f"/pipelines/holding/runs/{run_id}:cancel").status == 200
        except ConnectionError:  # a worker with an abandoned step is replaced
            return False

    wait_for(has_ended)


def test_a_failed_run_is_resumed(any_service: Service, tmp_path: Path):
    """A person goes on with a run that failed for good; what is committed isn't run again."""
    made = any_service.post("/pipelines/failing/runs", {"params": {"how": "terminal"}}).json

    answer = any_service.post(f"/pipelines/failing/runs/{made['run_id']}:resume")

    assert (answer.status, answer.json["attempt"]) == (422, made["attempt"] + 1)


def test_resuming_takes_no_body(service: Service):
    """A run has its parameters already."""
    answer = service.post("/pipelines/adding/runs/20130101t000000z-0000000000000000:resume", {"params": {}})

    assert (answer.status, answer.code) == (400, "bad_parameter")


def test_without_a_topic_a_boundary_is_answered_503(start: Callable[..., Service]):
    """The steps that are done are kept, and a redelivery goes on."""
    service = start(CLOUD_RUN_TIMEOUT_SECONDS="1", PPLNS_MARGIN_SECONDS="0.6")
    key = {"Idempotency-Key": "k"}

    first = service.post("/pipelines/resting/runs", headers=key)
    answers = [service.post("/pipelines/resting/runs", headers=key) for _ in range(8)]

    assert (first.status, first.code) == (503, "budget_spent")
    assert int(first.headers["retry-after"]) >= 1
    assert answers[-1].status == 200
    assert answers[-1].json["result"] == 8


def test_with_a_topic_a_boundary_is_answered_202(start: Callable[..., Service], faulty_topic: FaultyTopic):
    """The run goes on by a message; whoever delivers it goes on, any other is shown the record."""
    service = start(CLOUD_RUN_TIMEOUT_SECONDS="1", PPLNS_MARGIN_SECONDS="0.6", PPLNS_TOPIC=TOPIC)
    key = {"Idempotency-Key": "k"}

    first = service.post("/pipelines/resting/runs", headers=key)
    again = service.post("/pipelines/resting/runs", headers=key)

    assert (first.status, first.json["state"]) == (202, "continuing")
    assert first.headers["location"] == f"/pipelines/resting/runs/{first.json['run_id']}"
    assert (again.status, again.json["attempt"]) == (202, 1)
    (published,) = faulty_topic.published
    assert published.path.startswith("/v1/projects/acme-data/topics/resting-runs:publish")
    assert published.attributes["run_id"] == first.json["run_id"]


def test_respond_async_publishes_the_run(start: Callable[..., Service], faulty_topic: FaultyTopic):
    """202 with the place to look; the run is queued and recorded before."""
    service = start(PPLNS_TOPIC=TOPIC)

    answer = service.post("/pipelines/adding/runs", {"params": {"n": 3}}, {"Prefer": "respond-async, wait=5"})

    assert (answer.status, answer.json["state"]) == (202, "queued")
    assert answer.headers["preference-applied"] == "respond-async"
    assert service.get(answer.headers["location"]).json["params"]["n"] == 3
    assert len(faulty_topic.published) == 1


def test_respond_async_without_a_topic_is_refused(any_service: Service):
    """501, and nothing is recorded."""
    answer = any_service.post("/pipelines/writing/runs", {"params": {"size": 3}}, {"Prefer": "respond-async"})

    assert (answer.status, answer.code) == (501, "no_topic")


def test_respond_async_whose_message_is_refused_is_503(start: Callable[..., Service], faulty_topic: FaultyTopic):
    """Nothing says that the message is there, so nothing is promised."""
    service = start(PPLNS_TOPIC=TOPIC, PPLNS_MARGIN_SECONDS="0.1")
    faulty_topic.answers = [404] * 100

    answer = service.post("/pipelines/adding/runs", {}, {"Prefer": "respond-async"})

    assert (answer.status, answer.code) == (503, "publish_failed")
