"""Names of time zones as IANA writes them: those that Cloud Scheduler and every machine know.

A file system that ignores case finds `europe/berlin` too, and beside the zones lie files such as `localtime`, which is
another zone on each machine. The names are read from folders: asking zoneinfo for all of them takes 25 ms."""

import re
import zoneinfo
from collections.abc import Sequence
from pathlib import Path

_OF_ONE_MACHINE = re.compile(r"localtime|posixrules|Factory|(?:posix|right)/.*", re.IGNORECASE)


def iana_name(known: str) -> str | None:
    """Return the name of a time zone that this machine knows as IANA writes it; None for one that isn't IANA's."""
    if _OF_ONE_MACHINE.fullmatch(known):
        return None
    found = (_found_in(folder, known.split("/")) for folder in zoneinfo.TZPATH)
    return next((name for name in found if name), None) or _found_among(_packaged(), known)


def _found_in(folder: str, parts: Sequence[str]) -> str | None:
    """Return the path of a file below a folder as it is written there, or None where there is none."""
    place = Path(folder)
    for part in parts:
        names = [one.name for one in place.iterdir()] if place.is_dir() else []
        if (name := _found_among(names, part)) is None:
            return None
        place /= name
    return place.relative_to(folder).as_posix()


def _found_among(names: Sequence[str], wanted: str) -> str | None:
    """Return a name as it is, else the one that differs in case only."""
    if wanted in names:
        return wanted
    return next((name for name in names if name.casefold() == wanted.casefold()), None)


def _packaged() -> list[str]:
    """Return the names in the package tzdata, which Python falls back to."""
    from importlib.resources import files

    try:
        return files("tzdata").joinpath("zones").read_text("utf-8").split()
    except (ModuleNotFoundError, OSError):
        return []
