"""What went wrong at BigQuery, as an error that says whether a later try may help. Pure: it reads errors only.

The reason that BigQuery gives counts more than the status: 403 is both 'you may not' and 'not so fast', and the
client turns a reason that it doesn't know into a 500."""

from typing import Any

from pplns import RetryableError, TerminalError

# https://cloud.google.com/bigquery/docs/error-messages
TRANSIENT_REASONS = frozenset({
    "backendError", "badGateway", "internalError", "jobBackendError", "jobInternalError", "jobRateLimitExceeded",
    "rateLimitExceeded", "tableUnavailable", "timeout",
})  # fmt: skip
TRANSIENT_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
QUOTA_SECONDS = 600.0  # Google's advice for quotaExceeded: at least 10 minutes

REMEDIES = {
    400: "Compare the table's schema with the columns that the README lists.",
    401: "Log in with `gcloud auth application-default login`.",
    403: "Give the account bigquery.jobUser on the project and bigquery.dataEditor on the dataset.",
    404: "Create the dataset and its tables as the README says, or correct project, dataset and location.",
}


def refusal_of(error: Exception, *, what: str) -> RetryableError | TerminalError:
    """Return what to raise for an error of Google's libraries; `what` is what was being done."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, Exception):  # of a RetryError: what the client met until its own retries ended
        return refusal_of(cause, what=what)
    if getattr(error, "code", None) is None:
        return _refusal_without_status(error, what=what)
    reason = reason_of(error)
    met = f"BigQuery refused to {what}: {_text(error)}."
    if reason == "quotaExceeded":
        return RetryableError(
            met, "A quota of the project is used up.", "Wait, or raise it.", retry_after=QUOTA_SECONDS
        )
    if is_transient(error, reason=reason):
        return RetryableError(met, "Such errors pass.", "Try again later.", retry_after=retry_after_of(error))
    return TerminalError(met, "The same request would be refused again.", remedy_of(error))


def is_transient(error: Any, *, reason: str | None) -> bool:
    """Tell whether a later try may help: by BigQuery's reason, without one by the status."""
    return error.code in TRANSIENT_STATUSES if reason is None else reason in TRANSIENT_REASONS


def reason_of(error: Any) -> str | None:
    """Return the reason that BigQuery gave, or None where the answer came from another server, a proxy say."""
    first = next(iter(error.errors or ()), None)
    return first.get("reason") if isinstance(first, dict) else None


def retry_after_of(error: Any) -> float | None:
    """Return the seconds that the answer's Retry-After asks for, or None."""
    response = getattr(error, "response", None)
    text = str(getattr(response, "headers", {}).get("Retry-After", ""))
    return float(text) if text.isdecimal() else None


def remedy_of(error: Any) -> str:
    """Return what to do about an error that no retry helps."""
    return REMEDIES.get(error.code, "Look at the load or query in the console, correct what it names, then resume.")


def _refusal_without_status(error: Exception, *, what: str) -> RetryableError | TerminalError:
    from google.auth.exceptions import GoogleAuthError, TransportError

    met = f"BigQuery wasn't reached to {what}: {type(error).__name__}: {_text(error)}."
    if isinstance(error, GoogleAuthError) and not isinstance(error, TransportError):
        return TerminalError(met, "The credentials of this machine are used.", REMEDIES[401])
    return RetryableError(met, "It answers, and in time.", "Try again; what was begun is found again by its id.")


def _text(error: Exception) -> str:
    return str(error).rstrip(". ")
