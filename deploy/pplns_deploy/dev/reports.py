"""What `pplns dev` says about what it sends, in a line each."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from pplns_deploy.dev.broker import Push, Settled, Subscription
from pplns_deploy.dev.outgoing import Message, rfc3339
from pplns_deploy.dev.schedules import Firing, Missed
from pplns_deploy.dev.sending import Answer

Report = Callable[[str, str], None]  # what it is about: schedule, message or service; and the line

MOST_SHOWN = 300  # characters of an error


def fires(firing: Firing) -> str:
    """Return what is said when a schedule fires."""
    again = f", attempt {firing.attempt}" if firing.attempt > 1 else ""
    by_hand = " by hand" if firing.is_forced else ""
    return f"→ {firing.schedule.job_name} fires{by_hand} for {rfc3339(firing.time)}{again}"


def schedule_answered(firing: Firing, answer: Answer, delay_s: float | None) -> str:
    """Return what is said when a schedule's request has ended."""
    name = firing.schedule.job_name
    if answer.is_success:
        return f"✓ {name} {outcome(answer)}"
    after = f"; again in {seconds(delay_s)}" if delay_s is not None else "; not tried again before its next time"
    return f"✗ {name} {outcome(answer)}" if firing.is_forced else f"✗ {name} {_unended(answer)}{after}"


def missed(one: Missed) -> str:
    """Return what is said about times that passed while this machine slept."""
    return f"- {one.schedule.job_name} was due at {rfc3339(one.first)}, when this machine slept; that isn't made up"


def published(topic: str, message: Message, subscriptions: int) -> str:
    """Return what is said when a message came to a topic."""
    short = topic.rpartition("/")[2]
    if short.endswith(".dead-letters"):
        return f"✗ {message.message_id} is a dead letter in {short}{_reason_of(message)}"
    taken = "" if subscriptions else "; no subscription lets it through"
    return f"+ {message.message_id} published to {short}{taken}"


def pushed(push: Push) -> str:
    """Return what is said when a message is pushed."""
    again = f", attempt {push.attempt}" if push.attempt > 1 else ""
    return f"→ {push.message.message_id} to {push.subscription.pipeline}{again}"


def push_answered(push: Push, answer: Answer, settled: Settled) -> str:
    """Return what is said when a push was answered."""
    message_id = push.message.message_id
    if settled.is_acked:
        return f"✓ {message_id} acknowledged: {outcome(answer)}"
    if settled.dead is not None:
        return f"✗ {message_id} {_unended(answer)}; attempt {push.attempt} was its last"
    return f"✗ {message_id} {_unended(answer)}; again in {seconds(settled.delay_s)}"


def next_times(job_name: str, time: datetime | None, timezone: str) -> str:
    """Return what is said about a schedule at the start."""
    if time is None:
        return f"{job_name} never fires: no day fits its cron line"
    from zoneinfo import ZoneInfo

    return f"{job_name} fires next at {time.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M %Z}"


def subscribed(subscription: Subscription) -> str:
    """Return what is said about a subscription at the start."""
    only = f", only {subscription.filter}" if subscription.filter else ""
    return f"{subscription.topic.rpartition('/')[2]} is delivered to {subscription.pipeline}{only}"


def outcome(answer: Answer) -> str:
    """Return what an answer says: the run and its state, or the error, or why there was none."""
    if answer.status is None:
        return answer.problem
    found = answer.document
    if "run_id" in found:
        return f"{answer.status}, run {found['run_id']} {found['state']}{_message(found.get('error'))}"
    return f"{answer.status}{_message(found.get('error'))}"


def seconds(delay_s: float | None) -> str:
    """Return a wait: `30 s`."""
    return f"{delay_s or 0:g} s"


def _unended(answer: Answer) -> str:
    return outcome(answer).removesuffix(".")


def _message(error: Any) -> str:
    if not isinstance(error, dict):
        return ""
    text = str(cast("dict[str, Any]", error).get("message", ""))
    return f": {text[:MOST_SHOWN]}" if text else ""


def _reason_of(message: Message) -> str:
    reason = message.attributes.get("pplns_error_message")
    count = message.attributes.get("CloudPubSubDeadLetterSourceDeliveryCount")
    shown = reason or (f"{count} attempts were not acknowledged" if count else "")
    return f": {shown[:MOST_SHOWN]}" if shown else ""
