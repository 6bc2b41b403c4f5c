"""Where the words of a command go: text for people, or one JSON document on stdout.

With `--json` stdout belongs to that document alone. Whatever else is printed meanwhile, by a step, a library or a
process that a step started, goes to stderr, so the file descriptor itself is turned round."""

from __future__ import annotations

import errno
import os
import sys
from io import UnsupportedOperation

from pplns.model.frozen import Frozen
from pplns_deploy.cli.styles import unstyled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

PIPED_WIDTH = 80  # for tables that have to be cut somewhere
_READER_LEFT = (errno.EPIPE, *((errno.EINVAL,) if os.name == "nt" else ()))
_IN_ASCII = str.maketrans({"→": "->", "←": "<-", "✓": "+", "✗": "x", "…": "...", "·": "-", "↻": "~", "─": "-"})


class Console(Frozen):
    """The two streams of a command. Text for people goes to `lines`, which is stderr where stdout is a document's."""

    out: TextIO
    err: TextIO
    as_json: bool

    @property
    def lines(self) -> TextIO:
        """The stream for people to read."""
        return self.err if self.as_json else self.out

    @property
    def width(self) -> int | None:
        """The columns of the terminal; None where the lines go to a file or pipe and needn't be cut."""
        if not self.lines.isatty() and "COLUMNS" not in os.environ:
            return None
        import shutil  # of use only in a terminal

        return shutil.get_terminal_size((PIPED_WIDTH, 24)).columns

    def say(self, text: str = "") -> None:
        """Write a line for people."""
        write_line(text, self.lines)

    def begin(self, text: str) -> None:
        """Write a line that says what is beginning; a picture of what goes on may say it instead."""
        self.say(text)

    def warn(self, text: str) -> None:
        """Write a line about what went wrong, to stderr."""
        write_line(text, self.err)

    def document(self, value: Any) -> None:
        """Write the one JSON document of a command that was called with `--json`."""
        import json

        is_unicode = (self.out.encoding or "").lower().replace("-", "") == "utf8"
        write_line(json.dumps(value, indent=2, ensure_ascii=not is_unicode, allow_nan=False), self.out)


def open_console(*, as_json: bool) -> Console:
    """Return the console of this process; with `as_json` stdout is given to the document for good.

    It isn't given back: the process ends after one command, and a thread of a step that was abandoned may still
    print."""
    out = sys.stdout
    if as_json:
        out = _take_over_stdout(out)
        sys.stdout = sys.stderr
    return Console(out=out, err=sys.stderr, as_json=as_json)


def write_line(text: str, stream: TextIO) -> None:
    """Write a line so that any stream can take it: where it has no such characters, their ASCII likenesses.

    Where the reader has left (`pplns run … | head -1`) the stream goes on into nothing: a run ends as it would have."""
    spelled = spell(text, stream.encoding or "ascii")
    try:
        if stream.isatty():
            import click  # which knows the consoles of Windows

            click.echo(spelled, file=stream, color=False if os.environ.get("NO_COLOR") else None)
        else:
            stream.write(f"{unstyled(spelled)}\n")
            stream.flush()
    except OSError as error:
        if error.errno not in _READER_LEFT:
            raise
        _lead_nowhere(stream)


def spell(text: str, encoding: str) -> str:
    """Return a text in the characters that an encoding has."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_IN_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text


def _lead_nowhere(stream: TextIO) -> None:
    """Point a stream's descriptor to nowhere, for what steps and the processes that they start print, too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _take_over_stdout(stdout: TextIO) -> TextIO:
    stdout.flush()
    try:
        descriptor, instead = stdout.fileno(), sys.stderr.fileno()
    except (OSError, ValueError, UnsupportedOperation):  # a stream in memory, as tests use them
        return stdout
    document = os.fdopen(os.dup(descriptor), "w", encoding=stdout.encoding)
    os.dup2(instead, descriptor)
    return document
