"""A request as a command that can be typed: curl in a POSIX shell, or PowerShell's own."""

import shlex

from pplns_deploy.dev.outgoing import Outgoing

_OF_THEIR_OWN = {"User-Agent": "-UserAgent", "Content-Type": "-ContentType"}  # PowerShell 5.1 refuses them in -Headers
_QUOTES = "'\u2018\u2019\u201a\u201b"  # each of them ends a text in single quotes


def as_curl(request: Outgoing) -> str:
    """Return a curl command for sh, bash and zsh."""
    lines = [f"curl --silent --show-error --request POST {shlex.quote(request.url)}"]
    lines += [f"  --header {shlex.quote(f'{name}: {value}')}" for name, value in request.headers.items()]
    return " \\\n".join([*lines, f"  --data-raw {shlex.quote(request.body)}"])


def as_powershell(request: Outgoing) -> str:
    """Return a command for Windows PowerShell 5.1 and PowerShell 7.

    Not curl: how quotes inside an argument reach it differs between the two."""
    others = [(name, value) for name, value in request.headers.items() if name not in _OF_THEIR_OWN]
    table = "; ".join(f"{_quoted(name)} = {_quoted(value)}" for name, value in others)
    lines = [f"Invoke-WebRequest -UseBasicParsing -Method POST -Uri {_quoted(request.url)}"]
    lines += [
        f"  {_OF_THEIR_OWN[name]} {_quoted(value)}" for name, value in request.headers.items() if name in _OF_THEIR_OWN
    ]
    return " `\n".join([*lines, f"  -Headers @{{{table}}}", f"  -Body {_quoted(request.body)}"])


def _quoted(text: str) -> str:
    doubled = "".join(letter * 2 if letter in _QUOTES else letter for letter in text)
    return f"'{doubled}'"
