"""The options that several commands share, so that they are called and behave the same everywhere."""

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from pplns.errors import ConfigError, ParameterError
from pplns_deploy.cli.completion import complete_steps

if TYPE_CHECKING:
    from pplns.settings import Settings
    from pplns.stores import Store

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


def parse_params(given: Sequence[str]) -> dict[str, str]:
    """Return the parameters of `-p NAME=VALUE` options; a value may hold further '='.

    Raises: ParameterError for one without '=' or name, and for a name given twice."""
    params: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise ParameterError(
                f"-p {text!r} gives no parameter a value.",
                "A parameter is written NAME=VALUE.",
                "Write it like -p month=2013-01.",
            )
        if name in params:
            raise ParameterError(
                f"The parameter {name!r} is given twice: {params[name]!r} and {value!r}.",
                "Each parameter has one value.",
                f'Leave one `-p {name}=…` out; a list is written as JSON: -p \'{name}=["a", "b"]\'.',
            )
        params[name] = value
    return params


def load_project(project: Path | None, *, store: str | None = None) -> "Settings":
    """Return the settings of the project around a folder; flags before the environment before the file."""
    from pplns.settings import load_settings

    flags: Mapping[str, str] = {} if store is None else {"store": store}
    return load_settings(project, flags=flags, environ=os.environ)


def open_project_store(settings: "Settings") -> "Store":
    """Open the store that the settings name."""
    from pplns.stores import open_store

    return open_store(settings.store, root=settings.root)


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


def next_command(*arguments: str, project: Path | None, store: str | None) -> str:
    """Return a command line that may come next, with the project and the store that were given now."""
    words = ["pplns", *arguments]
    if store is not None:
        words += ["--store", store]
    if project is not None:
        words += ["--project", str(project)]
    return join_words(words)


def join_words(words: Sequence[str]) -> str:
    """Return a command line that this system's shell takes apart into the same words."""
    if os.name == "nt":
        import subprocess

        return subprocess.list2cmdline(words)
    import shlex

    return shlex.join(words)
