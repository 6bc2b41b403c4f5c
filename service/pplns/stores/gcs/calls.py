"""One request to Cloud Storage, sent again until it is answered or its time is up.

What may be repeated is decided by whoever calls: every write carries a precondition, so a repeat can't do harm, but it
can be refused because of the first try, which landed and whose answer was lost. `Answer.in_doubt` says that."""

import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pplns.stores.gcs.addresses import Address
from pplns.stores.gcs.patience import DATA_PATIENCE, Patience, Tries
from pplns.stores.gcs.refusals import no_answer, quoted, refusal, stale_credentials, unusable_endpoint
from pplns.stores.gcs.sessions import Session, open_session

NO_ANSWER = 0  # in place of a status: the connection broke, or the answer didn't come in time
TRANSIENT = frozenset({NO_ANSWER, 408, 429, 500, 502, 503, 504})
NEVER_LANDED = frozenset({429})  # refused before anything was written


@dataclass(frozen=True, slots=True)
class Request:
    """A request; `what` says it in messages, `accepted` are the statuses beside 2xx that the caller understands.

    `url` begins at the API's root (`storage/v1/…`), or is whole: that of an upload begun before."""

    what: str
    method: str
    url: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    accepted: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read to its end. `in_doubt`: an earlier try of the same call may have had its effect."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    in_doubt: bool = False

    @property
    def is_transient(self) -> bool:
        """Whether a later try may be answered otherwise."""
        return self.status in TRANSIENT

    @property
    def retry_after_s(self) -> float:
        """How long Cloud Storage asks to wait."""
        text = self.headers.get("Retry-After", "")
        return float(text) if text.isdecimal() else 0.0

    @property
    def summary(self) -> str:
        """The answer in a line, for messages."""
        return f"{self.status} {quoted(self.body)}".removeprefix(f"{NO_ANSWER} ").strip()

    def json(self) -> Any:
        """Return the body, which is a JSON document."""
        return json.loads(self.body)


class Calls:
    """Calls to one bucket, from any thread. A process that was forked makes a session of its own."""

    def __init__(
        self, address: Address, *, patience: Patience = DATA_PATIENCE, connect: Callable[[], Session] = open_session
    ) -> None:
        self.address = address
        self.patience = patience
        self.has_succeeded = False
        self._connect = connect
        self._session: Session | None = None
        self._guard = threading.Lock()

    def connect(self) -> Session:
        """Return the session of this process, made when it is first asked for.

        Raises: StoreError where there are no credentials."""
        with self._guard:
            if self._session is None or self._session.process != os.getpid():
                self._session = self._connect()
            return self._session

    def call(self, request: Request, *, patience: Patience | None = None) -> Answer:
        """Send a request until it is answered.

        Raises: StoreError when the time is up, or for an answer that the request doesn't accept."""
        patience = patience or self.patience
        tries = Tries(patience)
        in_doubt = False
        while True:
            answer = self.send(request, tries)
            if not answer.is_transient:
                return replace(self.check(request, answer), in_doubt=in_doubt)
            in_doubt = in_doubt or answer.status not in NEVER_LANDED
            self.pause(request, answer, tries=tries, patience=patience)

    def pause(self, request: Request, answer: Answer, *, tries: Tries, patience: Patience) -> None:
        """Wait before the next try.

        Raises: StoreError when the time of the call is up."""
        if not tries.wait(answer.retry_after_s):
            raise no_answer(self.address, request.what, seconds=patience.seconds, last=answer.summary)

    def check(self, request: Request, answer: Answer) -> Answer:
        """Return an answer that the request accepts.

        Raises: StoreError for another one."""
        if 200 <= answer.status < 300:
            self.has_succeeded = True
        elif answer.status not in request.accepted:
            raise refusal(self.address, request.what, status=answer.status, body=answer.body)
        return answer

    def send(self, request: Request, tries: Tries) -> Answer:
        """Send a request once. A broken connection or a late answer counts as an answer without a status.

        Raises: StoreError for credentials or an endpoint that no repeat would mend."""
        from google.auth.exceptions import GoogleAuthError, TransportError

        session = self.connect()
        try:
            return _exchange(session, request, tries.timeout_s)
        except GoogleAuthError as error:
            if not isinstance(error, TransportError) and not getattr(error, "retryable", False):
                raise stale_credentials(error) from error
            return _no_answer(error)
        except ValueError as error:  # requests' own InvalidURL and its kin, which are OSErrors as well
            raise unusable_endpoint(session.root, error) from error
        except OSError as error:
            return _no_answer(error)


def _no_answer(error: Exception) -> Answer:
    """Return what stands for an answer that didn't come; requests wraps the reason into errors of its own."""
    wrapped = error.args[0] if error.args else None
    reason = getattr(wrapped, "reason", None) or error
    return Answer(NO_ANSWER, {}, f"{type(reason).__name__}: {reason}".encode())


def _exchange(session: Session, request: Request, timeout_s: tuple[float, float]) -> Answer:
    url = request.url if "://" in request.url else f"{session.root}/{request.url}"
    response = session.http.request(
        request.method, url, params=request.query, headers={"Accept-Encoding": "identity", **request.headers},
        data=request.body, timeout=timeout_s, allow_redirects=False,
    )  # fmt: skip
    body = response.content
    expected = response.headers.get("Content-Length")
    if expected is not None and len(body) < int(expected):
        raise ConnectionError(f"the answer broke off after {len(body)} of {expected} bytes")
    return Answer(response.status_code, response.headers, body)
