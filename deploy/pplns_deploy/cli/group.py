"""The group behind `pplns`: finds commands by name, and is the one border where errors become text and exit codes."""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from pplns.errors import StopSignal
from pplns.model.frozen import Frozen
from pplns_deploy.cli.console import Console, open_console
from pplns_deploy.cli.errors import write_report
from pplns_deploy.cli.nearest import did_you_mean
from pplns_deploy.cli.usage import describe_usage


class CommandPlace(Frozen):
    """Where a command is defined, and its line in `pplns --help`."""

    module: str
    function: str
    short_help: str


class CommandGroup(click.Group):
    """A group of commands that are imported when asked for."""

    def __init__(self, *args: Any, places: Mapping[str, CommandPlace], **options: Any) -> None:
        super().__init__(*args, **options)
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table, which is the order of work."""
        return list(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        place = self.places.get(cmd_name)
        if place is None:
            return None
        command: click.Command = getattr(import_module(place.module), place.function)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with, or name the nearest one."""
        if args and not args[0].startswith("-") and args[0] not in self.places:
            guess = did_you_mean(args[0], self.places) or f"Commands: {', '.join(self.places)}."
            raise click.UsageError(f"There is no command {args[0]!r}. {guess}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.short_help) for name, place in self.places.items()])

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> NoReturn:
        """Run a command and exit; every error leaves here as text, or as one document with `--json`."""
        given = list(sys.argv[1:] if args is None else args) or ["--help"]
        console = open_console(as_json="--json" in given)
        options["standalone_mode"] = False
        if os.environ.get("NO_COLOR"):
            options["color"] = False
        try:
            code = super().main(given, *rest, obj=console, **options)
        except (Exception, KeyboardInterrupt, StopSignal) as error:
            if isinstance(error, click.UsageError) and error.ctx is None:  # click leaves it out for a missing value
                error.ctx = self._context_of(given)
            code = _report(console, error, debug="--debug" in given)
        sys.exit(code if isinstance(code, int) else 0)

    def _context_of(self, given: Sequence[str]) -> click.Context:
        """Return the context of the command that is called, for the hint at its help."""
        context = click.Context(self, info_name="pplns")
        name = next((word for word in given if not word.startswith("-")), "")
        command = self.get_command(context, name)
        return context if command is None else click.Context(command, parent=context, info_name=name)


def _report(console: Console, error: BaseException, *, debug: bool) -> int:
    report = describe_usage(error)
    if debug and report.code == "internal":
        raise error
    write_report(console, report)
    return report.exit_code
