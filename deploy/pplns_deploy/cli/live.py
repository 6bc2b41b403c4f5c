"""Progress on a terminal: finished steps scroll by as lines, and below them stands what is running now.

Only the part below is redrawn, so that a pipeline may have any number of steps. Imports rich, which comes with the
extra `deploy`; `progress.open_progress` asks for it only where the lines go to a terminal."""

import time
from collections.abc import Iterator

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from pplns.engine.events import (
    AttemptEnded,
    AttemptStarted,
    Event,
    StepCommitted,
    StepFailed,
    StepFinished,
    StepRetrying,
    StepReused,
    StepStarted,
)
from pplns.logs.capture import active
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.output import count_text, duration_text
from pplns_deploy.cli.progress import LineProgress

REFRESHES_PER_SECOND = 8
MOST_SHOWN = 12  # running steps; more are counted


class LiveProgress(LineProgress):
    """Writes the same lines as LineProgress, above a region with the running steps and the time they have taken."""

    shows_starts = False

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        terminal = RichConsole(file=console.lines, highlight=False, no_color=None)
        is_unicode = "utf" in (console.lines.encoding or "").lower()
        self._region = _Region("dots" if is_unicode else "line")
        self._live = Live(
            self._region, console=terminal, transient=True, refresh_per_second=REFRESHES_PER_SECOND,
            redirect_stderr=console.err.isatty(),  # what goes elsewhere needn't pass above the region
        )  # fmt: skip

    def __call__(self, event: Event) -> None:
        """Write what an event says and redraw the region."""
        if isinstance(event, AttemptStarted):
            super().__call__(event)
            self._region.take(event)
            self._live.start()
            if (capture := active()) is not None:
                capture.wrap_streams()  # the region has put its own in their place
            return
        self._region.take(event)
        super().__call__(event)
        if isinstance(event, AttemptEnded):
            self.close()

    def write(self, line: str) -> None:
        """Put a line above the region."""
        self._live.console.print(Text.from_ansi(line))

    def close(self) -> None:
        """Take the region away; the lines stay."""
        self._live.stop()


class _Region:
    """What is running: a spinner, the step's name, what it does, since when."""

    def __init__(self, spinner: str) -> None:
        self._spinner = Spinner(spinner, style="cyan")
        self._running: dict[str, tuple[str, float]] = {}
        self._done = 0
        self._total = 0
        self._began = time.monotonic()

    def take(self, event: Event) -> None:
        """Note what an event changes."""
        now = time.monotonic()
        if isinstance(event, AttemptStarted):
            self._total, self._done, self._began = len(event.steps), len(event.reused), now
        elif isinstance(event, StepStarted):
            self._running[event.step] = ("running" if event.number == 1 else f"try {event.number}", now)
        elif isinstance(event, StepFinished) and event.step in self._running:
            self._running[event.step] = ("saving", self._running[event.step][1])
        elif isinstance(event, StepRetrying):
            self._running[event.step] = ("waiting to try again", now)
        elif isinstance(event, StepCommitted | StepReused | StepFailed):
            self._running.pop(event.step, None)
            self._done += not isinstance(event, StepFailed)

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> RenderResult:
        """Draw the region; called by rich's own thread, so it works on a copy."""
        now = time.monotonic()
        running = list(self._running.items())
        table = Table.grid(padding=(0, 1))
        for step, (doing, since) in running[:MOST_SHOWN]:
            table.add_row(" ", self._spinner, step, f" {doing}", duration_text(now - since))
        yield table
        yield Text("\n".join(self._totals(len(running), now)), style="dim")

    def _totals(self, running: int, now: float) -> Iterator[str]:
        if running > MOST_SHOWN:
            yield f"    and {count_text(running - MOST_SHOWN, 'more step')}"
        yield f"  {self._done} of {count_text(self._total, 'step')}, {duration_text(now - self._began)}"
