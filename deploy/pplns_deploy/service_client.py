"""A pplns service as a command calls it: start a run, watch its events, ask how it stands.

A run that was begun goes on in the service whatever becomes of the connection. So a stream that breaks off is followed
up by asking for the run until it has ended; and a start whose answer was lost, or whose run was put off because the
service is started anew, is repeated under the same `Idempotency-Key`, which makes it the same run."""

import itertools
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import requests

from pplns.engine.event_lines import read_line
from pplns.engine.events import AttemptEnded, AttemptStarted, Event, Observer, StepCommitted, StepReused
from pplns.errors import ConfigError, NotFoundError, PplnsError
from pplns.model.names import is_name, shorten
from pplns.model.run import ENDED, RunRecord

SILENCE_SECONDS = 60  # a stream sends a heartbeat every 15 s
TRIES = 5  # of a call whose answer was lost
RESTART_TRIES = 15  # of one whose run was begun: a minute, for a service that starts anew
POLL_SECONDS = (0.5, 1.0, 1.0, 2.0, 3.0, 5.0)  # between two questions how a run stands; then always the last
LOOPBACK = ("127.0.0.1", "localhost", "::1")
OVER: frozenset[str] = ENDED | {"lost"}

Wait = Callable[[float], None]


def no_token() -> str | None:
    """Return None: the token of a caller who needs none."""
    return None


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """The service at a URL. `find_token` returns the identity token to send with a call, or None. `host` is the name
    that it has at an address which several services share, as those of a stand-in of Cloud Run do."""

    url: str
    find_token: Callable[[], str | None] = no_token
    wait: Wait = time.sleep
    host: str | None = None

    def run(self, pipeline: str, params: Mapping[str, Any], *, observer: Observer) -> RunRecord:
        """Run a pipeline, tell the observer what happens, and return the record once the run has ended.

        Raises: PplnsError as the service answers it; ConfigError where it can't be reached."""
        watched = Watched(observer)
        headers = {"Idempotency-Key": secrets.token_hex(16), "Accept": "application/x-ndjson"}
        body = {"params": dict(params)}
        put_off: RunRecord | None = None
        for number in range(RESTART_TRIES):
            record = self._watch(pipeline, body, headers, watched=watched, is_repeat=number > 0)
            if record is not None and record.state in OVER:
                if not _is_put_off(record):
                    return record
                put_off = record
            elif put_off is None and (run_id := record.run_id if record else watched.run_id) is not None:
                return self.follow(pipeline, run_id, watched=watched)
            if put_off is None and number + 1 == TRIES:
                break
            self.wait(_pause(number))
        if put_off is not None:
            return put_off
        raise self._unreachable("the connection broke off each time")

    def start(self, pipeline: str, params: Mapping[str, Any]) -> RunRecord:
        """Have a message to the pipeline's topic run it, and return the record of the run that waits for that.

        Raises: PplnsError as the service answers it; ConfigError where it can't be reached."""
        headers = {"Idempotency-Key": secrets.token_hex(16), "Prefer": "respond-async"}
        for number in range(TRIES):
            try:
                with self._call("POST", runs_path(pipeline), headers, {"params": dict(params)}) as response:
                    return self._record(response)
            except requests.RequestException as error:
                if _is_refusal(error):
                    raise self._unreachable(error) from None
            self.wait(_pause(number))
        raise self._unreachable("the connection broke off each time")

    def read(self, pipeline: str, run_id: str) -> RunRecord:
        """Return how a run stands.

        Raises: PplnsError as the service answers it; requests.RequestException where the connection breaks."""
        with self._call("GET", f"{runs_path(pipeline)}/{run_id}") as response:
            return self._record(response)

    def follow(self, pipeline: str, run_id: str, *, watched: "Watched") -> RunRecord:
        """Ask how a run stands until it has ended, and tell of the steps that were committed meanwhile.

        Raises: PplnsError as the service answers it; ConfigError where it can't be reached any more."""
        failures = 0
        for number in itertools.count():
            try:
                record = self.read(pipeline, run_id)
                failures = 0
            except requests.RequestException as error:
                failures += 1
                if failures == RESTART_TRIES:
                    raise self._unreachable(error) from None
            else:
                watched.catch_up(record)
                if record.state in OVER:
                    return record
            self.wait(_pause(number))
        raise AssertionError

    def _watch(
        self, pipeline: str, body: Any, headers: Mapping[str, str], *, watched: "Watched", is_repeat: bool
    ) -> RunRecord | None:
        """Start a run and watch its stream; return its record, or None where the stream broke off."""
        try:
            with self._call("POST", runs_path(pipeline), headers, body, is_stream=True) as response:
                for document in self._documents(response):
                    if document.keys() == {"error"}:
                        if is_repeat and document["error"].get("code") in ("lease_held", "draining"):
                            return None  # held by the request whose answer was lost, or by what ends just now
                        raise _refusal(response.status_code, document)
                    event = self._event(response, document)
                    if isinstance(event, AttemptEnded):
                        return event.record
                    if event is not None:
                        watched(event)
        except requests.RequestException as error:
            if _is_refusal(error) and not is_repeat:
                raise self._unreachable(error) from None
        return None

    def _call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        *,
        is_stream: bool = False,
    ) -> requests.Response:
        token = self.find_token()
        sent = dict(headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        sent |= {"Host": self.host} if self.host else {}
        with requests.Session() as session:
            if urlsplit(self.url).hostname in LOOPBACK:
                session.trust_env = False  # no proxy stands between programs of one machine
            response = session.request(
                method, self.url.rstrip("/") + path, headers=sent, json=body, timeout=SILENCE_SECONDS,
                stream=is_stream, allow_redirects=False,
            )  # fmt: skip
        if response.is_redirect:
            response.close()
            raise self._moved(response.headers["Location"])
        return response

    def _documents(self, response: requests.Response) -> Iterator[dict[str, Any]]:
        """Yield the lines of a stream, or the one document of an answer that is none."""
        if response.headers.get("Content-Type", "").startswith("application/x-ndjson"):
            for line in response.iter_lines(chunk_size=1):
                try:
                    yield from [json.loads(line)] if line else []
                except ValueError:  # half a line: it broke off
                    return
            return
        try:
            yield dict(json.loads(response.content))
        except (ValueError, TypeError):
            raise self._no_service(response.status_code) from None

    def _event(self, response: requests.Response, document: Mapping[str, Any]) -> Event | None:
        try:
            return read_line(document)
        except ValueError:
            raise self._no_service(response.status_code) from None

    def _record(self, response: requests.Response) -> RunRecord:
        try:
            document = response.json()
            if "run_id" not in document:
                raise _refusal(response.status_code, document)
            event = read_line(document)
            assert isinstance(event, AttemptEnded)
            return event.record
        except (ValueError, TypeError, AttributeError):
            raise self._no_service(response.status_code) from None

    def _unreachable(self, problem: object) -> ConfigError:
        return ConfigError(
            f"The service at {self.url!r} can't be reached: {_innermost(problem)}.",
            "A service of pplns answers there.",
            "Correct --url, or start the service (`pplns dev`, `pplns serve`); one that starts just now answers soon.",
        )

    def _moved(self, location: str) -> ConfigError:
        """Return the error for a redirect: followed, a POST would become a GET and start nothing."""
        return ConfigError(
            f"{self.url!r} sends its callers elsewhere, to {shorten(location)}.",
            "A service answers at its own address; those of Cloud Run begin with https://.",
            "Correct --url.",
        )

    def _no_service(self, status: int) -> PplnsError:
        if status in (401, 403):
            return _unauthorised(status)
        return ConfigError(
            f"{self.url!r} answered {status} with what no service of pplns answers.",
            "It answers JSON at /pipelines.",
            "Correct --url.",
        )


class Watched:
    """An observer of a run in a service that knows which of its events it was told already."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._attempts: set[int] = set()
        self._done: set[str] = set()
        self.run_id: str | None = None

    def __call__(self, event: Event) -> None:
        """Pass an event on."""
        if isinstance(event, AttemptStarted):
            self.run_id = event.run_id
            self._attempts.add(event.attempt)
            self._done |= set(event.reused)
        elif isinstance(event, StepCommitted | StepReused):
            self._done.add(event.step)
        self._observer(event)

    def catch_up(self, record: RunRecord) -> None:
        """Tell what a record says and no event did: another attempt, and steps that were committed."""
        if record.attempt and record.attempt not in self._attempts and record.steps:
            steps = tuple(step.step for step in record.steps)
            self(
                AttemptStarted(
                    pipeline=record.pipeline, run_id=record.run_id, attempt=record.attempt, steps=steps, reused=()
                )
            )
        for step in record.steps:
            if step.state == "succeeded" and step.step not in self._done:
                line = {"event": "step_committed", **step.as_json()}
                self(cast("StepCommitted", read_line(line)))


def runs_path(pipeline: str) -> str:
    """Return the path of a pipeline's runs.

    Raises: NotFoundError for what can be no pipeline's name."""
    if not is_name(pipeline):
        raise NotFoundError(f"{shorten(pipeline)} can be no pipeline's name.", "", "See `pplns list`.")
    return f"/pipelines/{pipeline}/runs"


def _refusal(status: int, document: Mapping[str, Any]) -> PplnsError:
    """Return the error that a service answered, as the class that has its code."""
    found = document.get("error")
    error: Mapping[str, Any] = cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}
    if not error.get("message"):
        return _unauthorised(status) if status in (401, 403) else PplnsError(f"The service answered {status}.")
    refusal = _class_of(status, str(error.get("code")))(str(error["message"]), "", str(error.get("hint") or ""))
    refusal.code = str(error.get("code") or refusal.code)
    return refusal


def _class_of(status: int, code: str) -> type[PplnsError]:
    """Return the class whose exit code fits: by the code of the answer, else by its status."""
    from pplns.errors import KeyReused, ParameterError, StoreError

    by_code: dict[str, type[PplnsError]] = {"key_reused": KeyReused, "store_unavailable": StoreError}
    by_status: dict[int, type[PplnsError]] = {400: ParameterError, 404: NotFoundError}
    return by_code.get(code) or by_status.get(status) or (ConfigError if status in (401, 403) else PplnsError)


def _unauthorised(status: int) -> ConfigError:
    return ConfigError(
        f"The service answered {status}: it doesn't take this caller.",
        "It takes callers with an identity token, of an account that may invoke it.",
        "Call a deployed pipeline by `pplns trigger NAME --env ENV`, else give a token: --token TOKEN.",
    )


def _is_put_off(record: RunRecord) -> bool:
    """Tell whether the service ended during a run, for a reload say: the same request to the next one goes on."""
    return not record.final and record.error is not None and record.error.code == "draining"


def _is_refusal(error: requests.RequestException) -> bool:
    """Tell whether nobody listens at all, so that nothing can have been begun."""
    return isinstance(error, requests.ConnectionError) and any(
        word in str(error) for word in ("NewConnectionError", "NameResolutionError", "SSLError", "refused")
    )


def _innermost(problem: object) -> str:
    text = str(problem)
    return text.rpartition(": ")[2].rstrip("\"')") if isinstance(problem, Exception) else text


def _pause(number: int) -> float:
    return POLL_SECONDS[min(number, len(POLL_SECONDS) - 1)]
