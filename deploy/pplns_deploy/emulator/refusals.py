"""How an API says no: a code, a canonical status and a message, in the shape of Google's errors.

Source of the codes and their names: https://cloud.google.com/apis/design/errors#handling_errors"""

from typing import Any

from pplns.errors import PplnsError

HTTP_CODES = {
    "INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404, "ABORTED": 409, "ALREADY_EXISTS": 409, "CONDITION_NOT_MET": 412, "RANGE_NOT_SATISFIABLE": 416,
    "RESOURCE_EXHAUSTED": 429, "INTERNAL": 500, "UNIMPLEMENTED": 501, "UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 504,
}  # fmt: skip
RPC_CODES = {
    "INVALID_ARGUMENT": 3, "DEADLINE_EXCEEDED": 4, "NOT_FOUND": 5, "ALREADY_EXISTS": 6, "PERMISSION_DENIED": 7,
    "RESOURCE_EXHAUSTED": 8, "FAILED_PRECONDITION": 9, "ABORTED": 10, "UNIMPLEMENTED": 12, "INTERNAL": 13,
    "UNAVAILABLE": 14, "UNAUTHENTICATED": 16,
}  # fmt: skip
REASONS = {  # Cloud Storage's own words, which its clients read
    400: "invalid", 401: "required", 403: "forbidden", 404: "notFound", 409: "conflict", 412: "conditionNotMet",
    416: "requestedRangeNotSatisfiable", 429: "rateLimitExceeded", 500: "backendError", 503: "backendError",
}  # fmt: skip


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: str, message: str, *, details: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = details or []

    @property
    def code(self) -> int:
        """Return the HTTP status."""
        return HTTP_CODES[self.status]

    def document(self) -> dict[str, Any]:
        """Return the body of the answer."""
        reason = {"message": self.message, "domain": "global", "reason": REASONS.get(self.code, "invalid")}
        error: dict[str, Any] = {"code": self.code, "message": self.message, "status": self.status, "errors": [reason]}
        return {"error": error | ({"details": self.details} if self.details else {})}


class StandInError(PplnsError):
    """The stand-in can't be started."""


def invalid(message: str) -> Refusal:
    """Return the refusal of a value."""
    return Refusal("INVALID_ARGUMENT", message)


def missing(name: str) -> Refusal:
    """Return the refusal of a name that nothing has."""
    return Refusal("NOT_FOUND", f"Resource '{name}' was not found")


def denied(permission: str, resource: str) -> Refusal:
    """Return the refusal of a caller who lacks a permission."""
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "IAM_PERMISSION_DENIED",
        "domain": "iam.googleapis.com",
        "metadata": {"permission": permission, "resource": resource},
    }
    message = f"Permission '{permission}' denied on resource '{resource}' (or it may not exist)."
    return Refusal("PERMISSION_DENIED", message, details=[info])
