"""Dead letters keep the message as it came, with the reason in attributes of ours."""

from datetime import UTC, datetime

import pytest

from faulty_topic import FaultyTopic, faulty_topic
from pplns.model.run import ErrorInfo
from pplns.triggers.dead_letters import dead_letter, letter_attributes
from pplns.triggers.messages import PushMessage

__all__ = ["faulty_topic"]

pytestmark = pytest.mark.filterwarnings(
    "ignore:You are using a Python version:FutureWarning"
)  # google.api_core, on its import

TOPIC = "projects/acme-data/topics/daily-dead"
REASON = ErrorInfo("bad_parameter", "The parameter 'day' is 'x'.", "Send another value.")
MESSAGE = PushMessage(
    b"data", {"kind": "daily"}, subscription="projects/p/subscriptions/s", message_id="11",
    publish_time=datetime(2013, 1, 5, tzinfo=UTC), delivery_attempt=3,
)  # fmt: skip


def test_a_dead_letter_says_why(faulty_topic: FaultyTopic) -> None:
    """And where it came from, so that it can be replayed."""
    dead_letter(TOPIC, MESSAGE, error=REASON, pipeline="daily", run_id="run-1", timeout_s=10)

    (published,) = faulty_topic.published
    assert published.data == b"data"
    assert published.attributes == {
        "kind": "daily", "pplns_pipeline": "daily", "pplns_run_id": "run-1", "pplns_error_code": "bad_parameter",
        "pplns_error_message": "The parameter 'day' is 'x'.", "pplns_error_hint": "Send another value.",
        "pplns_subscription": "projects/p/subscriptions/s", "pplns_message_id": "11",
        "pplns_publish_time": "2013-01-05T00:00:00+00:00", "pplns_delivery_attempt": "3",
    }  # fmt: skip


def test_attributes_stay_within_what_pubsub_takes() -> None:
    """At most 100, names of 256 bytes, values of 1,024; none of a name that it reserves."""
    theirs = {f"name-{number}": "é" * 2000 for number in range(120)} | {"googclient_x": "1", "n" * 300: "1", "": "1"}

    attributes = letter_attributes(PushMessage(b"", theirs), error=REASON, pipeline="daily")

    assert len(attributes) == 100
    assert {len(value.encode()) for name, value in attributes.items() if name.startswith("name-")} == {1024}
    assert attributes["pplns_error_code"] == "bad_parameter"
    assert not {"googclient_x", "n" * 300, ""} & set(attributes)


def test_a_letter_that_died_before_has_the_last_reason() -> None:
    """Replayed and failed again: our attributes are those of this time."""
    again = PushMessage(b"", {"pplns_error_code": "code_changed", "kind": "daily"})

    attributes = letter_attributes(again, error=REASON, pipeline="daily")

    assert (attributes["pplns_error_code"], attributes["kind"]) == ("bad_parameter", "daily")


@pytest.mark.parametrize("text", ["\ud800", "a" * 1023 + "é", ""])
def test_any_message_can_be_a_reason(faulty_topic: FaultyTopic, text: str) -> None:
    """What a step raised may hold anything."""
    dead_letter(TOPIC, MESSAGE, error=ErrorInfo("failed", text), pipeline="daily", timeout_s=10)

    assert len(faulty_topic.published) == 1
