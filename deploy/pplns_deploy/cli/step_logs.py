"""What steps log while a run goes on, as lines on stderr: `load      INFO  read 27004 rows`.

One handler shows what goes to `current_run().logger`, and what the project's own modules log under their names. It
keeps quiet as soon as the root logger has a handler: then the project set up logging itself, and shows it already."""

import logging
import os
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from pplns_deploy.cli.console import write_line
from pplns_deploy.cli.output import clean_text

NAME_WIDTH = 8
LEVEL_WIDTH = 7
INSTALLED = "site-packages"  # a virtual environment may lie inside the project


@contextmanager
def shown(root: str, loaded: Iterable[str], *, verbose: bool) -> Generator[None]:
    """Show what goes to the run's logger, and to those of the modules that were loaded from a project."""
    if logging.getLogger().handlers:
        yield
        return
    handler = StepLogs()
    loggers = [logging.getLogger(name) for name in ("pplns", *_packages_of(root, loaded))]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)


class StepLogs(logging.Handler):
    """Writes each record as a line: the step that logged it, or else the logger, then level and message."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless the project shows its logs by handlers of its own."""
        if logging.getLogger().handlers:
            return
        try:
            # the stream as it is now: on a terminal it passes above what is running
            write_line("\n".join(log_lines(record)), sys.stderr)
        except Exception:
            self.handleError(record)


def log_lines(record: logging.LogRecord) -> list[str]:
    """Return the lines of a record, a traceback below its message."""
    message, *more = record.getMessage().splitlines() or [""]
    if record.exc_info:
        more += logging.Formatter().formatException(record.exc_info).splitlines()
    head = f"{_source_of(record):<{NAME_WIDTH}}  {record.levelname:<{LEVEL_WIDTH}}  {clean_text(message)}"
    return [f"    {line}".rstrip() for line in (head, *(f"  {clean_text(one)}" for one in more))]


def _source_of(record: logging.LogRecord) -> str:
    if record.name.startswith("pplns."):
        return record.name.rpartition(".")[2]
    from pplns.engine.context import current_run
    from pplns.errors import PplnsError

    try:
        return current_run().step
    except PplnsError:
        return record.name


def _packages_of(root: str, loaded: Iterable[str]) -> list[str]:
    """Return the top names of those modules that are a project's, but for what is installed into it."""
    here = f"{os.path.realpath(root)}{os.sep}"
    found = {
        name.partition(".")[0]
        for name in loaded
        if (file := getattr(sys.modules.get(name), "__file__", None))
        and file.startswith(here)
        and INSTALLED not in file
    }
    return sorted(found - {"pplns", "pplns_deploy", "__main__", "__mp_main__"})
