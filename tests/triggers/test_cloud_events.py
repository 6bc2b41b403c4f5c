"""CloudEvents, binary and structured."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from deliveries import NOW, envelope, event_headers
from pplns import pipeline
from pplns.triggers.events import MESSAGE_PUBLISHED
from pplns.triggers.messages import BadDelivery

STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}
KEY = "//example.org/orders e-1"
TIME = datetime(2013, 1, 5, 5, 59, 59, tzinfo=UTC)


@pipeline
def load_file(bucket: str = "", name: str = "") -> None:
    pass


def event(**more: Any) -> dict[str, Any]:
    """Return a structured event."""
    return {
        "specversion": "1.0", "id": "e-1", "source": "//example.org/orders", "type": "org.example.landed",
        "time": "2013-01-05T05:59:59Z", **more,
    }  # fmt: skip


def test_a_binary_event_is_recognised(recognised: Any) -> None:
    """Source and id are the key, its time is the logical date."""
    delivery = recognised({"day": "2013-01-04"}, event_headers())

    assert (delivery.kind, delivery.params) == ("cloudevent", {"day": "2013-01-04"})
    assert (delivery.origin.trigger.key, delivery.origin.trigger.name) == (KEY, "org.example.landed")
    assert (delivery.origin.logical_date, delivery.origin.brings_time) == (TIME, True)


def test_a_structured_event_is_the_same_run(recognised: Any) -> None:
    """Whichever form it takes."""
    delivery = recognised(event(data={"params": {"day": "2013-01-04"}}), STRUCTURED)

    assert (delivery.kind, delivery.params, delivery.origin.trigger.key) == ("cloudevent", {"day": "2013-01-04"}, KEY)
    assert delivery.origin.logical_date == TIME


def test_an_event_without_a_time_takes_that_of_its_first_delivery(recognised: Any) -> None:
    """Its key goes through keys/."""
    headers = event_headers()
    del headers["ce-time"]

    origin = recognised(b"", headers).origin

    assert (origin.logical_date, origin.brings_time) == (NOW, False)


def test_its_context_is_in_the_details(recognised: Any) -> None:
    """Extensions too; what is percent-encoded in a header is decoded."""
    details = recognised({"file": 1}, event_headers(subject="caf%C3%A9", partition="7")).origin.trigger.details

    assert details["event"]["subject"] == "café"
    assert (details["event"]["partition"], details["data"]) == ("7", {"file": 1})


def test_a_structured_event_may_carry_bytes(recognised: Any) -> None:
    """As base64, which is read as a body would be."""
    sent = event(data_base64=base64.b64encode(b'{"day": "2013-01-04"}').decode())

    assert recognised(sent, STRUCTURED).params == {"day": "2013-01-04"}


def test_of_googles_events_the_fields_that_fit_are_taken(recognised: Any) -> None:
    """Nobody chooses what fields they have: a file that landed in a bucket starts a pipeline of bucket and name."""
    data = {"bucket": "landing", "name": "orders.csv", "kind": "storage#object"}
    headers = event_headers(type="google.cloud.storage.object.v1.finalized")

    delivery = recognised(data, headers, of=load_file)

    assert delivery.params == {"bucket": "landing", "name": "orders.csv"}
    assert delivery.origin.trigger.details["data"] == data


def test_of_others_a_misspelt_field_is_refused_later(recognised: Any) -> None:
    """The whole object is the parameters, so that nothing is dropped in silence."""
    data = {"bucket": "landing", "nane": "orders.csv"}

    assert recognised(data, event_headers(), of=load_file).params == data


def test_an_event_can_become_a_dead_letter(recognised: Any) -> None:
    """With its context as attributes, named as Pub/Sub's binding of CloudEvents does."""
    message = recognised(b"raw", event_headers()).message

    assert (message.data, message.attributes["ce-id"], message.message_id) == (b"raw", "e-1", None)


@pytest.mark.parametrize("missing", ["ce-id", "ce-source", "ce-type"])
def test_an_event_that_lacks_its_context_is_refused(recognised: Any, missing: str) -> None:
    """It couldn't be told from the next one."""
    headers = event_headers()
    del headers[missing]

    with pytest.raises(BadDelivery, match=f"has no {missing[3:]}") as refused:
        recognised(b"raw", headers)

    assert refused.value.push.data == b"raw"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "is no JSON"),
        ([event()], r"A CloudEvent is \["),
        (event(id=""), "has no id"),
        (event(time="soon"), "time of a CloudEvent is 'soon'"),
        (event(data_base64="***"), "is no base64"),
        (event(data_base64=7), "is no base64"),
    ],
)
def test_a_structured_event_that_is_none_is_refused(recognised: Any, body: Any, said: str) -> None:
    """With what was wrong, and as a push."""
    with pytest.raises(BadDelivery, match=said) as refused:
        recognised(body, STRUCTURED)

    assert refused.value.push is not None


def test_a_batch_is_refused(recognised: Any) -> None:
    """One request is one run."""
    with pytest.raises(BadDelivery, match="Send one request for each event"):
        recognised([event()], {"content-type": "application/cloudevents-batch+json"})


def test_a_message_published_without_a_message_is_refused(recognised: Any) -> None:
    """An Eventarc event of that type holds a Pub/Sub message."""
    broken = {**envelope(), "subscription": ""}

    with pytest.raises(BadDelivery, match="as its subscription"):
        recognised(broken, event_headers(type=MESSAGE_PUBLISHED))
