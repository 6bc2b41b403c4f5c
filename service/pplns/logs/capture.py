"""The capture: while it is on, what a step prints, logs and warns becomes lines with the labels of its run.

It stands in the one place that every record passes, `Logger.callHandlers`, so that it hears each logger whatever its
handlers and `propagate`; the project's own handlers get their records all the same. Where nothing has imported
`logging` there are no records yet, and it waits. Only commands and the service turn it on: a step that is called as a
plain function, or in a test, finds the interpreter as it is."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager

from pplns.built_in import UTC, datetime
from pplns.logs.arrival import once_imported
from pplns.logs.lines import Line, Source, encode, line_of, new_line
from pplns.logs.places import Place, current_trace, here, speak_from
from pplns.logs.streams import CapturedStream
from pplns.typed import cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from typing import Any, TextIO

    from pplns.logs.outputs import Output

STREAMS = ("stdout", "stderr")
OWN_LOGGER = "pplns"


class Capture:
    """Hears what this process says. `output` is where lines go; without one they are only kept with their run, and what
    steps print is passed on as it was.

    `project` is that of the traces."""

    def __init__(self, output: Output | None, *, project: str | None = None) -> None:
        self._output = output
        self._project = project
        self._speaking = threading.local()
        self._undo: list[Callable[[], None]] = []
        self._streams: dict[str, CapturedStream] = {}
        self._is_on = False

    @property
    def shows_lines(self) -> bool:
        """Whether lines go anywhere besides their run."""
        return self._output is not None

    def start(self) -> None:
        """Begin to hear."""
        self._is_on = True
        self.wrap_streams()
        self._replace(warnings, "showwarning", self._hear_warnings)
        self._replace(threading.Thread, "start", _labelling_threads)
        self._undo.append(once_imported("logging", self._hear_loggers))

    def stop(self) -> None:
        """Hear no more, and put back what was there."""
        self._is_on = False
        while self._undo:  # longer by what a thread adds that is just importing `logging`, until that is called off
            self._undo.pop()()

    def stand_again(self) -> None:
        """Stand before `sys.stdout` and `sys.stderr` again where something put back the streams that were there.

        `sys.stdout = sys.__stdout__` does so, and functions-framework for each request where LOG_EXECUTION_ID is set. A
        stream that a step put there to write to it stays."""
        for name, captured in self._streams.items():
            if self._is_on and getattr(sys, name) is captured.wrapped:
                setattr(sys, name, captured)

    def wrap_streams(self) -> None:
        """Stand before `sys.stdout` and `sys.stderr`, or what a region of the terminal has put in their place."""
        for name in STREAMS:
            stream: TextIO | CapturedStream | None = getattr(sys, name)
            if stream is None or isinstance(stream, CapturedStream):
                continue
            captured = CapturedStream(
                stream, name, say=self._say, passes_on=self._output is None, is_silenced=self._is_speaking
            )
            setattr(sys, name, captured)
            self._streams[name] = captured
            self._undo.append(_put_back(name, captured))

    def emit(self, line: Line) -> None:
        """Write a line and keep it with its run; what goes wrong on the way ends no run."""
        encoded = encode(line, project=self._project)
        if self._output is not None:
            with self._silence():
                self._output.write(line, encoded)
        if line.place is not None and line.place.keep is not None:
            line.place.keep(encoded)

    def finish(self, place: Place) -> None:
        """Say what a step has left unsaid: it is over."""
        if place.unfinished:
            for stream in self._streams.values():
                stream.finish(place)

    def _say(self, place: Place, stream: str, text: str) -> None:
        """Write what a step printed: many lines, maybe, which the stream has looked through for secrets already."""
        self.emit(Line(datetime.now(UTC), "INFO", text, place, current_trace(), fields={"stream": stream}))

    def _hear_loggers(self) -> None:
        import logging

        self._replace(logging.Logger, "callHandlers", self._hear_records)
        root = logging.getLogger()
        if self._output is not None and root.level == logging.WARNING and not root.handlers:
            root.setLevel(logging.INFO)  # nobody set logging up: what steps log at INFO is meant to be read
            self._undo.append(lambda: root.setLevel(logging.WARNING))

    def _hear_records(self, original: Callable[..., None]) -> Callable[..., None]:
        def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
            place = here()
            if self._is_speaking() or not self._concerns(logger, place):
                return original(logger, record)
            self.emit(line_of(record, place))
            if place is not None or logger.hasHandlers():
                with self._silence():
                    original(logger, record)
            return None

        return call_handlers

    def _concerns(self, logger: logging.Logger, place: Place | None) -> bool:
        if place is not None:
            return True
        if self._output is None:
            return False
        return not logger.hasHandlers() or logger.name.partition(".")[0] == OWN_LOGGER

    def _hear_warnings(self, original: Callable[..., None]) -> Callable[..., None]:
        def show_warning(message: Warning | str, category: type[Warning], filename: str, lineno: int,
                         file: TextIO | None = None, line: str | None = None) -> None:  # fmt: skip
            place = here()
            if place is None or file is not None:
                return original(message, category, filename, lineno, file, line)
            text = f"{category.__name__}: {message}"
            self.emit(new_line("WARNING", text, place=place, source=Source(filename, lineno)))
            with self._silence():
                return original(message, category, filename, lineno, file, line)

        return show_warning

    def _is_speaking(self) -> bool:
        return getattr(self._speaking, "depth", 0) > 0

    @contextmanager
    def _silence(self) -> Generator[None]:
        """Take what this thread writes to the streams in the block for said already."""
        self._speaking.depth = getattr(self._speaking, "depth", 0) + 1
        try:
            yield
        finally:
            self._speaking.depth -= 1

    def _replace(self, owner: Any, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        before = getattr(owner, name)
        setattr(owner, name, make(before))
        self._undo.append(lambda: setattr(owner, name, before))


_active: Capture | None = None


def active() -> Capture | None:
    """Return the capture of this process, if one is on."""
    return _active


@contextmanager
def capturing(capture: Capture) -> Generator[Capture]:
    """Hear what steps say in the block; inside of another such block that one goes on hearing."""
    global _active  # noqa: PLW0603 - streams and loggers belong to the process, and so does what stands before them
    if _active is not None:
        yield _active
        return
    _active = capture
    capture.start()
    try:
        yield capture
    finally:
        capture.stop()
        _active = None


def _put_back(name: str, captured: CapturedStream) -> Callable[[], None]:
    def put_back() -> None:
        if getattr(sys, name) is captured:
            setattr(sys, name, captured.wrapped)

    return put_back


def _labelling_threads(original: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    """Let a thread that a step starts speak from the step's place, as long as the step goes on."""

    def start(thread: threading.Thread) -> None:
        place = here()
        if place is not None:
            run = thread.run

            def run_in_place() -> None:
                speak_from(place)
                run()

            cast("Any", thread).run = run_in_place
        original(thread)

    return start
