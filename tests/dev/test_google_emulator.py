"""Topics that Google's own emulator keeps: `pplns dev` delivers them, with what the emulator leaves out."""

import base64
import os

import pytest

from dev_kit import runs_of
from pplns.errors import PublishError
from pplns_deploy.dev.google_emulator import publish
from pubsub_emulator import PROJECT, Emulator, emulator, emulator_host

__all__ = ["emulator", "emulator_host"]
pytestmark = [
    pytest.mark.needs_pubsub_emulator,
    pytest.mark.skipif(os.name == "nt", reason="ends processes by POSIX signals"),
]


@pytest.fixture
def dev(developing, emulator: Emulator, monkeypatch: pytest.MonkeyPatch):
    """A `pplns dev` on the emulator."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", PROJECT)
    return developing("--backoff", "0.1", "--attempts", "3")


def test_the_emulator_s_messages_become_runs(dev, shop):
    """Filters are applied, the attempt and the ordering key are there: of those the emulator's push has none."""
    dev.call("publish", "shop", "--data", "{}", "--attribute", "kind=weekly")
    sent = dev.call(
        "publish", "shop", "-p", "region=flaky", "--attribute", "kind=daily", "--ordering-key", "shop-7", "--json"
    ).document

    dev.until(sent["message_id"], "500", "again in 0.1 s")
    dev.until("acknowledged", sent["message_id"], "succeeded")
    (run,) = runs_of(shop)
    details = run["trigger"]["details"]
    assert (details["ordering_key"], details["delivery_attempt"]) == ("shop-7", 1)


def test_continuations_and_dead_letters_go_by_the_emulator(dev, emulator):
    """The service publishes to it, and so does `pplns dev` after the last attempt."""
    queued = dev.call("trigger", "shop", "--async", "--json").document
    dev.until("acknowledged", queued["run_id"], "succeeded")
    dev.call("publish", "shop", "-p", "region=poison", "--attribute", "kind=daily")
    dev.until("acknowledged", "failed")
    dev.call("publish", "shop", "-p", "region=never", "--attribute", "kind=daily")
    dev.until("attempt 3 was its last")
    dev.until("is a dead letter in pplns.shop.dead-letters: 3 attempts were not acknowledged")

    found = [one.attributes for one in emulator.pull(f"projects/{PROJECT}/subscriptions/pplns.shop.dead-letters")]
    assert {"pplns_error_message", "CloudPubSubDeadLetterSourceDeliveryCount"} <= {key for one in found for key in one}


def test_a_dead_letter_is_acknowledged_to_the_emulator(dev, emulator):
    """It isn't delivered again by the next `pplns dev`."""
    dev.call("publish", "shop", "-p", "region=never", "--attribute", "kind=daily")
    dev.until("attempt 3 was its last")
    dev.end()

    left = emulator.pull(f"projects/{PROJECT}/subscriptions/pplns.shop-orders-landed")

    assert left == []


def test_a_topic_that_is_not_there_is_refused(emulator):
    """With the emulator's reason."""
    with pytest.raises(PublishError, match="refused 'projects/pplns-tests/topics/none:publish': 404"):
        publish(emulator.host, "projects/pplns-tests/topics/none", base64.b64decode("e30="), attributes={})
