"""Events of a run as lines of JSON while it goes on: `Accept: application/x-ndjson`.

The run has a thread of its own, so that a caller who goes away doesn't stop it. The status is sent with the first
event; what ends before there is one is answered with its own status, as a single line."""

import contextvars
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import MappingProxyType

from pplns.engine.event_lines import HEARTBEAT, as_line
from pplns.engine.events import AttemptEnded, Event, Observer
from pplns.server.answers import Answer

MEDIA_TYPE = "application/x-ndjson"
HEARTBEAT_SECONDS = 15.0  # proxies close connections that are silent for longer than a minute or so

NO_HEADERS: Mapping[str, str] = MappingProxyType({})

Work = Callable[[Observer], Answer]


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer that is sent line by line. `wait` returns when the run behind it has ended."""

    status: int
    headers: Mapping[str, str]
    lines: Iterator[bytes]
    wait: Callable[[], None]


def stream(work: Work) -> Streamed:
    """Begin some work in a thread and return its events as lines once the first is known, its answer the last."""
    news: SimpleQueue[Event | Answer] = SimpleQueue()
    context = contextvars.copy_context()
    thread = threading.Thread(
        target=lambda: news.put(context.run(work, news.put)), name="pplns-stream", daemon=True
    )  # daemon: a process that ends doesn't wait for a caller
    thread.start()
    first = news.get()
    status, headers = (first.status, first.headers) if isinstance(first, Answer) else (200, NO_HEADERS)
    return Streamed(status, headers, _lines(first, news), thread.join)


def encode(value: object) -> bytes:
    """Return a line."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def _lines(first: Event | Answer, news: "SimpleQueue[Event | Answer]") -> Iterator[bytes]:
    event: Event | Answer | None = first
    while not isinstance(event, Answer):
        if event is None:
            yield encode(HEARTBEAT)
        elif not isinstance(event, AttemptEnded):  # the record comes last, as the answer
            yield encode(as_line(event))
        event = _next(news)
    yield encode(event.body)


def _next(news: "SimpleQueue[Event | Answer]") -> Event | Answer | None:
    try:
        return news.get(timeout=HEARTBEAT_SECONDS)
    except Empty:
        return None
