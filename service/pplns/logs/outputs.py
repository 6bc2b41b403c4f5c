"""Outputs: a log line as JSON on stdout, as text on a terminal, or handed to the library of Cloud Logging."""

from __future__ import annotations

import json
import logging
import sys
import threading
from typing import Any, Literal, Protocol, TextIO

from pplns.logs.lines import Line, encode, new_line, trace_name
from pplns.logs.places import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.logs.lines import Severity


LogFormat = Literal["auto", "json", "text"]

SEVERITY_WIDTH = 8
_COLOURS: dict[Severity, str] = {"DEBUG": "2", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}
_LEVELS: dict[Severity, int] = {"DEFAULT": 0, "DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}


class Output(Protocol):
    """Where lines go."""

    def write(self, line: Line, encoded: str) -> None:
        """Take a line; `encoded` is its JSON."""
        ...


class JsonOutput:
    """Writes one JSON object a line, as Cloud Run reads it from stdout."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._guard = threading.Lock()

    def write(self, line: Line, encoded: str) -> None:
        """Write a line in one piece; where the stream doesn't take UTF-8, in ASCII."""
        if not encoded.isascii() and (self._stream.encoding or "utf-8").lower().replace("-", "") != "utf8":
            encoded = json.dumps(json.loads(encoded), separators=(",", ":"))
        with self._guard:
            _write(self._stream, encoded)


class TextOutput:
    """Writes lines for people; with `is_coloured` in the colour of their severity."""

    def __init__(self, stream: TextIO, *, is_coloured: bool) -> None:
        self._stream = stream
        self._is_coloured = is_coloured
        self._guard = threading.Lock()

    def write(self, line: Line, encoded: str) -> None:
        """Write a line, a traceback below it."""
        with self._guard:
            _write(self._stream, "\n".join(text_lines(line, is_coloured=self._is_coloured)))


class CloudOutput:
    """Hands lines to a handler of google-cloud-logging, which sends them from a thread of its own.

    The library is imported and its client made with the first line: neither survives a fork. Where that fails, without
    credentials say, lines go to `otherwise`, and one of them says why."""

    def __init__(self, project: str | None, *, otherwise: Output, handler: logging.Handler | None = None) -> None:
        self._project = project
        self._otherwise = otherwise
        self._handler = handler
        self._has_failed = False
        self._guard = threading.Lock()

    def write(self, line: Line, encoded: str) -> None:
        """Send a line."""
        handler = self._ready()
        if handler is None:
            self._otherwise.write(line, encoded)
        else:
            handler.handle(_record_of(line, self._project))

    def _ready(self) -> logging.Handler | None:
        with self._guard:
            if self._handler is None and not self._has_failed:
                try:
                    self._handler = _cloud_handler(self._project)
                except Exception as error:  # whatever it is, a log ends no run
                    self._has_failed = True
                    self._complain(error)
            return self._handler

    def _complain(self, error: Exception) -> None:
        said = f"PPLNS_CLOUD_LOGGING is set, but lines can't be sent: {error} They are written here instead."
        line = new_line("ERROR", said)
        self._otherwise.write(line, encode(line))


def open_output(
    stream: TextIO,
    log_format: LogFormat,
    *,
    is_on_cloud_run: bool,
    project: str | None,
    sends: bool,
    no_color: bool = False,
) -> Output:
    """Return where a service's lines go. `auto` is JSON on Cloud Run unless a terminal reads along; `sends`: by the
    library of Cloud Logging. `no_color` keeps colours from a terminal (no-color.org)."""
    is_terminal = stream.isatty()
    written: Output = TextOutput(stream, is_coloured=is_terminal and not no_color)
    if log_format == "json" or (log_format == "auto" and is_on_cloud_run and not is_terminal):
        written = JsonOutput(stream)
    return CloudOutput(project, otherwise=written) if sends else written


def text_lines(line: Line, *, is_coloured: bool) -> list[str]:
    """Return the text of a line: `06:00:01 WARNING  daily_sales/… load  3 rows without a price`."""
    first, *more = line.message.split("\n")
    if line.stack_trace:
        more += line.stack_trace.splitlines()
    head = f"{line.time.astimezone():%H:%M:%S} {line.severity:<{SEVERITY_WIDTH}} {speaker(line.place)}{visible(first)}"
    shown = [head.rstrip(), *(f"    {visible(one)}".rstrip() for one in more)]
    colour = _COLOURS.get(line.severity) if is_coloured else None
    return shown if colour is None else [f"\x1b[{colour}m{one}\x1b[0m" for one in shown]


def speaker(place: Place | None) -> str:
    """Return the run and step before a message."""
    if place is None:
        return ""
    return f"{place.pipeline}/{place.run_id}{'' if place.step is None else f' {place.step}'}  "


def visible(text: str) -> str:
    """Return a text without characters that would steer the terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else " " if letter.isspace() else repr(letter)[1:-1] for letter in text
    )


def _write(stream: TextIO, text: str) -> None:
    """Write a line; a stream that can't take it, or is closed, ends no run."""
    try:
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except (OSError, ValueError):
        return


def _cloud_handler(project: str | None) -> logging.Handler:
    from google.cloud.logging import Client
    from google.cloud.logging.handlers import CloudLoggingHandler

    make_client: Any = Client
    client = make_client(project=project)
    return CloudLoggingHandler(client, name="pplns", stream=sys.__stderr__)


def _record_of(line: Line, project: str | None) -> logging.LogRecord:
    """Return a record with the attributes that the library's handler makes an entry of."""
    labels = None if line.place is None else line.place.labels
    source = line.source
    fields = dict(line.fields) if line.stack_trace is None else {**line.fields, "stack_trace": line.stack_trace}
    trace = line.trace
    return logging.makeLogRecord(
        {
            "name": "pplns", "msg": line.message, "levelno": _LEVELS[line.severity], "levelname": line.severity,
            "created": line.time.timestamp(), "labels": labels, "json_fields": fields,
            "trace": None if trace is None else trace_name(trace, project),
            "span_id": None if trace is None else trace.span_id,
            "trace_sampled": None if trace is None else trace.is_sampled,
            "source_location": None if source is None else _location(source.file, source.line, source.function),
        }
    )  # fmt: skip


def _location(file: str, line: int, function: str) -> dict[str, str]:
    return {"file": file, "line": str(line), "function": function}
