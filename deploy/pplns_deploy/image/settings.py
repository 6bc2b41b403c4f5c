"""`[tool.pplns.image]`: what the image is built on, and where it goes."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from pplns.errors import ConfigError
from pplns.model.names import shorten
from pplns.settings import PROJECT_FILE, read_project_file
from pplns_deploy.locking import PLATFORMS

DEFAULT_BASE = "mirror.gcr.io/library/python:{python}-slim"  # anonymous pulls of the original are limited
_PYTHON = re.compile(r"3\.(1[1-9]|[2-9]\d)")


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """The table's keys. In `base` `{python}` stands for the minor version, such as 3.12; `python` is None for that
    of the lock; `repository` is where `--push` alone pushes to."""

    base: str = DEFAULT_BASE
    python: str | None = None
    platform: str = "linux/amd64"
    repository: str | None = None
    source: str | None = None


def read_image_settings(root: Path, given: Mapping[str, str | None]) -> ImageSettings:
    """Return the settings of a project's image; what was given as a flag wins, None wasn't given.

    Raises: ConfigError."""
    file = root / PROJECT_FILE
    table = _table(read_project_file(root), file)
    known = [field.name for field in fields(ImageSettings)]
    for key in table:
        if key not in known:
            raise _unknown(key, known, file)
    values = {key: _text(key, value, file) for key, value in table.items()}
    values |= {key: value for key, value in given.items() if value is not None}
    return _checked(ImageSettings(**values), file)


def _table(document: Mapping[str, Any], file: Path) -> Mapping[str, Any]:
    table = document.get("tool", {}).get("pplns", {}).get("image", {})
    if not isinstance(table, dict):
        raise ConfigError(
            f"{file} has tool.pplns.image = {shorten(table)}.",
            "The settings of the image are a table.",
            'Write the line [tool.pplns.image], and below it lines such as base = "python:3.12-slim".',
        )
    return cast("dict[str, Any]", table)


def _text(key: str, value: object, file: Path) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(
            f"{key} in [tool.pplns.image] of {file} is {shorten(value)}.",
            "It takes a text.",
            "Correct it, or leave it out.",
        )
    return value


def _checked(settings: ImageSettings, file: Path) -> ImageSettings:
    if settings.python is not None and not _PYTHON.fullmatch(settings.python):
        raise ConfigError(
            f"The image's python is {settings.python!r}.",
            "It is a minor version from 3.11, without the patch.",
            'Write it like python = "3.12" in [tool.pplns.image], or --python 3.12.',
        )
    if settings.platform not in PLATFORMS:
        raise ConfigError(
            f"The image's platform is {settings.platform!r} ({file}, or --platform).",
            f"It is one of {', '.join(PLATFORMS)}; Cloud Run takes linux/amd64.",
            "Correct it, or leave it out.",
        )
    return settings


def _unknown(key: str, known: Sequence[str], file: Path) -> ConfigError:
    near = difflib.get_close_matches(key, known, n=1)
    return ConfigError(
        f"Unknown setting: the key {key!r} in [tool.pplns.image] of {file}.",
        f"Known are {', '.join(map(repr, sorted(known)))}.",
        f"Did you mean {near[0]!r}?" if near else "Remove it.",
    )
