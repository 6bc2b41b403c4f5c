"""The progress of a run as lines: one for each thing that happens to a step.

`lines_of` decides what a line says; the observers only put it somewhere. `live.py` adds what is running now."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pplns.engine.events import (
    AttemptStarted,
    Event,
    StepCommitted,
    StepFailed,
    StepRedone,
    StepRetrying,
    StepReused,
    StepStarted,
)
from pplns_deploy.cli.output import bytes_text, clean_text, count_text, duration_text, rows_text
from pplns_deploy.cli.records import reference_of
from pplns_deploy.cli.styles import styled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pplns_deploy.cli.console import Console

LEAST_NAME_WIDTH = 8

News = tuple[str, str, str]  # of a step: its name, the symbol of what happened to it, and the words for that


class LineProgress:
    """Writes a line for each event; the observer where nobody watches a terminal.

    `reference` names the run once it has begun, as commands take it; `run` is its pipeline and id."""

    shows_starts = True

    def __init__(self, console: Console) -> None:
        self.console = console
        self.reference: str | None = None
        self.run: tuple[str, str] | None = None
        self._name_width = LEAST_NAME_WIDTH

    def __call__(self, event: Event) -> None:
        """Write what an event says."""
        if isinstance(event, AttemptStarted):
            self.reference = reference_of(event.pipeline, event.run_id)
            self.run = (event.pipeline, event.run_id)
            self._name_width = max([LEAST_NAME_WIDTH, *map(len, event.steps)])
        if not isinstance(event, StepStarted) or self.shows_starts:
            for line in lines_of(event, name_width=self._name_width):
                self.write(line)

    def write(self, line: str) -> None:
        """Put a line where the progress goes."""
        self.console.say(line)

    def close(self) -> None:
        """Write nothing more."""


def lines_of(event: Event, *, name_width: int) -> list[str]:
    """Return the lines that an event is worth: several for the start of an attempt, one for a step's, or none."""
    tell = _NEWS.get(type(event))
    if tell is not None:
        return [_line(*tell(event), name_width)]
    if isinstance(event, AttemptStarted):
        return [_headline(event), *(_line(step, "=", "reused", name_width) for step in event.reused)]
    return []


def measures(duration_s: float | None, rows: int | None, size_bytes: int | None) -> str:
    """Return time, rows and bytes of a step under each other from line to line."""
    return f"{duration_text(duration_s):>8}  {rows_text(rows):>15}  {bytes_text(size_bytes):>9}"


def open_progress(console: Console) -> LineProgress:
    """Return the observer for where the lines go: live on a terminal that has rich, else plain lines."""
    if not console.lines.isatty():
        return LineProgress(console)
    try:
        from pplns_deploy.cli.live import LiveProgress
    except ModuleNotFoundError:  # rich comes with the extra `deploy`
        return LineProgress(console)
    return LiveProgress(console)


_SYMBOLS = {
    "✓": styled("✓", color="green"),
    "✗": styled("✗", color="red"),
    "↻": styled("↻", color="yellow"),
}


def _started(event: StepStarted) -> News:
    return event.step, "·", "started" if event.number == 1 else f"try {event.number} started"


def _committed(event: StepCommitted) -> News:
    commit = event.commit
    return event.step, "✓", measures(commit.duration_s, commit.rows, commit.size_bytes)


def _retrying(event: StepRetrying) -> News:
    wait = duration_text(event.delay_s)
    return event.step, "↻", f"try {event.number} failed, the next in {wait}: {clean_text(event.error.message)}"


def _redone(event: StepRedone) -> News:
    return event.step, "↻", f"runs again: {clean_text(event.reason)}"


def _reused(event: StepReused) -> News:
    return event.step, "=", "reused"


def _failed(event: StepFailed) -> News:
    tries = f" after {event.tries} tries" if event.tries > 1 else ""
    return event.step, "✗", f"{duration_text(event.duration_s):>8}  failed{tries}"


_NEWS: Mapping[type[Any], Callable[[Any], News]] = {
    StepStarted: _started,
    StepCommitted: _committed,
    StepRetrying: _retrying,
    StepRedone: _redone,
    StepReused: _reused,
    StepFailed: _failed,
}


def _headline(event: AttemptStarted) -> str:
    attempt = f", attempt {event.attempt}" if event.attempt > 1 else ""
    return f"Run {event.run_id} of {event.pipeline}{attempt}: {count_text(len(event.steps), 'step')}"


def _line(step: str, symbol: str, text: str, name_width: int) -> str:
    return f"  {_SYMBOLS.get(symbol, symbol)} {step:<{name_width}}  {text}".rstrip()
