"""The built-in broker, asked by the service's own publisher and by whoever else speaks Pub/Sub's REST API."""

import json
import urllib.error
import urllib.request

import pytest

from pplns.errors import NotFoundError, PublishError
from pplns.triggers.topics import publish
from pplns_deploy.dev import google_emulator
from pplns_deploy.dev.endpoint import Answers, open_endpoint

TOPIC = "projects/pplns-dev/topics/orders"


@pytest.fixture
def taken():
    """What the endpoint took: topics with the messages that came to them."""
    return []


@pytest.fixture
def endpoint(taken):
    """An endpoint on a free port that has one topic."""

    def take(topic, messages):
        taken.extend((topic, message) for message in messages)
        return [str(number) for number, _ in enumerate(messages, start=7)]

    def fire(name):
        raise NotFoundError(f"{name!r} names no schedule.")

    server = open_endpoint(Answers(lambda: {"project": "/shop"}, lambda topic: topic == TOPIC, take, fire))
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def post(url, body):
    """Return the status and the document of an answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body)) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())


def test_the_publisher_of_the_service_publishes_to_it(endpoint, taken, monkeypatch):
    """Google's client, found by PUBSUB_EMULATOR_HOST; any bytes arrive."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", endpoint)

    message_id = publish(TOPIC, bytes(range(256)), attributes={"kind": "daily"}, timeout_s=20)

    ((topic, message),) = taken
    assert (topic, message_id) == (TOPIC, "7")
    assert (message.data, message.attributes) == (bytes(range(256)), {"kind": "daily"})


def test_a_topic_that_is_not_there_is_refused_at_once(endpoint, monkeypatch):
    """With 404, which the publisher doesn't repeat."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", endpoint)

    with pytest.raises(PublishError, match="projects/pplns-dev/topics/none"):
        publish("projects/pplns-dev/topics/none", b"{}", timeout_s=20)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"messages": []}',
        b'{"messages": [{}]}',
        b'{"messages": [{"data": "?"}]}',
        b'{"messages": [1]}',
    ],
)
def test_what_holds_no_message_is_refused(endpoint, taken, body):
    """As Pub/Sub refuses it, and nothing is taken."""
    status, found = post(f"http://{endpoint}/v1/{TOPIC}:publish", body)

    assert (status, found["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert taken == []


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"attributes": {f"a{number}": "x" for number in range(101)}}, "101 attributes; 100 are the most"),
        ({"attributes": {"googkind": "x"}}, "'goog' is reserved"),
        ({"attributes": {"": "x"}}, "a name has 1 to 256 bytes"),
        ({"attributes": {"ü" * 129: "x"}}, "a name has 1 to 256 bytes"),
        ({"attributes": {"kind": "ü" * 513}}, "'kind' has 1026 bytes; 1024 are the most"),
        ({"data": "eA==", "orderingKey": "k" * 1025}, "ordering key has 1025 bytes"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_message_beyond_the_limits_of_pub_sub_is_refused(endpoint, taken, message, said):
    """What would be refused in the cloud is refused here."""
    status, found = post(f"http://{endpoint}/v1/{TOPIC}:publish", json.dumps({"messages": [message]}).encode())

    assert (status, found["error"]["status"], taken) == (400, "INVALID_ARGUMENT", [])
    assert said in found["error"]["message"]


@pytest.mark.parametrize("form", ["{}", "http://{}", "http://{}/"])
def test_an_address_may_be_a_url(endpoint, taken, form):
    """PUBSUB_EMULATOR_HOST is HOST:PORT, but the service takes it as a URL as well."""
    google_emulator.publish(form.format(endpoint), TOPIC, b"x", attributes={})

    assert [message.data for _, message in taken] == [b"x"]


def test_what_is_beyond_the_limits_is_said_to_who_publishes(endpoint):
    """Without advice that is for other refusals."""
    with pytest.raises(PublishError, match=r"'goog' is reserved. Correct what it names.$"):
        google_emulator.publish(endpoint, TOPIC, b"", attributes={"googkind": "x"})


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/dev/schedules/old:fire", 400, "'old' names no schedule."),
        ("/dev/schedules/shop%2Fold:fire", 400, "'shop/old' names no schedule."),
        ("/nothing", 404, "Resource not found"),
    ],
)
def test_other_refusals(endpoint, path, status, said):
    """In the shape that commands and Google's clients read."""
    answered, found = post(f"http://{endpoint}{path}", b"")

    assert answered == status
    assert said in found["error"]["message"]
