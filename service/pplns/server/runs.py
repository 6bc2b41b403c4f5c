"""Starting, continuing, resuming and cancelling runs: from a request to an answer that its sender understands.

What a sender does with an answer decides over the run. A push is delivered again unless it is acknowledged, so what can
never succeed goes to the dead letters first; Cloud Scheduler gives up soon, so what can't run now is handed over."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pplns.engine.bounds import Bounds
from pplns.engine.events import Observer
from pplns.engine.run_log import report_end
from pplns.engine.runner import continue_run, queue_run, resume_run, run_pipeline
from pplns.errors import ParameterError, PplnsError
from pplns.model.run import ErrorInfo, RunRecord
from pplns.server.answers import Answer, Draining, NoTopic, TooLarge, answer_error, answer_queued, answer_record
from pplns.server.process import Process, Served
from pplns.settings import topic_of
from pplns.state.cancel import cancel_run
from pplns.steps import Pipeline
from pplns.triggers.budgets import DeliveryKind, budget_of
from pplns.triggers.dead_letters import dead_letter
from pplns.triggers.envelope import Delivery, recognise
from pplns.triggers.forced import settle_forced
from pplns.triggers.messages import BadDelivery, PushMessage
from pplns.triggers.requests import Request
from pplns.triggers.topics import hand_over_to

MAX_PARAMS_BYTES = 1_000_000  # they are part of every record of the run
PUBLISH_SECONDS = 5.0  # of one try; the engine tries again while the margin lasts
DEAD_LETTER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run is asked for: a pipeline, in a process that serves it."""

    process: Process
    served: Served
    pipeline: Pipeline[..., Any]

    @property
    def topic(self) -> str | None:
        """The pipeline's own topic, for continuations and respond-async."""
        return topic_of(self.served.settings.topic, self.pipeline.name)

    def bounds(self, kind: DeliveryKind) -> Bounds:
        """Return what bounds an attempt for a request of a kind."""
        return Bounds(
            budget_s=budget_of(kind, self.served.settings),
            hand_over=None if self.topic is None else hand_over_to(self.topic, timeout_s=PUBLISH_SECONDS),
            hands_over_when_busy=kind == "schedule",
            drain=self.process.drain,
        )


def start(place: Place, request: Request, observer: Observer) -> Answer:
    """Run what a request asks for, as far as it may go, and return the answer.

    Raises: PplnsError for what is no push; that of a push is answered here."""
    try:
        delivery = recognise(request, pipeline=place.pipeline, settings=place.served.settings, now=datetime.now(UTC))
    except BadDelivery as refused:
        if refused.push is None:
            raise
        return _bury(place, refused.push, answer_error(refused))
    if delivery.message is None:
        return _deliver(place, delivery, observer, is_async=_prefers_async(request))
    try:
        answer = _deliver(place, delivery, observer, is_async=False)
    except PplnsError as error:
        answer = answer_error(error)
    return _bury(place, delivery.message, answer) if answer.is_final_refusal else answer


def resume(place: Place, run_id: str, request: Request, observer: Observer) -> Answer:
    """Go on with a run, whatever it ended in: a person's resume.

    Raises: PplnsError."""
    _check_empty(request)
    if place.process.drain.is_set:
        raise Draining
    record = resume_run(
        place.pipeline, run_id, store=place.served.store, settings=place.served.settings, observer=observer,
        bounds=place.bounds("api"),
    )  # fmt: skip
    return answer_record(record)


def cancel(place: Place, run_id: str, request: Request) -> Answer:
    """Cancel a run: 202 while its holder is asked to end it, 200 once it has ended.

    Raises: PplnsError."""
    _check_empty(request)
    record = cancel_run(
        place.served.store, place.pipeline.name, run_id, lease_seconds=place.served.settings.lease_seconds,
        on_end=report_end,
    )  # fmt: skip
    return answer_queued(record) if record.state == "running" else Answer(200, record.as_json())


def _deliver(place: Place, delivery: Delivery, observer: Observer, *, is_async: bool) -> Answer:
    _check_size(delivery.params)
    hands_over = delivery.kind == "schedule" and place.topic is not None
    if place.process.drain.is_set and not hands_over:
        raise Draining
    delivery = settle_forced(delivery, pipeline=place.pipeline.name, store=place.served.store)
    if is_async:
        return _queue(place, delivery)
    return answer_record(_run(place, delivery, observer))


def _run(place: Place, delivery: Delivery, observer: Observer) -> RunRecord:
    store, settings, bounds = place.served.store, place.served.settings, place.bounds(delivery.kind)
    if delivery.continuation is not None:
        return continue_run(
            place.pipeline, delivery.continuation.run_id, attempt=delivery.continuation.attempt, store=store,
            settings=settings, bounds=bounds, observer=observer,
        )  # fmt: skip
    return run_pipeline(
        place.pipeline, store=store, settings=settings, params=delivery.params, origin=delivery.origin,
        observer=observer, bounds=bounds,
    )  # fmt: skip


def _queue(place: Place, delivery: Delivery) -> Answer:
    """Publish a run to the pipeline's topic instead of running it here."""
    if place.topic is None:
        raise NoTopic(
            f"The pipeline {place.pipeline.name!r} has no topic here, so it can't answer before the run.",
            "`Prefer: respond-async` publishes the run to the pipeline's topic (PPLNS_TOPIC).",
            "Send the request without it, or with `Accept: application/x-ndjson` to follow the run.",
        )
    record = queue_run(
        place.pipeline, store=place.served.store, settings=place.served.settings, params=delivery.params,
        origin=delivery.origin, bounds=place.bounds(delivery.kind),
    )  # fmt: skip
    return answer_record(record) if record.final else answer_queued(record, is_async=True)


def _bury(place: Place, message: PushMessage, answer: Answer) -> Answer:
    """Publish a push that can't succeed to the dead letters and acknowledge it; without such a topic leave it."""
    topic = topic_of(place.served.settings.dead_letter_topic, place.pipeline.name)
    if topic is None or answer.body is None:
        return answer
    error: Mapping[str, str] = answer.body["error"]
    try:
        dead_letter(
            topic, message, error=ErrorInfo(error["code"], error["message"], error["hint"]),
            pipeline=place.pipeline.name, run_id=answer.body.get("run_id"), timeout_s=DEAD_LETTER_SECONDS,
        )  # fmt: skip
    except PplnsError as unpublished:
        return answer_error(unpublished)
    return Answer(200, answer.body)


def _prefers_async(request: Request) -> bool:
    """Tell whether the header Prefer (RFC 7240) asks for an answer before the run."""
    preferences = (request.header("prefer") or "").split(",")
    return any(one.partition(";")[0].strip().lower() == "respond-async" for one in preferences)


def _check_size(params: Mapping[str, Any]) -> None:
    size = len(json.dumps(dict(params)))
    if size > MAX_PARAMS_BYTES:
        raise TooLarge(
            f"The parameters take {size} bytes.",
            f"They take {MAX_PARAMS_BYTES} at most, since each record of the run has them.",
            "Put the data where the pipeline reads it, and send its place.",
        )


def _check_empty(request: Request) -> None:
    if request.body.strip() not in (b"", b"{}"):
        raise ParameterError("The request has a body.", "A run is resumed and cancelled as it stands.", "Send no body.")
