"""The built-in topics, as Pub/Sub delivers them, with the time given."""

from datetime import UTC, datetime, timedelta

import pytest

from pplns_deploy.dev.broker import MOST_UNDER_WAY, Broker, Subscription
from pplns_deploy.dev.outgoing import Message
from pplns_deploy.dev.retries import PushRetries

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
TOPIC, DEAD = "projects/pplns-dev/topics/orders", "projects/pplns-dev/topics/dead"


def subscription(name="all", filter=None):  # noqa: A002
    return Subscription(f"projects/pplns-dev/subscriptions/{name}", TOPIC, "shop", DEAD, filter)


def message(number=1, **attributes):
    return Message(b"{}", str(number), NOON, attributes)


@pytest.fixture
def broker():
    """A topic with one subscription."""
    return Broker([subscription()], retries=PushRetries(most_attempts=3))


def test_a_message_goes_to_each_subscription_whose_filter_lets_it_through():
    """The others never see it."""
    daily = subscription("daily", 'attributes.kind = "daily"')
    broker = Broker([subscription(), daily], retries=PushRetries())

    broker.publish(TOPIC, message(1, kind="daily"), now=NOON)
    broker.publish(TOPIC, message(2), now=NOON)

    pushed = [(push.subscription.name.rpartition("/")[2], push.message.message_id) for push in broker.due(NOON)]
    assert pushed == [("all", "1"), ("all", "2"), ("daily", "1")]


@pytest.mark.parametrize("status", [102, 200, 201, 202, 204])
def test_these_answers_acknowledge(broker, status):
    """The message is gone then."""
    broker.publish(TOPIC, message(), now=NOON)
    (push,) = broker.due(NOON)

    assert broker.settle(push, status=status, now=NOON).is_acked
    assert broker.undelivered == []


@pytest.mark.parametrize("status", [None, 100, 203, 206, 302, 409, 429, 500, 503])
def test_all_others_have_it_pushed_again(broker, status):
    """After ten seconds the first time; the attempt is counted."""
    broker.publish(TOPIC, message(), now=NOON)
    (push,) = broker.due(NOON)

    settled = broker.settle(push, status=status, now=NOON)

    assert (settled.is_acked, settled.delay_s, broker.wake_at()) == (False, 10, NOON + timedelta(seconds=10))
    assert broker.due(NOON + timedelta(seconds=9)) == []
    assert [one.attempt for one in broker.due(NOON + timedelta(seconds=10))] == [2]


def test_after_its_last_attempt_a_message_is_a_dead_letter(broker):
    """With the attributes that Pub/Sub adds beside its own."""
    broker.publish(TOPIC, message(1, kind="daily"), now=NOON)
    now = NOON
    while pushes := broker.due(now):
        settled = broker.settle(pushes[0], status=500, now=now)
        now += timedelta(hours=1)

    assert settled.dead is not None
    assert broker.undelivered == []
    assert settled.dead.attributes == {
        "kind": "daily",
        "CloudPubSubDeadLetterSourceDeliveryCount": "3",
        "CloudPubSubDeadLetterSourceSubscription": "all",
        "CloudPubSubDeadLetterSourceSubscriptionProject": "pplns-dev",
        "CloudPubSubDeadLetterSourceTopicPublishTime": "2026-11-22T12:00:00.000Z",
    }


def test_few_pushes_are_under_way_at_one_time(broker):
    """The next one waits until one of them was answered."""
    for number in range(MOST_UNDER_WAY + 1):
        broker.publish(TOPIC, message(number), now=NOON)

    first, *others = broker.due(NOON)

    assert len(others) == MOST_UNDER_WAY - 1
    assert (broker.due(NOON), broker.wake_at()) == ([], None)
    broker.settle(first, status=200, now=NOON)
    assert [push.message.message_id for push in broker.due(NOON)] == [str(MOST_UNDER_WAY)]


def test_messages_stay_while_a_subscription_stays_as_it_is(broker):
    """A new filter makes a new subscription, and what the old one held is lost, as when deploying."""
    broker.publish(TOPIC, message(), now=NOON)

    assert broker.resubscribe([subscription(), subscription("more")]) == []
    lost = broker.resubscribe([subscription(filter="attributes:kind")])

    assert [one.message_id for one in lost] == ["1"]


def test_a_message_that_google_s_emulator_gives_again_is_taken_once(broker):
    """While it waits for its next push, the emulator's deadline may pass."""
    assert broker.offer(subscription(), message(), now=NOON)
    assert broker.offer(subscription(), message(), now=NOON)

    assert len(broker.undelivered) == 1
