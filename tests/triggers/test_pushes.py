"""Messages of Pub/Sub: wrapped, unwrapped, through Eventarc."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from deliveries import NOW, SUBSCRIPTION, envelope, event_headers, unwrapped_headers
from pplns import PubSub, pipeline
from pplns.triggers.messages import BadDelivery

KEY = f"{SUBSCRIPTION} 11"
PUBLISHED = datetime(2013, 1, 5, 5, 59, 58, 123_000, tzinfo=UTC)


@pipeline(triggers=[PubSub("orders", params={"region": "us"}), PubSub("returns", params={"region": "eu"}, name="back")])
def two_topics(region: str) -> None:
    pass


@pipeline
def no_topic(region: str = "all", params: dict[str, int] | None = None) -> None:
    pass


def test_a_wrapped_message_is_recognised(recognised: Any) -> None:
    """Subscription and message id are the key; the publish time is the logical date, in the project's zone."""
    delivery = recognised(envelope({"params": {"day": "2013-01-04"}}))

    assert (delivery.kind, delivery.params) == ("pubsub", {"region": "us", "day": "2013-01-04"})
    assert (delivery.origin.trigger.kind, delivery.origin.trigger.key) == ("pubsub", KEY)
    assert (delivery.origin.logical_date, delivery.origin.brings_time) == (PUBLISHED, True)
    assert (delivery.origin.by_person, delivery.origin.compare_params) == (False, False)


def test_a_redelivery_has_the_same_key(recognised: Any) -> None:
    """Another attempt of the same message is the same run."""
    again = {**envelope({"day": "2013-01-04"}), "deliveryAttempt": 5}

    assert recognised(again).origin.trigger.key == KEY


@pytest.mark.parametrize("left_out", ["messageId", "message_id"])
def test_one_spelling_of_each_field_is_enough(recognised: Any, left_out: str) -> None:
    """Pub/Sub sends both."""
    sent = envelope()
    del sent["message"][left_out]

    assert recognised(sent).origin.trigger.key == KEY


def test_an_unwrapped_message_is_recognised(recognised: Any) -> None:
    """Its data is the body, its metadata stands in headers; it is the same run as if it were wrapped."""
    delivery = recognised(b'{"day": "2013-01-04"}', unwrapped_headers())

    assert (delivery.kind, delivery.params) == ("pubsub", {"region": "us", "day": "2013-01-04"})
    assert (delivery.origin.trigger.key, delivery.origin.logical_date) == (KEY, PUBLISHED)


def test_a_message_through_eventarc_is_recognised(recognised: Any) -> None:
    """Its event wraps a Pub/Sub message, whose subscription and id are the key."""
    headers = event_headers(type="google.cloud.pubsub.topic.v1.messagePublished")

    delivery = recognised(envelope({"day": "2013-01-04"}), headers)

    assert (delivery.kind, delivery.origin.trigger.kind, delivery.origin.trigger.key) == ("pubsub", "pubsub", KEY)
    assert delivery.params["day"] == "2013-01-04"
    assert delivery.origin.trigger.details["event"]["source"] == "//example.org/orders"


def test_a_message_without_a_time_takes_that_of_its_first_delivery(recognised: Any) -> None:
    """A hand-made envelope often lacks it: the key then goes through keys/."""
    origin = recognised(envelope(publishTime=None, publish_time=None)).origin

    assert (origin.logical_date, origin.brings_time) == (NOW, False)


@pytest.mark.parametrize(
    ("data", "params", "kept"),
    [
        ({"params": {"region": "eu"}}, {"region": "eu"}, {}),
        ({"params": {"region": "eu"}, "note": 1}, {"region": "eu"}, {"data": {"note": 1}}),
        ({"region": "eu", "typo": 1}, {"region": "eu", "typo": 1}, {}),
        ({"file": "a.csv"}, {}, {"data": {"file": "a.csv"}}),
        ({"params": [1], "file": 2}, {"params": [1], "file": 2}, {}),
        ([1, 2], {}, {"data": [1, 2]}),
        (b"", {}, {}),
        (b"plain text", {}, {"data": "plain text"}),
        (b"null", {}, {"data": None}),
        (b"\x00\xff", {}, {"data_base64": "AP8="}),
        (b'{"x": NaN}', {}, {"data": '{"x": NaN}'}),
        (b'{"file": 1, "file": 2}', {}, {"data": '{"file": 1, "file": 2}'}),
    ],
    ids=repr,
)
def test_data_is_parameters_or_kept(recognised: Any, data: Any, params: Any, kept: Any) -> None:
    """An object under "params", an object with a parameter's name in it; all else is for the steps to read."""
    delivery = recognised(envelope(data), of=no_topic)

    details = delivery.origin.trigger.details
    assert delivery.params == params
    assert {name: details[name] for name in details if name.startswith("data")} == kept


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"region": "eu", "region": "us"}', "the key 'region' stands twice"),
        (b'{"params": {"region": "eu"}, "params": {}}', "the key 'params' stands twice"),
        (b'{"region": "eu", "limit": NaN}', "a number is NaN"),
        (b'{"region": "eu", "limit": %s}' % (b"9" * 5000), "a number has thousands of digits"),
        (b'{"region": ' + b"[" * 120 + b"]" * 120 + b"}", "nested over 100 deep"),
    ],
    ids=lambda value: str(value)[:20],
)
@pytest.mark.parametrize("headers", [None, event_headers()], ids=["message", "event"])
def test_parameters_that_cannot_be_taken_are_refused(recognised: Any, headers: Any, data: bytes, said: str) -> None:
    """A run without them would be another one than its sender meant."""
    with pytest.raises(BadDelivery, match=said) as refused:
        recognised(data if headers else envelope(data), headers)

    assert refused.value.push.data == data
    assert refused.value.remedy


def test_everything_else_is_in_the_details(recognised: Any) -> None:
    """What the message says of itself, for `current_run().trigger.details`."""
    sent = {**envelope(attributes={"kind": "daily"}, orderingKey="store-1"), "deliveryAttempt": 3}

    assert recognised(sent).origin.trigger.details == {
        "subscription": SUBSCRIPTION, "message_id": "11", "publish_time": "2013-01-05T05:59:58.123000+00:00",
        "ordering_key": "store-1", "delivery_attempt": 3, "attributes": {"kind": "daily"},
    }  # fmt: skip


def test_tokens_are_no_attributes(recognised: Any) -> None:
    """Of an unwrapped push all headers are kept but those of the transport: no token reaches the record."""
    transport = {"authorization": "Bearer secret", "x-serverless-authorization": "Bearer secret", "cookie": "secret"}
    headers = {**unwrapped_headers(kind="daily"), **transport, "x-forwarded-for": "10.0.0.1", "host": "x"}

    assert recognised(b"", headers).origin.trigger.details["attributes"] == {"kind": "daily"}


def test_the_message_is_whole_for_a_dead_letter(recognised: Any) -> None:
    """It can be published again as it came."""
    message = recognised(envelope(b"\x00raw", attributes={"kind": "daily"})).message

    assert (message.data, dict(message.attributes)) == (b"\x00raw", {"kind": "daily"})


@pytest.mark.parametrize(
    ("name", "region"),
    [
        ("daily-orders", "us"), ("pplns-two-topics-back", "eu"), ("back", "eu"),
        ("pplns-two-topics-prod_pubsub", "us"), ("pplns-two-topics-prod_back", "eu"),
    ],
)  # fmt: skip
def test_the_subscription_tells_the_topic(recognised: Any, name: str, region: str) -> None:
    """Its name ends with the trigger's name, or its topic's where it has none."""
    sent = {**envelope(), "subscription": f"projects/acme-data/subscriptions/{name}"}

    assert recognised(sent, of=two_topics).params == {"region": region}


def test_a_subscription_that_could_be_any_is_refused(recognised: Any) -> None:
    """The topics bring different parameters, and a guess could be wrong."""
    with pytest.raises(BadDelivery, match="They are 'orders', 'back'") as refused:
        recognised({**envelope(b"x"), "subscription": "projects/p/subscriptions/other"}, of=two_topics)

    assert refused.value.push.data == b"x"


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"message": "text"}, "as its message"),
        ({"message": None}, "has no message"),
        ({"subscription": ""}, "as its subscription"),
        ({"subscription": None}, "has no subscription"),
    ],
)
def test_an_envelope_that_is_none_is_a_push_all_the_same(recognised: Any, broken: Any, said: str) -> None:
    """So that it can become a dead letter instead of coming back for days."""
    with pytest.raises(BadDelivery, match=said) as refused:
        recognised({**envelope(), **broken})

    assert refused.value.push is not None


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("data", "***", "as its data"),
        ("data", 7, "as its data"),
        ("data", "AAA", "as its data"),
        ("attributes", {"a": 1}, "as its attributes"),
        ("attributes", [1], "as its attributes"),
        ("messageId", "", "as its messageId"),
        ("messageId", 12, "as its messageId"),
        ("publishTime", "yesterday", "as its publishTime"),
        ("publishTime", 12, "as its publishTime"),
    ],
)
def test_a_garbled_message_is_refused(recognised: Any, field: str, value: Any, said: str) -> None:
    """By the field that is wrong, with the message for a dead letter."""
    sent = envelope()
    sent["message"] |= {field: value}

    with pytest.raises(BadDelivery, match=said) as refused:
        recognised(sent)

    assert refused.value.push is not None


@pytest.mark.parametrize("missing", ["message-id", "subscription-name"])
def test_an_unwrapped_push_names_its_message(recognised: Any, missing: str) -> None:
    """Else each redelivery would be a run of its own."""
    headers = unwrapped_headers()
    del headers[f"x-goog-pubsub-{missing}"]

    with pytest.raises(BadDelivery, match="write_metadata"):
        recognised(b"", headers)


def test_data_in_the_other_base64_is_read(recognised: Any) -> None:
    """JSON of protocol buffers may come with '-' and '_'."""
    sent = envelope()
    sent["message"]["data"] = base64.urlsafe_b64encode(b"\xfb\xff\xfe").decode()

    assert recognised(sent).message.data == b"\xfb\xff\xfe"
