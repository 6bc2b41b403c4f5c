"""The options that several commands share, so that they are called and behave the same everywhere."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from pplns.errors import ConfigError
from pplns_deploy.cli.completion import complete_steps

if TYPE_CHECKING:
    pass

Command = TypeVar("Command", bound=Callable[..., Any])


def project_option(command: Command) -> Command:
    """Add `--project DIR`."""
    return click.option(
        "--project",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="DIR",
        help="The project folder; by default the one around the current folder.",
    )(command)


def store_option(command: Command) -> Command:
    """Add `--store URL`."""
    return click.option("--store", metavar="URL", help="Where runs are kept: file:PATH, memory:, gs://BUCKET/PREFIX.")(
        command
    )


def env_option(command: Command) -> Command:
    """Add `--env NAME`; PPLNS_ENV stands in for it."""
    return click.option(
        "--env", "env", envvar="PPLNS_ENV", metavar="NAME", help="The environment, as in [tool.pplns.env.NAME]."
    )(command)


def json_option(command: Command) -> Command:
    """Add `--json`; the console knows of it before the command does."""
    return click.option(
        "--json", is_flag=True, expose_value=False, help="Write one JSON document to stdout, all else to stderr."
    )(command)


def params_option(command: Command) -> Command:
    """Add `-p NAME=VALUE`, which may be repeated."""
    return click.option(
        "-p",
        "--param",
        "params",
        multiple=True,
        metavar="NAME=VALUE",
        help="A parameter of the pipeline; lists and dicts as JSON. May be repeated.",
    )(command)


def selection_options(command: Command) -> Command:
    """Add `--from STEP` and `--only STEP`."""
    redo = click.option(
        "--from", "redo", metavar="STEP", shell_complete=complete_steps,
        help="Run this step again, and all that its value changes.",
    )  # fmt: skip
    only = click.option(
        "--only", metavar="STEP", shell_complete=complete_steps,
        help="Run this step again and what it needs, nothing after it.",
    )  # fmt: skip
    return redo(only(command))


def verbose_option(command: Command) -> Command:
    """Add `-v/--verbose`."""
    return click.option("-v", "--verbose", is_flag=True, help="Show what steps log at DEBUG too, not only from INFO.")(
        command
    )


def bundled(kind: Callable[..., Any], name: str, *options: str) -> Callable[[Command], Command]:
    """Hand some options of a command over as one argument: `kind`, called with them by their names."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def called(*arguments: Any, **given: Any) -> Any:
            bundle = kind(**{option: given.pop(option) for option in options})
            return command(*arguments, **given, **{name: bundle})

        return cast("Command", called)

    return decorate


def examples(*lines: str) -> str:
    """Return the end of a command's help: lines that can be typed as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def write_file(output: Path, text: str) -> None:
    """Write a text to the file that `--output` names.

    Raises: ConfigError."""
    try:
        output.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise unwritable(output, error) from error


def unwritable(output: Path, error: OSError) -> ConfigError:
    """Return the error for a file that `--output` names and that can't be written."""
    return ConfigError(
        f"{str(output)!r} can't be written: {error.strerror or error}.",
        "--output names a file in a folder that exists and can be written.",
        "Correct the path.",
    )
