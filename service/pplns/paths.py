"""Questions about paths, answered by their text, without `pathlib`.

`pathlib` brings `fnmatch`, `urllib.parse` and `ipaddress`: 7 of the 120 ms that a short run took, beside `re`
(docs/decisions/0047). So the modules that a run imports use `os.path`, and take what others give them as a
`StrPath`."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.typed import StrPath


def steps_down(folder: StrPath, place: StrPath) -> list[str] | None:
    """Return the names that lead from a folder to a place in it, None for a place elsewhere."""
    above, whole = (os.path.normcase(os.path.normpath(one)) for one in (folder, place))
    if whole == above:
        return []
    start = f"{above.rstrip(os.sep)}{os.sep}"
    return whole[len(start) :].split(os.sep) if whole.startswith(start) else None


def from_folder(folder: StrPath, place: StrPath) -> str:
    """Return a path below a folder as it is from there, with slashes; any other as it is."""
    if steps_down(folder, place) is None:
        return os.fspath(place)
    return os.path.relpath(place, folder).replace(os.sep, "/")


def read_bytes(file: StrPath) -> bytes:
    """Return what a file holds.

    Raises: OSError."""
    with open(file, "rb") as opened:
        return opened.read()
