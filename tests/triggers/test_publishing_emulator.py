"""Publishing to Google's own emulator: what arrives there, what it says of topics that aren't there."""

import pytest

from pplns.errors import PublishError
from pplns.model.run import ErrorInfo
from pplns.triggers.dead_letters import dead_letter
from pplns.triggers.messages import PushMessage
from pplns.triggers.topics import publish
from pubsub_emulator import Emulator, emulator, emulator_host

__all__ = ["emulator", "emulator_host"]

pytestmark = [
    pytest.mark.needs_pubsub_emulator,
    pytest.mark.filterwarnings("ignore:You are using a Python version:FutureWarning"),  # google.api_core, on its import
]


def test_a_message_arrives(emulator: Emulator) -> None:
    """Its bytes, its attributes, under the id that was confirmed."""
    topic = emulator.topic()
    subscription = emulator.subscribe(topic)

    message_id = publish(topic, b"\x00\xff data", attributes={"kind": "é"}, timeout_s=20)

    (received,) = emulator.pull(subscription)
    assert (received.message_id, received.data, received.attributes) == (message_id, b"\x00\xff data", {"kind": "é"})


def test_a_message_without_data_arrives(emulator: Emulator) -> None:
    """Attributes are enough."""
    topic = emulator.topic()
    subscription = emulator.subscribe(topic)

    publish(topic, b"", attributes={"kind": "daily"}, timeout_s=20)

    assert [one.attributes for one in emulator.pull(subscription)] == [{"kind": "daily"}]


def test_a_topic_that_is_missing_is_named(emulator: Emulator) -> None:
    """With the command that creates it."""
    with pytest.raises(PublishError, match=r"There is no topic '.*topics/missing'.*Topic not found") as refused:
        publish("projects/pplns-tests/topics/missing", b"x", timeout_s=20)

    assert "gcloud pubsub topics create missing --project=pplns-tests" in refused.value.remedy


def test_the_largest_message_becomes_a_dead_letter(emulator: Emulator) -> None:
    """10 MB are the limit of a message with its attributes; what is over is cut, and said."""
    topic = emulator.topic()
    subscription = emulator.subscribe(topic)
    message = PushMessage(b"x" * 9_999_000, {"a": "b"}, subscription="s", message_id="1")

    dead_letter(topic, message, error=ErrorInfo("failed", "m" * 5000, "h"), pipeline="daily", timeout_s=60)

    (received,) = emulator.pull(subscription)
    assert (len(received.data), received.attributes["pplns_data_bytes"]) == (9_700_000, "9999000")
