"""The contract of the service: what each request is answered, over HTTP, by a process of its own."""

import json
from typing import Any

import pytest

from service import Answer, Service

RECORD_KEYS = {
    "run_id", "pipeline", "state", "final", "params", "trigger", "logical_date", "attempt", "started_at",
    "finished_at", "steps", "result", "error",
}  # fmt: skip
STEP_KEYS = {"step", "state", "attempts", "duration_s", "rows", "bytes", "artifact", "reused", "error"}


def run(service: Service, pipeline: str = "adding", **params: Any) -> Answer:
    return service.post(f"/pipelines/{pipeline}/runs", {"params": params})


def test_a_run_is_answered_with_its_record(any_service: Service):
    """POST runs a pipeline to the end; every field of the contract is there."""
    answer = run(any_service, n=4)

    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json.keys() >= RECORD_KEYS
    assert answer.json["steps"][0].keys() >= STEP_KEYS
    assert (answer.json["state"], answer.json["final"], answer.json["result"]) == ("succeeded", True, 5)


def test_an_empty_body_takes_the_defaults(any_service: Service):
    """A trigger without parameters needs no body."""
    assert any_service.post("/pipelines/adding/runs").json["result"] == 2


def test_the_root_takes_the_pipeline_from_the_query(any_service: Service):
    """With several pipelines `POST /` says which one by its query."""
    assert any_service.post("/?pipeline=adding", {"params": {"n": 7}}).json["result"] == 8


def test_the_root_names_the_pipelines_where_none_is_named(service: Service):
    """Several pipelines and no name: nothing runs, and the answer says which there are."""
    answer = service.post("/", {})

    assert (answer.status, answer.code) == (400, "bad_parameter")
    assert "'adding'" in answer.json["error"]["message"]


def test_a_run_can_be_read_and_listed(any_service: Service):
    """What POST answered is what GET shows, and the list has it first."""
    made = run(any_service, "writing").json

    shown = any_service.get(f"/pipelines/writing/runs/{made['run_id']}")
    listed = any_service.get("/pipelines/writing/runs?state=succeeded&limit=1")

    assert (shown.status, shown.json) == (200, made)
    assert listed.json["runs"] == [made]


def test_a_long_list_goes_on_below_its_last_run(service: Service):
    """`before` of a page is the `before` of the next."""
    made = {run(service, "resting", n=number).json["run_id"] for number in range(3)}

    first = service.get("/pipelines/resting/runs?limit=2").json
    second = service.get(f"/pipelines/resting/runs?limit=2&before={first['before']}").json

    assert {one["run_id"] for one in first["runs"] + second["runs"]} == made
    assert second["before"] is None


def test_the_pipelines_are_described(any_service: Service):
    """Parameters, triggers, limits, and the steps as the defaults connect them."""
    names = [one["pipeline"] for one in any_service.get("/pipelines").json["pipelines"]]
    daily = any_service.get("/pipelines/daily").json

    assert "daily" in names
    assert [one["kind"] for one in daily["triggers"]] == ["schedule", "pubsub"]
    assert [one["step"] for one in daily["steps"]] == ["day_of", "tell", "add"]


def test_a_pipeline_with_required_parameters_shows_no_steps(service: Service):
    """Its steps can't be connected without them."""
    assert service.get("/pipelines/holding").json["steps"] is None


def test_health_names_what_is_served(any_service: Service):
    """200 once the pipelines are loaded."""
    answer = any_service.get("/health")

    assert (answer.status, answer.json["status"]) == (200, "ok")
    assert "adding" in answer.json["pipelines"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/pipelines/", 404, "not_found"),
        ("GET", "/pipelines/nothing", 404, "not_found"),
        ("POST", "/pipelines/nothing/runs", 404, "not_found"),
        ("POST", "/?pipeline=nothing", 404, "not_found"),
        ("GET", "/pipelines/..%2f..%2fetc/runs", 404, "not_found"),
        ("GET", "/pipelines/%00/runs", 404, "not_found"),
        ("GET", "/pipelines/adding/runs/20130101t000000z-0000000000000000", 404, "not_found"),
        ("GET", "/pipelines/adding/runs/UPPER", 404, "not_found"),
        ("POST", "/pipelines/adding/runs/20130101t000000z-0000000000000000:resume", 404, "not_found"),
        ("POST", "/pipelines/adding/runs/20130101t000000z-0000000000000000:cancel", 404, "not_found"),
        ("POST", "/pipelines/adding/runs/20130101t000000z-0000000000000000:stop", 404, "not_found"),
        ("GET", "/", 405, "method_not_allowed"),
        ("PUT", "/pipelines/adding/runs", 405, "method_not_allowed"),
        ("DELETE", "/pipelines/adding/runs/20130101t000000z-0000000000000000", 405, "method_not_allowed"),
        ("POST", "/health", 405, "method_not_allowed"),
        ("GET", "/pipelines/adding/runs?state=done", 400, "bad_parameter"),
        ("GET", "/pipelines/adding/runs?state=", 400, "bad_parameter"),
        ("GET", "/pipelines/adding/runs?limit=0", 400, "bad_parameter"),
        ("GET", "/pipelines/adding/runs?limit=-1", 400, "bad_parameter"),
        ("GET", "/pipelines/adding/runs?limit=1e3", 400, "bad_parameter"),
        ("GET", "/pipelines/adding/runs?limit=%D9%A3", 400, "bad_parameter"),
        ("GET", "/pipelines/adding/runs?limit=1001", 400, "bad_parameter"),
        ("GET", "/pipelines/adding/runs?limit=1&limit=2", 400, "bad_parameter"),
        ("GET", "/pipelines/adding/runs?stat=failed", 400, "bad_parameter"),
        ("GET", "/pipelines/adding/runs?before=..", 400, "bad_parameter"),
    ],
)
def test_what_is_not_there_is_refused(service: Service, method: str, path: str, status: int, code: str):
    """Every refusal has a status of its own and the one error shape."""
    answer = service.ask(method, path)

    assert (answer.status, answer.code) == (status, code)
    assert answer.json["error"].keys() == {"code", "message", "hint"}


def test_a_wrong_method_is_told_the_right_ones(any_service: Service):
    """405 comes with Allow."""
    assert any_service.ask("PUT", "/pipelines/adding/runs").headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_options_and_head_are_answered(any_service: Service):
    """OPTIONS says what is allowed; HEAD has the headers of GET and no body."""
    options, head = any_service.ask("OPTIONS", "/pipelines/adding/runs"), any_service.ask("HEAD", "/pipelines")

    assert (options.status, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b'"text"', b"1", b"\xff\xfe", b'{"params": 1}', b'{"params": []}', b'{"parms": {}}',
        b'{"params": {"m": 1}}', b'{"params": {"n": "one"}}', b'{"params": {"region": "AP"}}', b'{"n": 1}',
        b'{"params": {"n": NaN}}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_bad_body_records_nothing(service: Service, body: bytes):
    """400, and no run comes of it."""
    before = service.get("/pipelines/adding/runs?limit=1").json

    answer = service.post("/pipelines/adding/runs", body)

    assert answer.status == 400
    assert answer.json["error"]["hint"]
    assert service.get("/pipelines/adding/runs?limit=1").json == before


def test_a_mistyped_parameter_is_told_the_right_one(service: Service):
    """The three parts of an error: what was met, what is there, what to do."""
    error = service.post("/pipelines/daily/runs", {"params": {"dya": "2013-01-05"}}).json["error"]

    assert "'dya'" in error["message"]
    assert error["hint"] == "Did you mean 'day'?"


def test_a_body_over_the_limit_is_refused(any_service: Service):
    """413 from 32 MB on, as on Cloud Run."""
    answer = any_service.post("/pipelines/adding/runs", b" " * (32 * 1024 * 1024 + 1))

    assert (answer.status, answer.code) == (413, "too_large")


def test_parameters_over_the_limit_are_refused(service: Service):
    """They are part of each record of the run, so they are bounded more narrowly than bodies."""
    answer = service.post("/pipelines/holding/runs", {"params": {"gate": "x" * 1_100_000}})

    assert (answer.status, answer.code) == (413, "too_large")


def test_a_large_result_stands_in_the_answer_as_its_artifact(service: Service):
    """An answer stays small whatever the pipeline returns."""
    answer = run(service, "writing", size=1_100_000)

    assert answer.json["result"]["artifact"].startswith("writing/runs/")
    assert len(answer.body) < 10_000


@pytest.mark.parametrize(
    ("how", "status", "final", "code"),
    [("terminal", 422, True, "terminal"), ("retryable", 500, False, "retryable"), ("plain", 422, True, "step_failed")],
)
def test_a_failed_run_is_a_record_too(service: Service, how: str, status: int, final: bool, code: str):
    """422 for good, 500 where a later attempt may help."""
    answer = run(service, "failing", how=how)

    assert (answer.status, answer.code) == (status, code)
    assert (answer.json["state"], answer.json["final"]) == ("failed", final)


def test_answers_are_not_cached(service: Service):
    """A record changes; no proxy may keep it."""
    assert service.get("/pipelines").headers["cache-control"] == "no-store"


def test_lone_surrogates_come_back_as_they_came(service: Service):
    """Whatever text JSON can hold is answered as valid JSON."""
    answer = service.post("/pipelines/failing/runs", b'{"params": {"how": "\\ud800"}}')

    assert json.loads(answer.body)["error"]["code"]
