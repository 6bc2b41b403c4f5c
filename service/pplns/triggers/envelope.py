"""What a request is, from the request alone: an API call, a schedule, a message, an event, or a continuation.

Headers are believed, so whoever may call must have been checked before: by Cloud Run, or by `callers`. The order of
the questions matters. The attributes of an unwrapped message are headers of its push, whoever published it: a push is
known by what Pub/Sub itself adds, before any other header is looked at, so that no attribute makes it a schedule."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pplns.engine.runner import Origin
from pplns.model.ids import new_token
from pplns.model.names import shorten
from pplns.model.run import Trigger
from pplns.model.triggers import NO_PARAMS
from pplns.settings import Settings
from pplns.steps import Pipeline
from pplns.triggers.budgets import DeliveryKind
from pplns.triggers.continuation import Continuation, is_continuation, read_continuation
from pplns.triggers.declared import pubsub_of, schedule_of
from pplns.triggers.details import header_attributes, kept, kept_attributes, kept_data
from pplns.triggers.events import MESSAGE_PUBLISHED, CloudEvent, is_event, read_event
from pplns.triggers.messages import BadDelivery, PushMessage
from pplns.triggers.params import FIT_JSON, NOTHING, means_parameters, names_of, read_body, split_data, underneath
from pplns.triggers.pushes import (
    is_envelope,
    is_from_pubsub,
    is_unwrapped,
    read_envelope,
    read_unwrapped,
    refuse_without_metadata,
)
from pplns.triggers.requests import Request, UnfitJson, join_key, read_json, read_time

FORCED_AHEAD = timedelta(seconds=10)  # a schedule's own request never comes before its time
MAX_IDEMPOTENCY_KEY = 255


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request that may become a run, or go on with one.

    `params` are as sent, over what the trigger declares. A `forced` schedule has the beginning of its key only, until
    `forced.settle_forced` completes it. `message` is what goes to the dead-letter topic, for what Pub/Sub delivers."""

    kind: DeliveryKind
    params: Mapping[str, Any]
    origin: Origin
    forced: bool = False
    continuation: Continuation | None = None
    message: PushMessage | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request with what it is read against."""

    request: Request
    pipeline: Pipeline[..., Any]
    settings: Settings
    now: datetime


def recognise(request: Request, *, pipeline: Pipeline[..., Any], settings: Settings, now: datetime) -> Delivery:
    """Return what a request to a pipeline asks for. `now` is aware.

    Raises: BadDelivery for what can never become a run; its `push` is the message, if it was one."""
    asked = _Asked(request, pipeline, settings, now.replace(microsecond=0))
    return _over_environment(_recognised(asked), asked)


def _recognised(asked: _Asked) -> Delivery:
    request = asked.request
    if is_unwrapped(request):
        return _message(asked, read_unwrapped(request))
    _check_encoding(request)
    if is_schedule(request):
        return _schedule(asked)
    if is_event(request):
        return _event(asked, read_event(request))
    body = _json_or_none(request.body)
    if is_envelope(body):
        return _message(asked, read_envelope(body, raw=request.body))
    if is_from_pubsub(request):
        raise refuse_without_metadata(request)
    return _api(asked)


def _check_encoding(request: Request) -> None:
    """Refuse a compressed body by its cause; of an unwrapped push the header may be an attribute of the message."""
    encoding = request.header("content-encoding") or "identity"
    if encoding.lower() != "identity":
        is_push = is_event(request) or is_from_pubsub(request)
        raise BadDelivery(
            f"The body is compressed: Content-Encoding is {shorten(encoding)}.",
            "A body is sent as it is; up to 32 MB are taken.",
            "Send it uncompressed, without that header.",
            push=PushMessage(request.body, header_attributes(request.headers)) if is_push else None,
        )


def _over_environment(found: Delivery, asked: _Asked) -> Delivery:
    """Lay the parameters of a trigger over those that the environment sends to the pipelines that have them."""
    if not asked.settings.params or found.kind not in ("schedule", "pubsub", "cloudevent"):
        return found
    known = names_of(asked.pipeline)
    given = {name: value for name, value in asked.settings.params.items() if name in known}
    return replace(found, params=underneath(given, found.params))


def is_schedule(request: Request) -> bool:
    """Tell whether Cloud Scheduler sent the request."""
    marked = (request.header("x-cloudscheduler") or "").lower() == "true"
    return marked and not is_unwrapped(request) and not is_from_pubsub(request)


def _api(asked: _Asked) -> Delivery:
    params = read_body(asked.request).get("params", {})
    key = asked.request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key.strip()) <= MAX_IDEMPOTENCY_KEY:
        raise BadDelivery(
            f"The header Idempotency-Key has {len(key.strip())} characters.",
            f"It has 1 to {MAX_IDEMPOTENCY_KEY}.",
            "Send a key such as a UUID, or leave the header out.",
        )
    trigger = Trigger("api", join_key(key.strip()) if key else new_token(), timezone=asked.settings.timezone)
    origin = Origin(
        trigger, asked.now, by_person=False, brings_time=key is None, compare_params=True
    )  # a random key is new: its time is now
    return Delivery("api", params, origin)


def _schedule(asked: _Asked) -> Delivery:
    body = read_body(asked.request, known=("params", "schedule"))
    job = (asked.request.header("x-cloudscheduler-jobname") or "-").rpartition("/")[2]
    schedule = schedule_of(asked.pipeline, named=body.get("schedule"), job=job)
    text = asked.request.header("x-cloudscheduler-scheduletime")
    time = _schedule_time(text)
    forced = time is None or time > asked.now + FORCED_AHEAD
    when = "-" if time is None else time.isoformat()
    trigger = Trigger(
        "schedule", join_key(job, when, "forced") if forced else join_key(job, when),
        name=schedule.name if schedule and schedule.name else job,
        timezone=schedule.timezone if schedule else asked.settings.timezone,
        details=kept(job=job, schedule_time=text, schedule=body.get("schedule"), forced=forced),
    )  # fmt: skip
    origin = Origin(
        trigger, asked.now if forced or time is None else time, by_person=False, brings_time=not forced,
        compare_params=False,
    )  # fmt: skip
    params = underneath(schedule.params if schedule else NO_PARAMS, body.get("params", {}))
    return Delivery("schedule", params, origin, forced=forced)


def _schedule_time(text: str | None) -> datetime | None:
    try:
        return None if text is None else read_time(text)
    except ValueError:
        raise BadDelivery(
            f"The header X-CloudScheduler-ScheduleTime is {text!r}.",
            "It is a time such as 2013-01-05T06:00:00Z.",
            "Leave it out for a run of its own, or send what `pplns event scheduler NAME` prints.",
        ) from None


def _message(asked: _Asked, push: PushMessage, *, event: CloudEvent | None = None) -> Delivery:
    """Return the delivery of a Pub/Sub message, whichever way it came."""
    data = _data_in(push.data, asked, push)
    key = join_key(str(push.subscription), str(push.message_id))
    details = kept(
        subscription=push.subscription, message_id=push.message_id, ordering_key=push.ordering_key,
        publish_time=push.publish_time.isoformat() if push.publish_time else None,
        delivery_attempt=push.delivery_attempt, attributes=kept_attributes(push.attributes),
        event=kept_attributes(event.attributes) if event else None,
    )  # fmt: skip
    if is_continuation(data):
        return _continuation(asked, push, data=data, trigger=Trigger("pubsub", key, details=details))
    declared = pubsub_of(asked.pipeline, push=push)
    sent, rest = split_data(data, names_of(asked.pipeline))
    trigger = Trigger(
        "pubsub", key, name=declared.name if declared else None, timezone=asked.settings.timezone,
        details={**details, **_rest(rest, push.data, is_json=data is not None)},
    )  # fmt: skip
    params = underneath(declared.params if declared else NO_PARAMS, sent)
    return Delivery("pubsub", params, _redelivered(asked, trigger, push.publish_time), message=push)


def _continuation(asked: _Asked, push: PushMessage, *, data: Any, trigger: Trigger) -> Delivery:
    try:
        continuation = read_continuation(data, pipeline=asked.pipeline.name)
    except BadDelivery as refused:
        raise BadDelivery(refused.met, refused.expected, refused.remedy, push=push) from None
    origin = _redelivered(asked, trigger, push.publish_time)
    return Delivery("continuation", NO_PARAMS, origin, continuation=continuation, message=push)


def _event(asked: _Asked, event: CloudEvent) -> Delivery:
    data = _data_in(event.data, asked, event.as_message)
    if event.type == MESSAGE_PUBLISHED and is_envelope(data):
        return _message(asked, read_envelope(data, raw=event.data), event=event)
    sent, rest = split_data(data, names_of(asked.pipeline), has_own_shape=event.has_own_shape)
    trigger = Trigger(
        "cloudevent", join_key(event.source, event.id), name=event.type, timezone=asked.settings.timezone,
        details={
            "event": kept_attributes(event.attributes), **_rest(rest, event.data, is_json=data is not None),
        },
    )  # fmt: skip
    return Delivery("cloudevent", sent, _redelivered(asked, trigger, event.time), message=event.as_message)


def _redelivered(asked: _Asked, trigger: Trigger, time: datetime | None) -> Origin:
    """Return the origin of what may be delivered again: the time that it brings, or now where it brings none."""
    return Origin(trigger, time or asked.now, by_person=False, brings_time=time is not None, compare_params=False)


def _rest(rest: Any, data: bytes, *, is_json: bool) -> dict[str, Any]:
    """Return what is kept of the data that isn't parameters."""
    if rest is NOTHING:
        return {}
    if not is_json:
        return kept_data(data)
    import json

    return kept_data(json.dumps(rest, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _data_in(data: bytes, asked: _Asked, push: PushMessage) -> Any:
    """Return the JSON value of a message's or an event's data, or None for what is none, or null.

    Raises: BadDelivery for parameters that can't be taken as they are: the run would begin without them."""
    try:
        return read_json(data) if data else None
    except UnfitJson as unfit:
        if means_parameters(data, names_of(asked.pipeline)):
            message = f"In the data of the message {unfit}."
            raise BadDelivery(message, FIT_JSON, "Correct what publishes it.", push=push) from None
    except ValueError:
        pass
    return None


def _json_or_none(data: bytes) -> Any:
    """Return a JSON document, or None for what is none, or null."""
    try:
        return read_json(data) if data else None
    except ValueError:
        return None
