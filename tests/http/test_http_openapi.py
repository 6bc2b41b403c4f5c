"""`/openapi.json`: valid, and true: whatever is sent, the answer is one that it describes."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Request

from pplns.server.app import respond
from pplns.server.process import Process
from pplns.server.routes import TABLE
from service import Service

QUICK = """from enum import Enum
from typing import Literal
from dataclasses import dataclass
from datetime import date, datetime
from pplns import Schedule, pipeline, step

class Region(Enum):
    US = "us"

@dataclass
class Window:
    start: date
    days: int = 1
    inner: "Window | None" = None

@step
def one(n: int) -> int:
    return 10 // n

@pipeline(triggers=[Schedule("0 6 * * *", params={"region": Region.US, "at": datetime(2013, 1, 5, 6)})])
def quick(n: int = 1, region: Region = Region.US, kind: Literal["a", 2] = "a", at: datetime | None = None):
    return one(n)

@pipeline
def shaped(window: Window, pair: tuple[int, str], names: list[str], counts: dict[str, float], more: object = None):
    return one(window.days)

@pipeline
def unusable(raw: bytes = b""):
    return one(1)
"""
RUN_ID = "20130101t000000z-0000000000000000"
HEADERS = (
    "Idempotency-Key", "Prefer", "X-CloudScheduler", "X-CloudScheduler-ScheduleTime", "X-CloudScheduler-JobName",
    "ce-id", "ce-source", "ce-type", "ce-specversion", "ce-time", "x-goog-pubsub-message-id", "Content-Type",
    "x-goog-pubsub-subscription-name", "traceparent", "User-Agent", "Authorization", "Content-Encoding",
)  # fmt: skip

JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PARAMS = st.dictionaries(st.sampled_from(["n", "region", "kind", "at", "m"]), JSONS, max_size=3)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "data": PARAMS.map(lambda data: base64.b64encode(json.dumps(data).encode()).decode()) | JSONS,
        "messageId": st.text(max_size=5), "publishTime": st.text(max_size=25), "attributes": JSONS,
    },
)  # fmt: skip
BODIES = st.one_of(
    st.binary(max_size=30),
    JSONS.map(lambda value: json.dumps(value).encode()),
    PARAMS.map(lambda params: json.dumps({"params": params}).encode()),
    MESSAGES.map(lambda message: json.dumps({"message": message, "subscription": "s"}).encode()),
)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
HEADER_SOUP = st.dictionaries(
    st.sampled_from(HEADERS),
    TEXTS | st.sampled_from(["true", "1.0", "application/json", "application/cloudevents+json", "respond-async"]),
    max_size=6,
)
PATHS = st.sampled_from([
    *(path.format(pipeline=name, run_id=RUN_ID) for path in TABLE for name in ("quick", "x")),
    "/pipelines/quick/runs?state=failed&limit=3", "/?pipeline=quick",
]) | st.text(max_size=20).map(lambda text: f"/{text}")  # fmt: skip
METHODS = st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A process of the service, called without a server between."""
    folder: Path = tmp_path_factory.mktemp("described")
    (folder / "quick.py").write_text(QUICK)
    process = Process()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PPLNS_PIPELINES", str(folder))
        patch.setenv("PPLNS_STORE", f"memory:{folder.name}")
        process.served()

        def answer(request: Request) -> Any:
            return respond(request, process)

        yield Client(Request.application(answer))
    process.close()


def test_the_description_is_valid(client: Client):
    """By the rules of OpenAPI 3.1, with every pipeline and route in it."""
    validator = pytest.importorskip("openapi_spec_validator", reason="the description is checked by a library")
    described = client.get("/openapi.json").get_json()

    validator.validate(described)

    assert described["openapi"] == "3.1.0"
    assert len(described["paths"]) == 5 + 5 * 2


def test_the_description_says_what_a_pipeline_takes(client: Client):
    """Names, types, choices and defaults, and which are required."""
    paths = client.get("/openapi.json").get_json()["paths"]

    quick = _params(paths["/pipelines/quick/runs"])
    shaped = _params(paths["/pipelines/shaped/runs"])

    assert quick["properties"]["region"] == {
        "type": "string", "enum": ["US"], "title": "region: US", "default": "US",
    }  # fmt: skip
    assert quick["properties"]["kind"]["enum"] == ["a", 2]
    assert quick["additionalProperties"] is False
    assert shaped["required"] == ["window", "pair", "names", "counts"]
    assert shaped["properties"]["window"]["required"] == ["start"]
    assert shaped["properties"]["pair"]["prefixItems"] == [{"type": "integer"}, {"type": "string"}]


def test_defaults_and_parameters_of_triggers_stand_as_they_are_sent(client: Client):
    """An Enum by its name, as in a request, not by its value."""
    quick = client.get("/pipelines/quick").get_json()

    defaults = {one["name"]: one["default"] for one in quick["parameters"]}
    assert defaults == {"n": 1, "region": "US", "kind": "a", "at": None}
    assert [one["params"] for one in quick["triggers"]] == [{"region": "US", "at": "2013-01-05T06:00:00"}]


def test_a_pipeline_with_parameters_that_cannot_be_used_hides_no_other(client: Client):
    """It is named as broken, with its file and line; the description leaves it out."""
    listed, described = client.get("/pipelines").get_json(), client.get("/openapi.json").get_json()

    assert [one["pipeline"] for one in listed["pipelines"]] == ["quick", "shaped"]
    assert [(one["file"], one["line"] > 1) for one in listed["broken"]] == [("quick.py", True)]
    assert "'raw' of pipeline 'unusable' is annotated bytes" in listed["broken"][0]["message"]
    assert "/pipelines/unusable/runs" not in described["paths"]


def test_a_guarded_service_says_that_it_wants_a_token(start: Any):
    """All but /health need one."""
    service: Service = start(PPLNS_AUDIENCE="https://daily.example", PPLNS_ALLOWED_CALLERS="a@x.example")

    assert service.get("/openapi.json").status == 401


@given(method=METHODS, path=PATHS, headers=HEADER_SOUP, body=BODIES)
def test_whatever_is_sent_is_answered_as_described(
    client: Client, method: str, path: str, headers: dict[str, str], body: bytes
):
    """No request makes pplns fail, and every error has the one shape."""
    answer = client.open(path, method=method, headers=headers, data=body)

    assert answer.status_code < 500 or _error(answer)["code"] not in ("internal", "error")
    if method in ("GET", "POST", "PUT", "DELETE", "PATCH") and answer.status_code >= 400:
        assert {"code", "message", "hint"} <= _error(answer).keys()
        assert "Traceback" not in _error(answer)["message"]


def test_a_fault_of_pplns_is_answered_by_its_reference(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """The cause stands in the log under the reference, and nowhere else."""

    def fail(*_: object) -> None:
        raise RuntimeError("the secret cause")

    monkeypatch.setattr("pplns.server.reading.pipeline_json", fail)

    answer = client.get("/pipelines")

    error = _error(answer)
    assert (answer.status_code, error["code"]) == (500, "internal")
    assert "secret" not in answer.get_data(as_text=True)
    reference = error["message"].removesuffix(".").rpartition(" ")[2]
    assert [reference in record.getMessage() for record in caplog.records] == [True]


def _error(answer: TestResponse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.get_data())["error"]
    return found


def _params(path: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = path["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]["params"]
    return found
