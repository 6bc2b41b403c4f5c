"""The progress of a deployment on a terminal: a tree of stages with their times, and under them each pipeline's part.

The tree stands below what is written meanwhile, the plan and findings, and is redrawn; at the end it stays. Imports
rich, which comes with the extra `deploy`; `stages.following` asks for it only where the lines go to a terminal."""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO, cast

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, RenderResult
from rich.file_proxy import FileProxy
from rich.live import Live
from rich.text import Text
from rich.tree import Tree

from pplns_deploy.cli.console import Console
from pplns_deploy.cli.output import count_text, duration_text
from pplns_deploy.cli.stages import ENDS, STAGES, SYMBOLS, StageLines, address_in

if TYPE_CHECKING:
    from pplns_deploy.deploying import PlanSummary
    from pplns_deploy.deploying.process import Line

REFRESHES_PER_SECOND = 8
MOST_SHOWN = 10  # parts of a stage that goes on; more are counted
FRAMES = {True: "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", False: "|/-\\"}
PLAIN_SYMBOLS = {"✓": "+", "✗": "x"}


@dataclass(slots=True)
class _Item:
    """A stage or a part of one. `is_good` is None until it has ended; `total` counts its changes, 0 if unknown."""

    name: str
    text: str = ""
    began: float | None = None
    seconds: float = 0.0
    is_good: bool | None = None
    total: int = 0
    done: int = 0
    under_way: list[str] = field(default_factory=list[str])
    parts: "dict[str, _Item]" = field(default_factory=dict[str, "_Item"])

    def begin(self) -> None:
        """Note when it began; what began already goes on."""
        if self.began is None or self.is_good is not None:
            self.began, self.is_good = time.monotonic(), None

    def end(self, is_good: bool, seconds: float | None = None) -> None:
        """Note how it ended."""
        taken = time.monotonic() - (self.began or time.monotonic())
        self.is_good, self.seconds = is_good, taken if seconds is None else seconds


class StageTree(StageLines):
    """Shows the stages as a tree. What is written to `console` goes above it."""

    def __init__(self, console: Console) -> None:
        self._terminal = RichConsole(file=console.lines, highlight=False)
        super().__init__(_Above(self._above(console.out), self._above(console.err), console.as_json))
        self._raw = console
        self._picture = _Picture("utf" in (console.lines.encoding or "").lower())
        self._stage: _Item | None = None
        self._live: Live | None = None
        self._show()

    def begin(self, name: str, text: str) -> None:
        """Show that a stage begins."""
        self._stage = self._picture.stages[name]
        self._stage.begin()

    def end(self, name: str, is_good: bool, seconds: float) -> None:
        """Show that a stage has ended, and with it what was under way."""
        stage = self._picture.stages[name]
        for part in stage.parts.values():
            if part.is_good is None:
                part.end(is_good)
        stage.end(is_good, seconds)
        self._stage = None

    def note(self, text: str) -> None:
        """Show what the stage has come to, beside its name."""
        if self._stage is not None:
            self._stage.text = text

    def begin_part(self, name: str) -> None:
        """Show that a part of the stage begins."""
        self._part(name).begin()

    def end_part(self, name: str, text: str, *, is_good: bool, seconds: float) -> None:
        """Show how a part of the stage has ended."""
        part = self._part(name)
        part.text = text
        part.end(is_good, seconds)

    def expect(self, summary: "PlanSummary") -> None:
        """Show a part for each pipeline that is going to change."""
        super().expect(summary)
        apply = self._picture.stages["apply"]
        apply.parts = {}
        for one in self.expected.values():
            apply.parts.setdefault(one.owner, _Item(one.owner)).total += 1

    def watch(self, line: "Line") -> None:
        """Show what Terraform begins and ends to change, beside the pipeline that it belongs to."""
        kind = str(line.get("type"))
        resource = self.expected.get(address_in(line))
        if self._stage is None or resource is None or kind not in ("apply_start", *ENDS):
            return
        part = self._part(resource.owner)
        if kind == "apply_start":
            part.begin()
            part.under_way.append(resource.kind)
            return
        part.under_way.remove(resource.kind)
        part.done += 1
        if not ENDS[kind] or (part.is_good is None and part.done >= part.total):
            part.end(ENDS[kind])

    @contextmanager
    def aside(self) -> Generator[Console]:
        """Take the tree away while something else has the terminal."""
        self._hide()
        try:
            yield self._raw
        finally:
            self._show()

    def close(self) -> None:
        """Leave the tree as it is now."""
        self._hide()
        if any(one.began is not None for one in self._picture.stages.values()):
            self._terminal.print(self._picture.tree(is_last=True))

    def _part(self, name: str) -> _Item:
        assert self._stage is not None
        return self._stage.parts.setdefault(name, _Item(name))

    def _above(self, stream: TextIO) -> TextIO:
        return cast("TextIO", _LinesAbove(self._terminal, stream)) if stream.isatty() else stream

    def _show(self) -> None:
        self._live = Live(
            self._picture, console=self._terminal, transient=True, refresh_per_second=REFRESHES_PER_SECOND,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        self._live.start()

    def _hide(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


class _LinesAbove(FileProxy):
    """A stream whose lines go above the tree, in the characters that the terminal has."""

    encoding = "ascii"

    def __init__(self, terminal: RichConsole, stream: TextIO) -> None:
        super().__init__(terminal, stream)
        self.encoding = stream.encoding or "ascii"


class _Above(Console):
    """A console whose lines go above the tree, and whose beginnings the tree shows itself."""

    def begin(self, text: str) -> None:
        """Write nothing."""


class _Picture:
    """The stages as they are drawn; rich's own thread draws, so it works on copies."""

    def __init__(self, is_unicode: bool) -> None:
        self.stages = {name: _Item(name) for name in STAGES}
        self._is_unicode = is_unicode

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> RenderResult:
        """Draw the tree as it is now."""
        yield self.tree()

    def tree(self, *, is_last: bool = False) -> Tree:
        """Return the tree; at the end without what never began, and with every part."""
        root = Tree("", hide_root=True, guide_style="dim")
        for stage in self.stages.values():
            if stage.began is None and is_last:
                continue
            branch = root.add(self._line(stage))
            for line in self._parts(list(stage.parts.values()), is_last=is_last):
                branch.add(line)
        return root

    def _parts(self, parts: list[_Item], *, is_last: bool) -> Iterator[Text]:
        if is_last or len(parts) <= MOST_SHOWN:
            yield from map(self._line, parts)
            return
        going = [one for one in parts if one.began is not None and one.is_good is None]
        yield from map(self._line, going[:MOST_SHOWN])
        ended = sum(one.is_good is not None for one in parts)
        yield Text(f"{ended} of {count_text(len(parts), 'part')} done", style="dim")

    def _line(self, item: _Item) -> Text:
        if item.began is None:
            return Text(f"· {item.name}" if self._is_unicode else f"- {item.name}", style="dim")
        seconds = item.seconds if item.is_good is not None else time.monotonic() - item.began
        line = Text.assemble(self._symbol(item), " ", (item.name, "bold" if item.name in self.stages else ""))
        for said in (self._count(item), item.text, ", ".join(sorted({*item.under_way}))):
            if said:
                line.append(f"  {said}")
        return line.append(f"  {duration_text(seconds)}", style="dim")

    def _count(self, item: _Item) -> str:
        if not item.total:
            return ""
        if item.is_good is not None and item.done >= item.total:
            return count_text(item.total, "change")
        return f"{item.done} of {count_text(item.total, 'change')}"

    def _symbol(self, item: _Item) -> tuple[str, str]:
        if item.is_good is None:
            frames = FRAMES[self._is_unicode]
            return frames[int(time.monotonic() * REFRESHES_PER_SECOND) % len(frames)], "cyan"
        symbol, color = SYMBOLS[item.is_good]
        return (symbol if self._is_unicode else PLAIN_SYMBOLS[symbol]), color
