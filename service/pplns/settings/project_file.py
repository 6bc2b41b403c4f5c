"""The project file, pyproject.toml: where it is found, and what its `[tool.pplns]` says."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pplns.errors import ConfigError
from pplns.model.names import shorten

PROJECT_FILE = "pyproject.toml"


def find_project(start: Path) -> Path:
    """Return the nearest folder, from `start` upwards, whose pyproject.toml has `[tool.pplns]`.

    Raises: ConfigError where there is none, and for a pyproject.toml that is no TOML."""
    start = start.resolve()
    if not start.is_dir():
        raise ConfigError(
            f"The project folder {str(start)!r} is no folder.",
            f"A project is a folder with a {PROJECT_FILE} that has [tool.pplns].",
            "Correct the path, or run `pplns init DIR` to make a project.",
        )
    if root := project_above(start):
        return root
    raise ConfigError(
        f"No pplns project in {str(start)!r} or above it.",
        f"A project is a folder with a {PROJECT_FILE} that has [tool.pplns].",
        "Change to its folder, give --project DIR, or run `pplns init` to make one here.",
    )


def project_above(start: Path) -> Path | None:
    """Return the nearest project folder from `start` upwards, or None where there is none.

    Raises: ConfigError for a pyproject.toml that is no TOML."""
    start = start.resolve()
    return next((one for one in (start, *start.parents) if table_of_project(one / PROJECT_FILE) is not None), None)


def read_project_file(root: Path) -> Mapping[str, Any]:
    """Return the whole pyproject.toml of a project, or nothing where it has none.

    Raises: ConfigError for one that can't be read or is no TOML."""
    file = root / PROJECT_FILE
    text = _text_of(file)
    return {} if text is None else _parse(text, file)


def table_of_project(file: Path) -> Mapping[str, Any] | None:
    """Return `[tool.pplns]` of a pyproject.toml, or None where there is no such file or table."""
    text = _text_of(file)
    tool: Any = None if text is None else _parse(text, file).get("tool")
    if not isinstance(tool, dict) or "pplns" not in tool:
        return None
    return _checked_table(cast("dict[str, Any]", tool)["pplns"], file)


def _text_of(file: Path) -> str | None:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(
            f"{str(file)!r} can't be read: {error.strerror or error}.",
            "pplns reads its settings from that file.",
            "Make it readable, or run pplns in another folder.",
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _no_toml(file, line, "a byte that is no UTF-8") from None


def _parse(text: str, file: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem, _, place = str(error).rpartition(" (at ")
        line = re.search(r"line (\d+)", place)
        raise _no_toml(file, int(line[1]) if line else text.count("\n") + 1, problem or str(error)) from None


def _no_toml(file: Path, line: int, problem: str) -> ConfigError:
    return ConfigError(
        f"{file}, line {line}: {problem}.",
        f"{PROJECT_FILE} is TOML.",
        "Correct that line; https://toml.io shows the form.",
    )


def _checked_table(table: object, file: Path) -> Mapping[str, Any]:
    if not isinstance(table, dict):
        raise ConfigError(
            f"{file} has tool.pplns = {shorten(table)}.",
            "The settings of pplns are a table.",
            'Write the line [tool.pplns], and below it lines such as store = "file:.pplns".',
        )
    return cast("dict[str, Any]", table)
