"""Publishing to topics: a run's continuations, and messages that failed for good.

One synchronous client a process, over REST, made when first needed: no thread of its own that could hold a message
when Cloud Run takes the CPU away, none that a fork would lose. A message may be published twice when an answer is
lost; whoever receives it takes care of that. PUBSUB_EMULATOR_HOST is honoured as Google's own clients do."""

import os
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, cast

from pplns.engine.bounds import HandOver
from pplns.errors import PublishError
from pplns.state.runs import RunHead
from pplns.triggers.continuation import Continuation
from pplns.triggers.refusals import no_credentials, refused, unconfirmed, unreachable

ANSWER_SECONDS = 10.0  # of one try; Pub/Sub answers within tenths of one
NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})
_TRANSIENT = frozenset({408, 409, 429, 499})  # and all from 500 on: Pub/Sub, "Retry requests"
_clients: dict[tuple[int, str], Any] = {}


def publish(topic: str, data: bytes, *, attributes: Mapping[str, str] = NO_ATTRIBUTES, timeout_s: float) -> str:
    """Publish a message to `projects/PROJECT/topics/NAME` and return its id, once that is confirmed.

    Tries again until `timeout_s` is over, with growing waits.

    Raises: PublishError; the message may have been published all the same, where an answer was lost."""
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.api_core.retry import Retry
    from google.auth.exceptions import GoogleAuthError

    send = _sender(topic, data, attributes, ends=time.monotonic() + timeout_s)
    again = Retry(predicate=_may_pass, initial=0.2, maximum=8.0, multiplier=2.0, timeout=timeout_s)
    try:
        return cast("str", cast("Any", again(send))())
    except RetryError as error:
        raise unreachable(topic, timeout_s, cast("Any", error).cause) from error
    except GoogleAPICallError as error:
        raise refused(topic, error) from error
    except GoogleAuthError as error:
        raise no_credentials(topic, error) from error
    except OSError as error:  # an address that is none, of an emulator say
        raise unreachable(topic, timeout_s, error) from error


def hand_over_to(topic: str, *, timeout_s: float) -> HandOver:
    """Return what hands a run over to its pipeline's topic: it publishes the continuation and returns its id."""

    def hand_over(head: RunHead, attempt: int) -> str:
        message = Continuation(head.pipeline, head.run_id, attempt)
        return publish(topic, message.as_bytes(), attributes=message.attributes, timeout_s=timeout_s)

    return hand_over


def _sender(topic: str, data: bytes, attributes: Mapping[str, str], *, ends: float) -> Callable[[], str]:
    def send() -> str:
        left = max(0.1, ends - time.monotonic())
        message = {"data": data, "attributes": dict(attributes)}
        request = {"topic": topic, "messages": [message]}
        answer = _client().publish(request=request, retry=None, timeout=min(ANSWER_SECONDS, left))
        if not answer.message_ids or not answer.message_ids[0]:
            raise unconfirmed(topic)
        return str(answer.message_ids[0])

    return send


def _may_pass(error: Exception) -> bool:
    """Tell whether a later try may be answered otherwise."""
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError, TransportError

    if isinstance(error, GoogleAPICallError):
        return error.code is not None and (error.code in _TRANSIENT or error.code >= 500)
    if isinstance(error, GoogleAuthError):
        return isinstance(error, TransportError) or bool(cast("Any", error).retryable)
    if isinstance(error, PublishError):  # an answer without an id
        return True
    return _is_broken(error)


def _is_broken(error: Exception) -> bool:
    """Tell whether a connection broke, or an answer did, rather than an address being none."""
    from google.protobuf.json_format import ParseError  # type: ignore[import-untyped]

    return isinstance(error, ParseError) or (isinstance(error, OSError) and not isinstance(error, ValueError))


def _client() -> Any:
    """Return this process's client. Two threads may each make one; then one of them is kept."""
    emulator = os.environ.get("PUBSUB_EMULATOR_HOST", "")  # the name that Google's own clients read
    key = (os.getpid(), emulator)
    return _clients.get(key) or _clients.setdefault(key, _connect(emulator))


def _connect(emulator: str) -> Any:
    from google.pubsub_v1.services.publisher import PublisherClient

    make: Any = PublisherClient
    if not emulator:
        return make(transport="rest")
    from google.auth.credentials import AnonymousCredentials
    from google.pubsub_v1.services.publisher.transports.rest import PublisherRestTransport

    scheme, _, host = emulator.rpartition("://")
    transport: Any = PublisherRestTransport
    anonymous: Any = AnonymousCredentials
    return make(transport=transport(host=host.rstrip("/"), credentials=anonymous(), url_scheme=scheme or "http"))
