"""Who asks, and how much: the token of the caller, the size of the body."""

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from pplns.server.answers import TooLarge
from pplns.settings import Settings
from pplns.triggers.callers import check_caller
from pplns.triggers.messages import BadDelivery
from pplns.triggers.requests import Request

if TYPE_CHECKING:
    from werkzeug.wrappers import Request as WebRequest

MAX_BODY_BYTES = 32 * 1024 * 1024  # what Cloud Run takes over HTTP/1
MAX_READ_ON_BYTES = 4 * MAX_BODY_BYTES
CHUNK_BYTES = 1024 * 1024


def read_head(web: "WebRequest") -> Request:
    """Return a request as plain data, its body unread."""
    headers = {name.lower(): value for name, value in web.headers.items()}
    return Request(method=web.method, path=web.path, headers=headers, body=b"")


def read_request(web: "WebRequest") -> Request:
    """Return a request as plain data, its body read.

    Raises: TooLarge; BadDelivery for a body that breaks off, since its beginning may pass for another request."""
    body = _read_body(web)
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge(
            f"The body takes {web.content_length or f'more than {MAX_BODY_BYTES}'} bytes.",
            f"It takes {MAX_BODY_BYTES} at most, as on Cloud Run.",
            "Put the data where the pipeline reads it, and send its place.",
        )
    return replace(read_head(web), body=body)


def read_on(web: "WebRequest") -> None:
    """Read what is left of a body once the answer is known, within reason.

    A caller that is still sending hears no answer, and gunicorn would close the connection without a word.
    functions-framework does the same by itself."""
    with contextlib.suppress(Exception):  # each server has errors of its own
        for _ in range(MAX_READ_ON_BYTES // CHUNK_BYTES):
            if not web.stream.read(CHUNK_BYTES):
                return


def check_access(request: Request, settings: Settings) -> None:
    """Refuse a caller without a token for this service, where the settings name an audience.

    Raises: NotAuthenticated, NotAllowed, CannotVerify."""
    if settings.audience is not None:
        check_caller(
            request, audience=settings.audience, allowed=settings.allowed_callers,
            certificates_url=settings.certificates_url, cloud_run_checks=settings.cloud_run_checks,
        )  # fmt: skip


def _read_body(web: "WebRequest") -> bytes:
    """Return a body, or its beginning where it is larger than is taken."""
    try:
        body = web.stream.read(MAX_BODY_BYTES + 1)
    except Exception as error:  # each server has its own for chunks that are none and connections that are gone
        raise _broken_off(f"{type(error).__name__}: {error}".rstrip(": ")) from error
    announced = min(web.content_length or 0, MAX_BODY_BYTES)
    if len(body) < announced:
        raise _broken_off(f"{len(body)} bytes of {web.content_length} came")
    return body


def _broken_off(reason: str) -> BadDelivery:
    return BadDelivery(
        f"The body can't be read to its end: {reason}.",
        "It has as many bytes as Content-Length says, or comes in whole chunks.",
        "Send the request again.",
    )
