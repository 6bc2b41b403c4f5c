"""What was worked out from a source file, kept beside its bytecode, so that nobody need work it out again.

A short cut and nothing more: whoever reads it checks that it still holds, and what is missing, damaged or can't be
written costs time alone. Like bytecode it isn't written under `python -B`, and `PYTHONPYCACHEPREFIX` moves it; this
process has it all the same."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from importlib.util import cache_from_source

from pplns._version import __version__
from pplns.built_in import sha256
from pplns.json_text import read_json, write_ascii
from pplns.model.ids import new_token
from pplns.paths import read_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pplns.typed import StrPath

_BYTECODE = ".pyc"
_KEPT = ".pplns.json"
_VERSION = "pplns"

_of_this_process: dict[str, Mapping[str, Any]] = {}


def read_kept(source: StrPath) -> Mapping[str, Any]:
    """Return what this version of pplns on this version of Python has kept of a source file, empty where it hasn't.

    Not to be changed: others read the same."""
    try:
        place = _place_of(source)
        if place in _of_this_process:
            return _of_this_process[place]
        check, _, data = read_bytes(place).partition(b"\n")
        kept: Mapping[str, Any] = read_json(data) if check == digest_of_text(data).encode() else {}
    except (OSError, ValueError, NotImplementedError):
        return {}
    return kept if kept.get(_VERSION) == __version__ else {}


def write_kept(source: StrPath, **kept: Any) -> None:
    """Keep what is JSON of a source file; where it can't be written, for this process alone."""
    try:
        data = write_ascii({_VERSION: __version__, **kept}).encode()
        place = _place_of(source)
    except (TypeError, ValueError, NotImplementedError):  # a date of TOML, an interpreter without a tag
        return
    _of_this_process[place] = kept
    if not sys.dont_write_bytecode:
        with contextlib.suppress(OSError):
            _write(place, b"%b\n%b" % (digest_of_text(data).encode(), data))


def digest_of_text(text: bytes) -> str:
    """Return the SHA-256, in hex, by which a file is known to be what it was."""
    return sha256(text).hexdigest()


def _place_of(source: StrPath) -> str:
    """Return where it is kept: a.toml and a.py, which have one name without their ends, in two places."""
    return cache_from_source(f"{source}{_BYTECODE}").removesuffix(_BYTECODE) + _KEPT


def _write(place: str, data: bytes) -> None:
    os.makedirs(os.path.dirname(place), exist_ok=True)
    temporary = f"{place}.{new_token()}"
    try:
        with open(temporary, "xb") as file:
            file.write(data)
        os.replace(temporary, place)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
