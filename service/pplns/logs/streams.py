"""Streams in the place of `sys.stdout` and `sys.stderr`: what a step prints becomes lines, anything else passes.

Each thread of a step has a buffer of its own, so that two threads never share a line. A line is redacted whole,
whatever pieces it was printed in."""

from __future__ import annotations

import codecs
import threading
from collections.abc import Callable, Iterable

from pplns.logs.places import Place, here
from pplns.logs.redaction import redact, unfinished

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO, TextIO

MAX_WAITING = 256_000  # characters of a line without end; more are a line of their own
_Decoder = codecs.getincrementaldecoder("utf-8")
_KEY_MARK = "PRIVATE KEY-----"
# compiled with the first key that is printed
_KEY_LINE = r"[A-Za-z0-9+/=]{1,80}|[A-Za-z-]+: .*"
_KEY_BEGINS = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----"
_KEY_ENDS = r"-----END [A-Z0-9 ]*PRIVATE KEY-----"


class LineBuffer:
    """Puts what one thread prints together to lines; `passed` is for who shows it before a line has ended."""

    def __init__(self) -> None:
        self.decoder = _Decoder("backslashreplace")
        self._waiting = ""
        self._not_passed = ""
        self._keys = _KeyLines()
        self._passed_keys = _KeyLines()

    def feed(self, text: str) -> list[str]:
        """Return the lines that a text finishes."""
        complete, newline, rest = (self._waiting + text).rpartition("\n")
        if not newline:
            if len(rest) <= MAX_WAITING:
                self._waiting = rest
                return []
            kept = unfinished(rest)
            complete, rest = rest[: len(rest) - kept], rest[len(rest) - kept :]
        self._waiting = rest
        return self._lines(complete)

    def finish(self) -> list[str]:
        """Return the line that has no end."""
        rest, self._waiting = self._waiting + self.decoder.decode(b"", final=True), ""
        return self._lines(rest)

    def passed(self, text: str, *, is_last: bool = False) -> str:
        """Return what of a text may be shown at once; an end that may begin a hidden value waits for more."""
        text = redact(self._not_passed + text)
        kept = 0 if is_last else unfinished(text)
        self._not_passed = text[len(text) - kept :]
        return self._passed_keys.without(text[: len(text) - kept])

    def _lines(self, text: str) -> list[str]:
        """Return lines as a terminal would have shown them, without those that are empty."""
        shown = redact(self._keys.without(text)).split("\n")
        return [line for one in shown if (line := one.rstrip("\r").rpartition("\r")[2]).strip()]


class _KeyLines:
    """Takes out private keys that are printed line by line: each line after the first looks like any other."""

    def __init__(self) -> None:
        self._is_inside = False

    def without(self, text: str) -> str:
        """Return a text without the lines of a key that has begun."""
        if not self._is_inside and _KEY_MARK not in text:
            return text
        return "\n".join(line for line in text.split("\n") if not self._is_of_key(line.strip()))

    def _is_of_key(self, line: str) -> bool:
        import re

        if re.search(_KEY_BEGINS, line):
            self._is_inside = re.search(_KEY_ENDS, line) is None
            return False  # the pattern of whole keys takes this one out
        was_inside, is_end = self._is_inside, re.search(_KEY_ENDS, line) is not None
        self._is_inside = was_inside and not is_end and (not line or re.fullmatch(_KEY_LINE, line) is not None)
        return was_inside and (is_end or self._is_inside) and bool(line)


class CapturedStream:
    """A stream that hands what steps print to `say`, line by line, and passes on what isn't said in a step.

    With `passes_on` what steps print is shown as well, at once. `is_silenced` tells that what is written just now is
    the text of a record or a warning, which is a line already."""

    def __init__(
        self,
        stream: TextIO,
        name: str,
        *,
        say: Callable[[Place, str, str], None],
        passes_on: bool,
        is_silenced: Callable[[], bool],
    ) -> None:
        self.wrapped = stream
        self._name = name
        self._say = say
        self._passes_on = passes_on
        self._is_silenced = is_silenced

    def write(self, text: str) -> int:
        """Take a text."""
        place = here()
        if place is None:
            return self.wrapped.write(text)
        is_silenced = self._is_silenced()
        with place.guard:
            buffer = self._buffer_of(place)
            lines = [] if is_silenced else buffer.feed(text)
            if self._passes_on and (shown := redact(text) if is_silenced else buffer.passed(text)):
                self.wrapped.write(shown)
        for line in lines:
            self._say(place, self._name, line)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Take several texts."""
        for line in lines:
            self.write(line)

    @property
    def buffer(self) -> CapturedBytes:
        """The stream for bytes, which hides and labels what steps write to it as well."""
        return CapturedBytes(self, self.wrapped.buffer)

    def write_bytes(self, place: Place, data: bytes) -> None:
        """Take bytes of a step; what is no UTF-8 is escaped."""
        with place.guard:
            text = self._buffer_of(place).decoder.decode(data)
        self.write(text)

    def close(self) -> None:
        """Close the stream, but not for a step: others speak by it."""
        if here() is None:
            self.wrapped.close()

    def detach(self) -> CapturedBytes:
        """Return the stream for bytes, and stay as it is: others speak by it."""
        return self.buffer

    def flush(self) -> None:
        """Pass on what may be shown; a line that hasn't ended waits for its end."""
        self.wrapped.flush()

    def finish(self, place: Place) -> None:
        """Say the lines of a place that have no end: its step is over."""
        with place.guard:
            for (_, name), buffer in place.unfinished.items():
                if name != self._name:
                    continue
                if self._passes_on and (rest := buffer.passed("", is_last=True)):
                    self.wrapped.write(rest)
                for line in buffer.finish():
                    self._say(place, self._name, line)

    def _buffer_of(self, place: Place) -> LineBuffer:
        key = (threading.get_ident(), self._name)
        buffer = place.unfinished.get(key)
        if buffer is None:  # each thread asks for its own
            buffer = place.unfinished[key] = LineBuffer()
        return buffer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.wrapped, name)


class CapturedBytes:
    """`sys.stdout.buffer` of a captured stream."""

    def __init__(self, stream: CapturedStream, wrapped: BinaryIO) -> None:
        self._stream = stream
        self._wrapped = wrapped
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Take bytes."""
        place = here()
        if place is None:
            return self._wrapped.write(data)
        view = memoryview(data)
        self._stream.write_bytes(place, view.tobytes())
        return view.nbytes

    def writelines(self, lines: Iterable[bytes], /) -> None:
        """Take several bytes."""
        for line in lines:
            self.write(line)

    def close(self) -> None:
        """Count as closed, and close nothing: a text stream that a step made of this one closes it when collected."""
        self.closed = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)
