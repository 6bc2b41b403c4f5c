"""What is seen of an image on its way: a bar for each blob on a terminal, else a line for each that has arrived."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pplns_deploy.cli.console import Console
from pplns_deploy.cli.output import bytes_text
from pplns_deploy.image.images import ImageEvent, Stage, TransferBegan, TransferEnded, TransferMoved, Watcher

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_HOW = {"sent": "sent", "pulled": "fetched", "mounted": "mounted, nothing sent", "present": "there already"}


def line_of(event: ImageEvent) -> str | None:
    """Return the line that an event is worth, or None."""
    if isinstance(event, Stage):
        return event.text
    if isinstance(event, TransferEnded):
        return f"  {event.name:<8} {event.digest[7:19]}  {bytes_text(event.size_bytes):>9}  {_HOW[event.how]}"
    return None


@contextmanager
def watching(console: Console) -> Generator[Watcher]:
    """Give the watcher for where the lines go; it may be called from any thread."""
    if console.lines.isatty() and find_spec("rich"):  # rich comes with the extra `deploy`
        with _bars(console) as bars:
            yield _Bars(bars)
        return
    guard = threading.Lock()

    def watch(event: ImageEvent) -> None:
        line = line_of(event)
        if line is not None:
            with guard:
                console.say(line)

    yield watch


def _bars(console: Console) -> "Progress":
    from rich.console import Console as Terminal
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    return Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        console=Terminal(file=console.lines),
    )  # fmt: skip


class _Bars:
    """A bar for each blob under way; a line above them for each that has arrived."""

    def __init__(self, bars: "Progress") -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, event: ImageEvent) -> None:
        if isinstance(event, TransferBegan):
            self._tasks[event.digest] = self._bars.add_task(f"{event.direction} {event.name}", total=event.size_bytes)
        elif isinstance(event, TransferMoved) and event.digest in self._tasks:
            self._bars.advance(self._tasks[event.digest], event.moved_bytes)
        elif isinstance(event, TransferEnded) and event.digest in self._tasks:
            self._bars.remove_task(self._tasks.pop(event.digest))
        if (line := line_of(event)) is not None:
            self._bars.console.print(line, markup=False, highlight=False)
