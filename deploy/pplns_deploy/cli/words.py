"""The words of a command line: what parameters they give, and how those of the next one are written."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pplns.errors import ParameterError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.typed import StrPath


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


def next_command(*arguments: str, project: StrPath | None, store: str | None) -> str:
    """Return a command line that may come next, with the project and the store that were given now."""
    words = ["pplns", *arguments]
    if store is not None:
        words += ["--store", store]
    if project is not None:
        words += ["--project", str(project)]
    return join_words(words)


def join_words(words: Sequence[str]) -> str:
    """Return a command line that this system's shell takes apart into the same words."""
    if all(map(_is_plain, words)):
        return " ".join(words)
    if os.name == "nt":
        import subprocess

        return subprocess.list2cmdline(words)
    import shlex

    return shlex.join(words)


def _is_plain(word: str) -> bool:
    """Tell whether no shell has to have a word quoted."""
    return word != "" and word.isascii() and all(letter.isalnum() or letter in "_@%+=:,./-" for letter in word)
