"""The progress of a deployment as lines: one when a stage begins, one for each part of it, one when it has ended.

`live_stages.py` shows the same as a tree on a terminal. Who deploys only says what happens: which stage, which part,
which line Terraform wrote."""

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from pplns.model.frozen import Frozen
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.output import duration_text

if TYPE_CHECKING:
    from pplns_deploy.deploying import PlanSummary
    from pplns_deploy.deploying.process import Line

STAGES = ("checks", "state", "image", "plan", "apply", "verify", "traffic")
ENDS = {"apply_complete": True, "apply_errored": False}
SHARED = "shared by all"
NOTES = "terraform_data"  # the type of what the state keeps, and nothing of Google's
SYMBOLS = {True: ("✓", "green"), False: ("✗", "red")}


class Expected(Frozen):
    """A resource that is going to be changed: whose it is, what, and its name."""

    owner: str
    kind: str
    name: str


class StageLines:
    """Writes lines; for files and pipes. `console` is the one to write to while stages go on."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.expected: dict[str, Expected] = {}

    @contextmanager
    def stage(self, name: str, text: str = "") -> "Generator[None]":
        """Show a stage while it goes on, how long it took, and whether it ended well. Without a text what is done in it
        says so by `Console.begin`."""
        began = time.monotonic()
        self.begin(name, text)
        is_good = False
        try:
            yield
            is_good = True
        finally:
            self.end(name, is_good, time.monotonic() - began)

    def begin(self, name: str, text: str) -> None:
        """Show that a stage begins."""
        if text:
            self.console.say(text)

    def end(self, name: str, is_good: bool, seconds: float) -> None:
        """Show that a stage has ended."""
        self.console.say(part_line(name, "", is_good, seconds))

    def note(self, text: str) -> None:
        """Show what the stage that goes on has come to, where there is room for it."""

    def begin_part(self, name: str) -> None:
        """Show that a part of the stage begins: a pipeline's."""

    def end_part(self, name: str, text: str, *, is_good: bool, seconds: float) -> None:
        """Show how a part of the stage has ended."""
        self.console.say(f"  {part_line(name, text, is_good, seconds)}")

    def expect(self, summary: "PlanSummary") -> None:
        """Take note of what is going to be applied, and whose it is."""
        changes = (one for one in summary.changes if not one.is_note)
        self.expected = {one.address: Expected(one.pipeline or SHARED, one.kind, one.name) for one in changes}

    def watch(self, line: "Line") -> None:
        """Show what a line of Terraform's says."""
        if (text := resource_line(line, self.expected)) is not None:
            self.console.say(text)

    @contextmanager
    def aside(self) -> "Generator[Console]":
        """Give the terminal away, for a question or for another picture."""
        yield self.console

    def close(self) -> None:
        """Show nothing more."""


def part_line(name: str, text: str, is_good: bool, seconds: float) -> str:
    """Return the line for what has ended."""
    symbol, color = SYMBOLS[is_good]
    said = f"  {text}" if text else ""
    return f"{click.style(symbol, fg=color)} {name}{said}  {duration_text(seconds)}"


def address_in(line: Mapping[str, Any]) -> str:
    """Return the resource that a line of Terraform's is about, or nothing."""
    hook: Mapping[str, Any] = line.get("hook") or {}
    resource: Mapping[str, Any] = hook.get("resource") or {}
    return str(resource.get("addr", ""))


def resource_line(line: Mapping[str, Any], expected: Mapping[str, Expected]) -> str | None:
    """Return the line for a resource that Terraform has changed, or couldn't; None for all else that it says, and for
    notes in the state."""
    hook: Mapping[str, Any] = line.get("hook") or {}
    is_good, address = ENDS.get(str(line.get("type"))), address_in(line)
    if is_good is None or hook["action"] == "read" or f"{NOTES}." in address:
        return None
    known = expected.get(address)
    symbol, color = SYMBOLS[is_good]
    said = f"{known.kind} {known.name}" if known else address
    return f"  {click.style(symbol, fg=color)} {said}  {hook.get('elapsed_seconds', 0)} s"


@contextmanager
def following(console: Console) -> Generator[StageLines]:
    """Give what shows the stages where the lines go: a tree on a terminal that has rich, else plain lines."""
    shown = _open_stages(console)
    try:
        yield shown
    finally:
        shown.close()


def _open_stages(console: Console) -> StageLines:
    if not console.lines.isatty():
        return StageLines(console)
    try:
        from pplns_deploy.cli.live_stages import StageTree
    except ModuleNotFoundError:  # rich comes with the extra `deploy`
        return StageLines(console)
    return StageTree(console)
