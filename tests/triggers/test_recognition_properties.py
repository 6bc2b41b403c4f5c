"""Whatever comes in: recognised, or refused with an error of ours, and never stored in a way that can't be read."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deliveries import NOW, envelope, event_headers, request, scheduler_headers, unwrapped_headers
from kit import settings_of
from pplns import PubSub, Schedule, current_run, logical_date, pipeline, step
from pplns.engine.runner import run_pipeline
from pplns.errors import ParameterError
from pplns.model.ids import derive_run_id
from pplns.settings import Settings
from pplns.state import records
from pplns.state.history import read_run
from pplns.steps.parameters import convert_params
from pplns.stores.memory import MemoryStore
from pplns.triggers.envelope import Delivery, is_schedule, recognise
from pplns.triggers.events import is_event
from pplns.triggers.messages import BadDelivery
from pplns.triggers.pushes import is_envelope, is_from_pubsub, is_unwrapped
from pplns.triggers.requests import Request, join_key, read_json


@pipeline(triggers=[Schedule("0 6 * * *", timezone="Asia/Kathmandu", name="us"), PubSub("orders", params={"n": 1})])
def taking_anything(day: str = logical_date(), n: int = 0, params: dict[str, Any] | None = None) -> None:
    pass


@step
def tell() -> list[Any]:
    trigger = current_run().trigger
    return [trigger.kind, *(trigger.details[name] for name in ("attributes", "ordering_key", "data_base64"))]


@pipeline
def telling() -> list[Any]:
    return tell()


NAMES = st.sampled_from(
    [
        "message", "subscription", "data", "attributes", "messageId", "message_id", "publishTime", "deliveryAttempt",
        "orderingKey", "params", "schedule", "day", "n", "pplns", "pipeline", "run_id", "attempt", "specversion", "id",
        "source", "type", "time", "data_base64",
    ]
)  # fmt: skip
HEADERS = st.sampled_from(
    [
        "authorization", "content-type", "user-agent", "idempotency-key", "x-cloudscheduler",
        "x-cloudscheduler-jobname",
        "x-cloudscheduler-scheduletime", "x-goog-pubsub-message-id", "x-goog-pubsub-subscription-name",
        "x-goog-pubsub-publish-time", "x-goog-pubsub-delivery-attempt", "ce-id", "ce-source", "ce-type", "ce-time",
        "ce-specversion", "prefer",
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=12),
    st.sampled_from(["true", "1.0", "2013-01-05T06:00:00Z", "0001-01-01T00:00:00+14:00", "continuation", "Bearer x"]),
    st.sampled_from(["application/cloudevents+json", "Google-Cloud-Scheduler", "CloudPubSub-Google", "AAECAw=="]),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.one_of(NAMES, TEXTS), inner, max_size=6)),
    max_leaves=20,
)
BODIES = st.one_of(st.binary(max_size=60), JSON.map(lambda value: json.dumps(value).encode()))
REQUESTS = st.builds(request, BODIES, st.dictionaries(st.one_of(HEADERS, TEXTS.map(str.lower)), TEXTS, max_size=8))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_of(tmp_path_factory.mktemp("project"))


def is_push(found: Request) -> bool:
    """Tell whether the sender repeats a request until it is acknowledged by a 2xx status."""
    if is_unwrapped(found):
        return True
    if is_schedule(found):
        return False
    try:
        body = read_json(found.body)
    except ValueError:
        body = None
    return is_event(found) or is_from_pubsub(found) or is_envelope(body)


def recognised_or_refused(found: Request, project: Settings) -> Delivery | BadDelivery:
    """Return what comes of a request; any other error goes through."""
    try:
        return recognise(found, pipeline=taking_anything, settings=project, now=NOW)
    except BadDelivery as refused:
        return refused


def check(found: Request, project: Settings) -> Delivery | None:
    """Recognise a request and check what the rest of pplns rests on."""
    outcome = recognised_or_refused(found, project)
    if isinstance(outcome, BadDelivery):
        assert all((outcome.met, outcome.expected, outcome.remedy))
        assert (outcome.push is not None) == is_push(found)
        return None
    delivery = outcome
    trigger, time = delivery.origin.trigger, delivery.origin.logical_date
    assert trigger is not None
    assert time is not None
    assert time.tzinfo is not None
    assert len(records.encode(trigger.as_json(), writer="w")) < 3_000_000
    assert derive_run_id("p", kind=trigger.kind, key=trigger.key, logical_date=time)
    assert (delivery.message is not None) == is_push(found)
    with contextlib.suppress(ParameterError):
        convert_params(taking_anything, delivery.params, logical_date=time, timezone=trigger.timezone)
    return delivery


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(REQUESTS)
@example(request(b"[" * 100_000))
@example(request(b'{"params": ' + b"9" * 5000 + b"}"))
@example(request(envelope({"n": 1}, attributes={"x-cloudscheduler": "true"})))
def test_any_request_is_recognised_or_refused(project: Settings, found: Request) -> None:
    """Header soup, any JSON, any bytes."""
    check(found, project)


@given(data=st.one_of(BODIES, st.binary(max_size=200)), attributes=st.dictionaries(TEXTS, TEXTS, max_size=4))
def test_any_message_has_its_key(project: Settings, data: bytes, attributes: dict[str, str]) -> None:
    """Whatever its data: only a continuation can be garbled."""
    delivery = check(request(envelope(data, attributes=attributes)), project)

    assert delivery is None or delivery.origin.trigger is not None
    assert delivery is not None or b"continuation" in data


@given(data=BODIES, soup=st.dictionaries(st.one_of(HEADERS, TEXTS.map(str.lower)), TEXTS, max_size=8))
def test_no_attribute_makes_anything_else_of_an_unwrapped_push(
    project: Settings, data: bytes, soup: dict[str, str]
) -> None:
    """Neither a schedule nor an event nor a call of the API."""
    delivery = check(request(data, {**soup, **unwrapped_headers()}), project)

    assert delivery is None or delivery.kind in ("pubsub", "continuation")


@given(BODIES)
def test_wrapped_and_unwrapped_are_the_same_run(project: Settings, data: bytes) -> None:
    """A subscription that is changed from one to the other repeats nothing."""
    wrapped = check(request(envelope(data)), project)
    unwrapped = check(request(data, unwrapped_headers()), project)

    assert (wrapped is None) == (unwrapped is None)
    if wrapped is not None and unwrapped is not None:
        assert (wrapped.params, wrapped.origin.logical_date) == (unwrapped.params, unwrapped.origin.logical_date)
        assert wrapped.origin.trigger.key == unwrapped.origin.trigger.key  # type: ignore[union-attr]


@given(JSON)
def test_binary_and_structured_are_the_same_run(project: Settings, data: Any) -> None:
    """Events as well."""
    headers = event_headers()
    document = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
    structured = {"content-type": "application/cloudevents+json"}

    binary = check(request(json.dumps(data).encode(), headers), project)
    other = check(request({**document, "data": data}, structured), project)

    assert binary is not None or other is None
    if binary is not None and other is not None:  # a structured event with a number that isn't finite is refused whole
        assert binary.origin.trigger.key == other.origin.trigger.key  # type: ignore[union-attr]
        assert binary.params == other.params


@given(st.lists(TEXTS, min_size=2, max_size=2), st.lists(TEXTS, min_size=2, max_size=2))
def test_no_two_pairs_have_one_key(first: list[str], second: list[str]) -> None:
    """Whatever characters are in them."""
    assert (join_key(*first) == join_key(*second)) == (first == second)


@pytest.mark.parametrize("token", ["Bearer eyJhbGciOi.secret.part"])
def test_no_token_is_in_a_record(project: Settings, token: str) -> None:
    """Authorization never reaches the details, whatever kind of request brings it."""
    headers = {"authorization": token, "x-serverless-authorization": token, "cookie": token}
    bodies_and_headers = [
        (b"", {}),
        (b"", scheduler_headers(job="us")),
        (json.dumps(envelope(b"x")).encode(), {}),
        (b"x", unwrapped_headers()),
        (b"{}", event_headers()),
    ]

    for body, own in bodies_and_headers:
        delivery = recognise(request(body, headers | own), pipeline=taking_anything, settings=project, now=NOW)
        assert "secret" not in repr(delivery)


def test_what_a_message_carries_reaches_a_step(project: Settings) -> None:
    """From the request to `current_run().trigger`, and into the record of the run."""
    found = request(envelope(b"\xff", attributes={"kind": "daily"}, orderingKey="store-1"))
    delivery = recognise(found, pipeline=telling, settings=project, now=NOW)
    store = MemoryStore("details")

    record = run_pipeline(telling, store=store, settings=project, params=delivery.params, origin=delivery.origin)

    assert record.result == ["pubsub", {"kind": "daily"}, "store-1", "/w=="]
    assert read_run(store, "telling", record.run_id).trigger.details == record.trigger.details
