"""How errors leave the command line: an exit code from one table, and three parts of text or one JSON shape.

Error: Pipeline 'sales' has no parameter 'mnth'. It takes: month, region.
  → Did you mean 'month'?"""

from collections.abc import Callable, Mapping

from pplns.errors import (
    ConfigError,
    DefinitionError,
    KeyReused,
    NotFoundError,
    ParameterError,
    PplnsError,
    StopSignal,
    StoreError,
)
from pplns.model.frozen import Frozen
from pplns_deploy.cli.console import Console, open_console
from pplns_deploy.cli.styles import styled, unstyled

RUN_FAILED = 1
WRONG_USAGE = 2
WRONG_CONFIGURATION = 3
INTERRUPTED = 130

EXIT_CODES: Mapping[type[PplnsError], int] = {
    PplnsError: RUN_FAILED,
    ParameterError: WRONG_USAGE,
    NotFoundError: WRONG_USAGE,
    KeyReused: WRONG_USAGE,
    ConfigError: WRONG_CONFIGURATION,
    DefinitionError: WRONG_CONFIGURATION,
    StoreError: WRONG_CONFIGURATION,
}


class Report(Frozen):
    """An error as the command line shows it."""

    code: str
    message: str
    hint: str
    exit_code: int

    def as_json(self) -> dict[str, dict[str, str]]:
        """Return the error shape that commands and requests share."""
        return {"error": {"code": self.code, "message": self.message, "hint": self.hint}}


class Stopped(Exception):
    """Ctrl-C while something was going on; `hint` says how to go on with it."""

    def __init__(self, hint: str, message: str = "Interrupted. What is committed stays.") -> None:
        super().__init__(hint)
        self.hint = hint
        self.message = message


def guarded(command: Callable[[Console], int], *, as_json: bool) -> int:
    """Call a command with its console and return its exit code; an error becomes text, or the document of `--json`."""
    console = open_console(as_json=as_json)
    try:
        return command(console)
    except (Exception, KeyboardInterrupt, StopSignal) as error:
        report = describe(error)
        write_report(console, report)
        return report.exit_code


def describe(error: BaseException) -> Report:
    """Return what the command line says about an error, and the exit code it ends with."""
    if isinstance(error, PplnsError):
        return Report(error.code, error.message, error.hint, exit_code_of(error))
    if isinstance(error, Stopped):
        return Report("interrupted", error.message, error.hint, INTERRUPTED)
    if isinstance(error, KeyboardInterrupt | StopSignal):
        return Report("interrupted", "Interrupted.", "", INTERRUPTED)
    return Report(
        "internal",
        f"pplns itself failed: {type(error).__name__}: {error}",
        "This is a bug of pplns. Run `pplns --debug …` to see where it happened, and report it.",
        RUN_FAILED,
    )


def exit_code_of(error: PplnsError) -> int:
    """Return the exit code of the nearest class in the table."""
    return next(EXIT_CODES[base] for base in type(error).__mro__ if base in EXIT_CODES)


def write_report(console: Console, report: Report) -> None:
    """Write an error to stderr for people, or to stdout as the one document of `--json`."""
    if console.as_json:
        console.document(report.as_json())
    else:
        write_error(console, report.message, report.hint)


def write_error(console: Console, message: str, hint: str, *, kind: str = "Error", trace: str | None = None) -> None:
    """Write an error to stderr: what was met and expected, its place in the user's code, what to do after an arrow."""
    label = styled(f"{kind}:", color="red" if kind == "Error" else "yellow", bold=True)
    console.warn(_wrapped(console, message, f"{label} ", indent="  "))
    for line in (trace or "").splitlines():
        console.warn(f"    {line}")
    if hint:
        console.warn(_wrapped(console, hint, "  → ", indent="    "))


def _wrapped(console: Console, text: str, prefix: str, *, indent: str) -> str:
    width = console.width
    if width is None or not console.err.isatty():
        return prefix + text
    import textwrap  # of use only in a terminal

    room = max(20, width - len(unstyled(prefix)))
    lines = [
        part
        for line in text.splitlines()
        for part in textwrap.wrap(line, room, break_long_words=False, break_on_hyphens=False) or [""]
    ]
    return prefix + f"\n{indent}".join(lines)
