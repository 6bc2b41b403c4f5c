"""The request that a trigger of a pipeline would get, made from what the pipeline declares: for `pplns event`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pplns.errors import ParameterError
from pplns.triggers.params import FIT_JSON
from pplns.triggers.requests import UnfitJson, read_json
from pplns_deploy.dev.broker import Subscription
from pplns_deploy.dev.cron import last_time
from pplns_deploy.dev.declared import own_subscription, pushed_topics, schedules_of
from pplns_deploy.dev.filters import parse_filter
from pplns_deploy.dev.outgoing import (
    EVENT_SOURCE,
    MESSAGE_PUBLISHED,
    Message,
    Outgoing,
    cloudevent_request,
    new_message_id,
    push_request,
    runs_url,
    scheduler_request,
)
from pplns_deploy.dev.schedules import DeclaredSchedule

_EXTENSION = re.compile(r"[a-z0-9]+")
PROJECT = "pplns-dev"  # of Google Cloud: what a request names that comes from nowhere


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request is to be like. `pipeline` is as `pplns show --format json` describes it.

    `now` is the time that it is for, which of a schedule is its last one up to then, unless it `is_given_time`."""

    pipeline: Mapping[str, Any]
    url: str
    now: datetime
    is_given_time: bool
    params: Mapping[str, str]
    schedule: str | None
    topic: str | None
    data: str | None
    attributes: Mapping[str, str]
    event_type: str | None


def scheduler_of(wanted: Wanted) -> tuple[Outgoing, str]:
    """Return what Cloud Scheduler would send, and a warning or ''.

    Raises: ParameterError where the pipeline has no such schedule, or several."""
    name = wanted.pipeline["pipeline"]
    declared = list(schedules_of(wanted.pipeline))
    chosen = _chosen_schedule(declared, wanted) if declared or wanted.schedule else None
    warning = "" if chosen else f"The pipeline {name!r} declares no schedule: this is a Scheduler job made by hand."
    time = wanted.now
    if chosen is not None and not wanted.is_given_time:
        time = last_time(chosen.cron, chosen.timezone, time) or time
    request = scheduler_request(
        runs_url(wanted.url, name), job_name=chosen.job_name if chosen else name, schedule_time=time,
        schedule=chosen.label if chosen else None,
        params={**(chosen.params if chosen else {}), **wanted.params},
    )  # fmt: skip
    return request, warning


def push_of(wanted: Wanted) -> tuple[Outgoing, str]:
    """Return what Pub/Sub would push, and a warning or ''.

    Raises: ParameterError where the pipeline has no such topic, or several."""
    subscription = _chosen_subscription(wanted)
    url = runs_url(wanted.url, wanted.pipeline["pipeline"])
    return push_request(url, _message(wanted), subscription=subscription.name, attempt=1), _left_out(
        subscription, wanted
    )


def cloudevent_of(wanted: Wanted) -> tuple[Outgoing, str]:
    """Return what Eventarc would send, and a warning or ''; by default the event of a Pub/Sub message.

    Raises: ParameterError where the pipeline has no such topic, or several; and for data that is no JSON."""
    url, event_id = runs_url(wanted.url, wanted.pipeline["pipeline"]), new_message_id()
    if wanted.event_type not in (None, MESSAGE_PUBLISHED):
        request = cloudevent_request(
            url, event_type=str(wanted.event_type), source=EVENT_SOURCE, event_id=event_id, time=wanted.now,
            data=_json(wanted.data), extensions=_extensions(wanted.attributes),
        )  # fmt: skip
        return request, ""
    subscription = _chosen_subscription(wanted)
    message = _message(wanted)
    request = cloudevent_request(
        url, event_type=MESSAGE_PUBLISHED, source=f"//pubsub.googleapis.com/{subscription.topic}",
        event_id=message.message_id, time=wanted.now,
        data={"message": message.as_json(), "subscription": subscription.name}, extensions={},
    )  # fmt: skip
    return request, _left_out(subscription, wanted)


def _chosen_schedule(declared: list[DeclaredSchedule], wanted: Wanted) -> DeclaredSchedule:
    found = [one for one in declared if wanted.schedule in (None, one.label, one.job_name)]
    if len(found) == 1:
        return found[0]
    raise _which("schedule", wanted.schedule, [one.label for one in declared])


def _chosen_subscription(wanted: Wanted) -> Subscription:
    found = _subscriptions_of(wanted.pipeline, wanted.topic, PROJECT)
    if len(found) > 1:  # triggers of one topic, with filters: the first one that lets the message through
        found = [one for one in found if parse_filter(one.filter)(wanted.attributes)] or found
    return found[0]


def topic_of(pipeline: Mapping[str, Any], topic: str | None, gcp_project: str) -> str:
    """Return a topic of a pipeline, whole: the one that is named, else the only one that it declares, else its own.

    Raises: ParameterError where it has no such topic, or several."""
    return _subscriptions_of(pipeline, topic, gcp_project)[0].topic


def _subscriptions_of(pipeline: Mapping[str, Any], topic: str | None, gcp_project: str) -> list[Subscription]:
    """Return the subscriptions of one topic of a pipeline: at least one."""
    declared = list(pushed_topics(pipeline, gcp_project)) or [own_subscription(pipeline["pipeline"], gcp_project)]
    found = [one for one in declared if topic in (None, one.topic, _short(one.topic))]
    if len({one.topic for one in found}) == 1:
        return found
    raise _which("topic", topic, sorted({_short(one.topic) for one in declared}))


def _short(topic: str) -> str:
    return topic.rpartition("/")[2]


def _which(kind: str, given: str | None, known: list[str]) -> ParameterError:
    met = f"The pipeline has several {kind}s." if given is None else f"The pipeline has no {kind} {given!r}."
    listed = ", ".join(map(repr, known)) or "none"
    return ParameterError(met, f"Its {kind}s: {listed}.", f"Name one of them with --{kind}.")


def _message(wanted: Wanted) -> Message:
    return Message((wanted.data or "").encode(), new_message_id(), wanted.now, dict(wanted.attributes))


def _left_out(subscription: Subscription, wanted: Wanted) -> str:
    if parse_filter(subscription.filter)(wanted.attributes):
        return ""
    return f"Pub/Sub wouldn't deliver this message: the filter of its subscription is {subscription.filter}"


def _extensions(attributes: Mapping[str, str]) -> dict[str, str]:
    for name in attributes:
        if not _EXTENSION.fullmatch(name):
            raise ParameterError(
                f"--attribute {name!r} can be no attribute of a CloudEvent.",
                "The names of its attributes have lower-case letters and digits.",
                "Rename it, or put it into --data.",
            )
    return dict(attributes)


def _json(data: str | None) -> Any:
    try:
        return read_json(data or "{}")
    except UnfitJson as error:
        raise ParameterError(f"In --data {error}.", FIT_JSON, "Correct it.") from None
    except ValueError as error:
        raise ParameterError(
            f"--data {data!r} is no JSON: {error}.", "The data of an event is JSON.", "Correct it."
        ) from None
