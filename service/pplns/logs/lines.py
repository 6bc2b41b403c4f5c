"""A log line in the shape that Cloud Logging takes from stdout: one JSON object, at most 256 KB.

The same text is kept with the run, so `pplns logs` and the cloud show the same. The special fields are described at
https://cloud.google.com/logging/docs/structured-logging; Error Reporting reads `stack_trace`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pplns.built_in import UTC, datetime
from pplns.json_text import json_writer, write_ascii
from pplns.logs.places import Place, Trace, current_trace
from pplns.logs.redaction import redact, redact_fields
from pplns.model.frozen import Frozen
from pplns.typed import cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import Any, Literal

    Severity = Literal["DEFAULT", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

SEVERITIES: tuple[Severity, ...] = ("DEFAULT", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
MAX_LINE_BYTES = 256_000  # an entry may have 256 KiB, and Cloud Run adds labels of its own
LEFT_OUT = " … (cut: a log line holds at most 256 KB)"
LABELS = "logging.googleapis.com/labels"
TRACE = "logging.googleapis.com/trace"
SPAN = "logging.googleapis.com/spanId"
SAMPLED = "logging.googleapis.com/trace_sampled"
SOURCE = "logging.googleapis.com/sourceLocation"
NO_FIELDS: Mapping[str, Any] = MappingProxyType({})
_OWN_KEYS = frozenset({"severity", "message", "time", "stack_trace", LABELS, TRACE, SPAN, SAMPLED, SOURCE})


class Source(Frozen):
    """Where in the code a line was written."""

    file: str
    line: int
    function: str = ""


class Line(Frozen):
    """One log line, redacted when it is made by `new_line`. `fields` are further ones of the entry's JSON."""

    time: datetime
    severity: Severity
    message: str
    place: Place | None = None
    trace: Trace | None = None
    source: Source | None = None
    stack_trace: str | None = None
    fields: Mapping[str, Any] = NO_FIELDS


def new_line(
    severity: Severity,
    message: str,
    *,
    place: Place | None = None,
    source: Source | None = None,
    stack_trace: str | None = None,
    fields: Mapping[str, Any] | None = None,
    time: datetime | None = None,
) -> Line:
    """Return a line of the present, without secrets, in the trace that the calling code is part of."""
    return Line(
        time=time or datetime.now(UTC), severity=severity, message=redact(message), place=place,
        trace=current_trace(), source=source, stack_trace=None if stack_trace is None else redact(stack_trace),
        fields=redact_fields(fields or {}),
    )  # fmt: skip


def line_of(record: logging.LogRecord, place: Place | None) -> Line:
    """Return the line of a logging record; `extra={"json_fields": {…}}` adds fields, as google-cloud-logging has it."""
    given = getattr(record, "json_fields", None)
    fields = dict(cast("Mapping[str, Any]", given)) if isinstance(given, Mapping) else {}
    return new_line(
        severity_of(record.levelno), _message_of(record), place=place, fields={"logger": record.name, **fields},
        source=Source(record.pathname, record.lineno, record.funcName or ""), stack_trace=_stack_of(record),
        time=datetime.fromtimestamp(record.created, UTC),
    )  # fmt: skip


def severity_of(level: int) -> Severity:
    """Return the severity of a logging level, of those between the standard ones the lower one."""
    for least, severity in ((50, "CRITICAL"), (40, "ERROR"), (30, "WARNING"), (20, "INFO"), (1, "DEBUG")):
        if level >= least:
            return cast("Severity", severity)
    return "DEFAULT"


def encode(line: Line, *, project: str | None = None) -> str:
    """Return a line as one JSON text of at most `MAX_LINE_BYTES`, which holds no line break."""
    entry: dict[str, Any] = {"severity": line.severity, "message": line.message, "time": line.time.isoformat()}
    if line.place is not None:
        entry[LABELS] = line.place.labels
    if line.trace is not None:
        entry |= _trace_fields(line.trace, project)
    if line.source is not None:
        source = line.source  # the line is a text there: the field is an int64 of JSON
        entry[SOURCE] = {"file": source.file, "line": str(source.line), "function": source.function}
    if line.stack_trace is not None:
        entry["stack_trace"] = line.stack_trace
    entry |= {key: value for key, value in line.fields.items() if key not in _OWN_KEYS}
    return _fitted(entry)


def trace_name(trace: Trace, project: str | None) -> str:
    """Return the name of a trace, its bare id where the project isn't known."""
    return trace.trace_id if project is None else f"projects/{project}/traces/{trace.trace_id}"


def _trace_fields(trace: Trace, project: str | None) -> dict[str, Any]:
    shown: dict[str, Any] = {TRACE: trace_name(trace, project), SAMPLED: trace.is_sampled}
    return shown if trace.span_id is None else {**shown, SPAN: trace.span_id}


def _fitted(entry: dict[str, Any]) -> str:
    """Return the JSON of an entry, with the longest texts cut until it fits."""
    text = _dump(entry)
    if len(text) * 4 <= MAX_LINE_BYTES or _size(text) <= MAX_LINE_BYTES:
        return text
    own = {key: value for key, value in entry.items() if key in _OWN_KEYS}
    extra = {key: value for key, value in entry.items() if key not in _OWN_KEYS}
    if _size(_dump(extra)) > MAX_LINE_BYTES // 4:
        own["left_out"] = sorted(str(key)[:100] for key in extra)[:100]
        extra = {}
    for key in ("stack_trace", "message"):
        if key in own and (excess := _size(_dump(own | extra)) - MAX_LINE_BYTES) > 0:
            own[key] = _cut(own[key], _size(_dump(own[key])) - excess)
    return _dump(own | extra)


def _cut(text: str, room: int) -> str:
    """Return the longest beginning of a text that takes at most `room` bytes of JSON with the mark behind it."""
    low, high = 0, min(len(text), max(0, room))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _size(_dump(text[:middle] + LEFT_OUT)) <= room else (low, middle - 1)
    return text[:low] + LEFT_OUT


def _dump(value: Any) -> str:
    try:
        text = _write(value)
        text.encode("utf-8")
    except (ValueError, TypeError, RecursionError):  # half a surrogate pair, NaN, an odd key, a circle
        text = write_ascii(_plain(value))
    return text


def _plain(value: Any, depth: int = 20) -> Any:
    """Return a value that is JSON for sure."""
    if isinstance(value, Mapping) and depth:
        found: dict[Any, Any] = dict(value)  # pyright: ignore[reportUnknownArgumentType]
        return {str(key): _plain(item, depth - 1) for key, item in found.items()}
    if isinstance(value, list | tuple) and depth:
        items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        return [_plain(item, depth - 1) for item in items]
    if value is None or isinstance(value, bool | int):
        return value
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else _readable(cast("object", value))


def _readable(value: object) -> str:
    try:
        return redact(repr(value)).encode("utf-8", "replace").decode()
    except Exception as error:  # the repr of a user's class
        return f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"


_write = json_writer(ensure_ascii=False, default=_readable)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8"))


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # "%d" with a text, say: what was meant is better than nothing
        import traceback  # which `logging` has brought

        reason = traceback.format_exception_only(error)[-1].strip()
        return f"{_readable(record.msg)} with {_readable(record.args)} ({reason})"


def _stack_of(record: logging.LogRecord) -> str | None:
    parts: list[str] = []
    if record.exc_info and record.exc_info[1] is not None:
        import traceback  # which `logging` has brought

        parts += traceback.format_exception(record.exc_info[1])
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(record.stack_info)
    return "".join(parts).rstrip() or None
