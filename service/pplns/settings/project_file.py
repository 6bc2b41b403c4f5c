"""The project file, pyproject.toml: where it is found, and what its `[tool.pplns]` says."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pplns.errors import ConfigError
from pplns.kept import digest_of_text, read_kept, write_kept
from pplns.model.names import shorten
from pplns.paths import read_bytes
from pplns.typed import cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from pplns.typed import StrPath

    Found = tuple[str, Mapping[str, Any]]  # the folder of a project, and the table of its file

PROJECT_FILE = "pyproject.toml"


def find_project(start: StrPath) -> Path:
    """Return the nearest folder, from `start` upwards, whose pyproject.toml has `[tool.pplns]`.

    Raises: ConfigError where there is none, and for a pyproject.toml that is no TOML."""
    from pathlib import Path

    root, _ = find_table(start)
    return Path(root)


def find_table(start: StrPath) -> Found:
    """Return what `find_project` returns, and the `[tool.pplns]` that made it one.

    Raises: ConfigError as `find_project`."""
    start = os.path.realpath(start)
    if not os.path.isdir(start):
        raise ConfigError(
            f"The project folder {start!r} is no folder.",
            f"A project is a folder with a {PROJECT_FILE} that has [tool.pplns].",
            "Correct the path, or run `pplns init DIR` to make a project.",
        )
    if found := table_above(start):
        return found
    raise ConfigError(
        f"No pplns project in {start!r} or above it.",
        f"A project is a folder with a {PROJECT_FILE} that has [tool.pplns].",
        "Change to its folder, give --project DIR, or run `pplns init` to make one here.",
    )


def project_above(start: StrPath) -> Path | None:
    """Return the nearest project folder from `start` upwards, or None where there is none.

    Raises: ConfigError for a pyproject.toml that is no TOML."""
    from pathlib import Path

    found = table_above(start)
    return Path(found[0]) if found else None


def table_above(start: StrPath) -> Found | None:
    """Return what `project_above` returns, and the `[tool.pplns]` that made it one.

    Raises: ConfigError as `project_above`."""
    above, folder = "", os.path.realpath(start)
    while folder != above:
        table = table_of_project(os.path.join(folder, PROJECT_FILE))
        if table is not None:
            return folder, table
        above, folder = folder, os.path.dirname(folder)
    return None


def read_project_file(root: StrPath) -> Mapping[str, Any]:
    """Return the whole pyproject.toml of a project, or nothing where it has none.

    Raises: ConfigError for one that can't be read or is no TOML."""
    file = os.path.join(root, PROJECT_FILE)
    data = _bytes_of(file)
    return {} if data is None else _parse(_text_of(data, file), file)


def table_of_project(file: str) -> Mapping[str, Any] | None:
    """Return `[tool.pplns]` of a pyproject.toml, or None where there is no such file or table.

    What it says is kept, so that the next process needs no parser of TOML as long as the file is the same."""
    data = _bytes_of(file)
    if data is None:
        return None
    kept, digest = read_kept(file), digest_of_text(data)
    if kept.get("of") == digest:
        return cast("dict[str, Any]", kept["table"])
    tool: Any = _parse(_text_of(data, file), file).get("tool")
    if not isinstance(tool, dict) or "pplns" not in tool:
        return None
    table = _checked_table(cast("dict[str, Any]", tool)["pplns"], file)
    write_kept(file, of=digest, table=table)
    return table


def _bytes_of(file: str) -> bytes | None:
    try:
        return read_bytes(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(
            f"{file!r} can't be read: {error.strerror or error}.",
            "pplns reads its settings from that file.",
            "Make it readable, or run pplns in another folder.",
        ) from error


def _text_of(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _no_toml(file, line, "a byte that is no UTF-8") from None


def _parse(text: str, file: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        import re

        problem, _, place = str(error).rpartition(" (at ")
        line = re.search(r"line (\d+)", place)
        raise _no_toml(file, int(line[1]) if line else text.count("\n") + 1, problem or str(error)) from None


def _no_toml(file: str, line: int, problem: str) -> ConfigError:
    return ConfigError(
        f"{file}, line {line}: {problem}.",
        f"{PROJECT_FILE} is TOML.",
        "Correct that line; https://toml.io shows the form.",
    )


def _checked_table(table: object, file: str) -> Mapping[str, Any]:
    if not isinstance(table, dict):
        raise ConfigError(
            f"{file} has tool.pplns = {shorten(table)}.",
            "The settings of pplns are a table.",
            'Write the line [tool.pplns], and below it lines such as store = "file:.pplns".',
        )
    return cast("dict[str, Any]", table)
