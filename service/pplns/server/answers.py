"""What is answered: the status of each outcome, the error shape, `Retry-After` and `Location`.

Pub/Sub acknowledges on 102, 200, 201, 202 and 204 only; every other status makes it deliver again."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pplns.errors import (
    KeyReused,
    LeaseHeld,
    NotFoundError,
    ParameterError,
    PplnsError,
    PublishError,
    RetryableError,
    StoreError,
    TooManyRuns,
)
from pplns.model.run import RunRecord
from pplns.server.routes import MethodNotAllowed
from pplns.triggers.callers import NotAllowed, NotAuthenticated
from pplns.triggers.messages import BadDelivery

RETRY_AFTER_SECONDS = 10  # where nothing says when: Pub/Sub's own least backoff
UNAVAILABLE_CODES = frozenset({"draining", "store_unavailable", "publish_failed", "budget_spent"})


class TooLarge(PplnsError):
    """A body, or the parameters in it, are larger than is taken."""

    code = "too_large"


class Draining(PplnsError):
    """The process ends and begins nothing more; another one takes the request."""

    code = "draining"

    def __init__(self) -> None:
        super().__init__("This instance is shutting down.", "Another one takes the request.", "Send it again.")


class NoTopic(PplnsError):
    """`respond-async` was asked for where the pipeline has no topic."""

    code = "no_topic"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as plain data; `body` is JSON, None for none."""

    status: int
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def is_final_refusal(self) -> bool:
        """Whether the same request can never become a success: a push of it goes to the dead letters."""
        return self.status in (400, 404, 413, 422)


STATUSES: Mapping[type[PplnsError], int] = {
    PplnsError: 500,
    ParameterError: 400,
    BadDelivery: 400,
    KeyReused: 400,
    NotAuthenticated: 401,
    NotAllowed: 403,
    NotFoundError: 404,
    MethodNotAllowed: 405,
    LeaseHeld: 409,
    TooLarge: 413,
    TooManyRuns: 429,
    NoTopic: 501,
    Draining: 503,
    PublishError: 503,
    RetryableError: 503,
    StoreError: 503,
}


def answer_record(record: RunRecord) -> Answer:
    """Return the answer to a request that ended with a run's record."""
    status = _status_of(record)
    headers: dict[str, str] = {}
    if status == 202:
        headers["Location"] = location_of(record)
    if status == 503:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return Answer(status, record.as_json(), headers)


def answer_queued(record: RunRecord, *, is_async: bool = False) -> Answer:
    """Return the answer about a run that goes on elsewhere, or later: 202, and where to look.

    `is_async` confirms `Prefer: respond-async` (RFC 7240)."""
    headers = {"Location": location_of(record)}
    if is_async:
        headers["Preference-Applied"] = "respond-async"
    return Answer(202, record.as_json(), headers)


def location_of(record: RunRecord) -> str:
    """Return the path of a run."""
    return f"/pipelines/{record.pipeline}/runs/{record.run_id}"


def answer_error(error: PplnsError) -> Answer:
    """Return the answer to a request that ended with an error of ours."""
    status = next(STATUSES[base] for base in type(error).__mro__ if base in STATUSES)
    headers: dict[str, str] = {}
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status in (409, 429, 503):
        headers["Retry-After"] = str(_retry_after(error))
    return Answer(status, error_body(error.code, error.message, error.hint), headers)


def answer_internal(reference: str) -> Answer:
    """Return the answer to a request that met a fault of pplns itself, which the log has under the reference."""
    return Answer(500, error_body(
        "internal",
        f"pplns itself failed. Reference: {reference}.",
        "The service's log has the cause under that reference; report it.",
    ))  # fmt: skip


def error_body(code: str, message: str, hint: str) -> dict[str, Any]:
    """Return the error shape."""
    return {"error": {"code": code, "message": message, "hint": hint}}


def _status_of(record: RunRecord) -> int:
    if record.state in ("succeeded", "cancelled"):
        return 200
    if record.state != "failed":
        return 500 if record.state == "lost" else 202
    if record.final:
        return 422
    return 503 if record.error is not None and record.error.code in UNAVAILABLE_CODES else 500


def _retry_after(error: PplnsError) -> int:
    seconds = getattr(error, "retry_after", None)
    return max(1, math.ceil(seconds)) if isinstance(seconds, int | float) and seconds > 0 else RETRY_AFTER_SECONDS
