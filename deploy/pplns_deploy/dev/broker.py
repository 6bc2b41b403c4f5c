"""Topics and push subscriptions in memory: which message is delivered when, as Pub/Sub would. Pure: no clock.

A message goes to every subscription of its topic whose filter lets it through, and stays there until a push of it was
acknowledged. Each push that wasn't is repeated after a wait that doubles; after the last attempt the message is for the
dead-letter topic. At most a few pushes of a subscription are under way at one time."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pplns_deploy.dev.filters import Filter, parse_filter
from pplns_deploy.dev.outgoing import Message, rfc3339
from pplns_deploy.dev.retries import PushRetries

ACKS = frozenset({102, 200, 201, 202, 204})  # any other answer, also 206 or a redirect, is none
MOST_UNDER_WAY = 4  # of one subscription: the service on a laptop has a handful of threads


@dataclass(frozen=True, slots=True)
class Subscription:
    """A push subscription of a pipeline. `name` and the topics are whole: projects/P/subscriptions/S."""

    name: str
    topic: str
    pipeline: str
    dead_letter_topic: str
    filter: str | None = None


@dataclass(frozen=True, slots=True)
class Push:
    """One delivery of a message: its attempt, from 1."""

    subscription: Subscription
    message: Message
    attempt: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of a push: acknowledged, or pushed again in `delay_s`, or `dead`, the dead letter."""

    is_acked: bool
    delay_s: float | None = None
    dead: Message | None = None


@dataclass(slots=True)
class _Backlog:
    """The messages of a subscription: those that wait, with the time when they are due, and those under way."""

    subscription: Subscription
    lets_through: Filter
    waiting: list[tuple[datetime, Push]] = field(default_factory=list[tuple[datetime, Push]])
    under_way: list[Push] = field(default_factory=list[Push])

    @classmethod
    def of(cls, subscription: Subscription) -> "_Backlog":
        return cls(subscription, parse_filter(subscription.filter))


class Broker:
    """The subscriptions of a project. It isn't thread-safe: the emulation has one lock for all it holds."""

    def __init__(self, subscriptions: Iterable[Subscription], *, retries: PushRetries) -> None:
        self._retries = retries
        self._backlogs: dict[str, _Backlog] = {one.name: _Backlog.of(one) for one in subscriptions}

    def resubscribe(self, subscriptions: Iterable[Subscription]) -> list[Message]:
        """Take other subscriptions and return the messages that are lost with those that have gone.

        One whose filter changed loses its messages too: a filter can't be changed, so deploying makes a new one."""
        before = self._backlogs
        self._backlogs = {}
        for one in subscriptions:
            old = before.get(one.name)
            self._backlogs[one.name] = before.pop(one.name) if old and old.subscription == one else _Backlog.of(one)
        return [push.message for backlog in before.values() for _, push in backlog.waiting]

    @property
    def topics(self) -> set[str]:
        """The topics that take messages: those of subscriptions, and those for dead letters."""
        subscriptions = [backlog.subscription for backlog in self._backlogs.values()]
        return {one.topic for one in subscriptions} | {one.dead_letter_topic for one in subscriptions}

    @property
    def subscriptions(self) -> list[Subscription]:
        """The subscriptions, in the order in which they were declared."""
        return [backlog.subscription for backlog in self._backlogs.values()]

    @property
    def undelivered(self) -> list[Push]:
        """What would be lost if it all ended now."""
        backlogs = self._backlogs.values()
        return [push for one in backlogs for push in (*one.under_way, *(push for _, push in one.waiting))]

    def publish(self, topic: str, message: Message, *, now: datetime) -> int:
        """Take a message for a topic, and return how many subscriptions will deliver it."""
        taken = [
            backlog
            for backlog in self._backlogs.values()
            if backlog.subscription.topic == topic and backlog.lets_through(message.attributes)
        ]
        for backlog in taken:
            backlog.waiting.append((now, Push(backlog.subscription, message, 1)))
        return len(taken)

    def offer(self, subscription: Subscription, message: Message, *, now: datetime) -> bool:
        """Take a message for one subscription alone, if its filter lets it through and it isn't there already."""
        backlog = self._backlogs.get(subscription.name)
        if backlog is None or not backlog.lets_through(message.attributes):
            return False
        held = (*backlog.under_way, *(push for _, push in backlog.waiting))
        if all(push.message.message_id != message.message_id for push in held):
            backlog.waiting.append((now, Push(backlog.subscription, message, 1)))
        return True

    def due(self, now: datetime) -> list[Push]:
        """Return the pushes to be sent now, and hold them for under way until `settle` is told of each."""
        return [push for backlog in self._backlogs.values() for push in _take(backlog, now)]

    def wake_at(self) -> datetime | None:
        """Return when a push is due next, None if none waits that could be sent."""
        free = [one for one in self._backlogs.values() if len(one.under_way) < MOST_UNDER_WAY]
        return min((due for backlog in free for due, _ in backlog.waiting), default=None)

    def settle(self, push: Push, *, status: int | None, now: datetime) -> Settled:
        """Note how a push was answered; None: not at all, or not within the ack deadline."""
        backlog = self._backlogs.get(push.subscription.name)
        if backlog is not None and push in backlog.under_way:
            backlog.under_way.remove(push)
        if status in ACKS:
            return Settled(is_acked=True)
        if push.attempt >= self._retries.most_attempts:
            return Settled(is_acked=False, dead=dead_letter(push))
        delay_s = self._retries.delay_s(push.attempt)
        if backlog is not None:
            again = Push(push.subscription, push.message, push.attempt + 1)
            backlog.waiting.append((now + timedelta(seconds=delay_s), again))
        return Settled(is_acked=False, delay_s=delay_s)


def dead_letter(push: Push) -> Message:
    """Return the message that goes to the dead-letter topic, with the attributes that Pub/Sub adds."""
    _, project, _, name = push.subscription.name.split("/")
    added = {
        "CloudPubSubDeadLetterSourceDeliveryCount": str(push.attempt),
        "CloudPubSubDeadLetterSourceSubscription": name,
        "CloudPubSubDeadLetterSourceSubscriptionProject": project,
        "CloudPubSubDeadLetterSourceTopicPublishTime": rfc3339(push.message.published, places=3),
    }
    message = push.message
    return Message(
        message.data, message.message_id, message.published, {**message.attributes, **added}, message.ordering_key
    )


def _take(backlog: _Backlog, now: datetime) -> list[Push]:
    room = MOST_UNDER_WAY - len(backlog.under_way)
    ripe = sorted((entry for entry in backlog.waiting if entry[0] <= now), key=lambda entry: entry[0])[:room]
    backlog.waiting = [entry for entry in backlog.waiting if entry not in ripe]
    taken = [push for _, push in ripe]
    backlog.under_way += taken
    return taken
