"""What `[tool.uv]` of a project says of versions, and of where packages come from.

uv reads overrides, constraints and indexes by itself, in the folder where it is called. Sources (`[tool.uv.sources]`)
it takes for the requirements of a project file only: what has one goes to uv in such a file."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pplns.errors import ConfigError
from pplns.settings import PROJECT_FILE

KEYS = (  # what may change which versions are chosen; the rest of [tool.uv] is about environments and builds
    "constraint-dependencies", "override-dependencies", "exclude-dependencies", "index", "index-url", "extra-index-url",
    "no-index", "find-links", "index-strategy", "prerelease", "resolution", "fork-strategy", "exclude-newer",
    "exclude-newer-package", "sources", "torch-backend",
)  # fmt: skip

_CREDENTIALS = re.compile(r"://[^/@\s]*@")  # who asks is no part of what is asked for
_SCOPES = ("extra", "group")

Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UvSettings:
    """What counts for a lock: `text` is all of it, without credentials, and empty where there is nothing.

    `sources` has those of a package by its normalised name, `indexes` the declared ones."""

    text: str = ""
    sources: Mapping[str, Sequence[Table]] = field(default_factory=dict[str, Sequence[Table]])
    indexes: tuple[Table, ...] = ()


def read_uv_settings(document: Mapping[str, Any]) -> UvSettings:
    """Return what a project file says to uv. What is malformed is left to uv, which refuses it."""
    uv = _table(_table(document.get("tool")).get("uv"))
    kept = {key: uv[key] for key in KEYS if key in uv}
    if of_pip := {key: value for key, value in _table(uv.get("pip")).items() if key in KEYS}:
        kept["pip"] = of_pip
    sources = {str(canonicalize_name(name)): _tables(one) for name, one in _table(uv.get("sources")).items()}
    text = _CREDENTIALS.sub("://", json.dumps(kept, sort_keys=True, default=str)) if kept else ""
    return UvSettings(text, sources, tuple(_tables(uv.get("index"))))


def project_asking(uv: UvSettings, requirements: Sequence[str], *, groups: Iterable[str], root: Path) -> str | None:
    """Return the text of a project file that asks for requirements from their sources, None where none has one.

    Raises: ConfigError for a source that is no index."""
    sources = _sources(uv, requirements, groups, root)
    if not sources:
        return None
    lines = ["[project]", 'name = "asked"', 'version = "0"', f"dependencies = {_toml(list(requirements))}"]
    lines += ["[tool.uv.sources]", *(f"{_toml(name)} = {_toml(found)}" for name, found in sources.items())]
    for index in _absolute(uv.indexes, root):
        lines += ["[[tool.uv.index]]", *(f"{_toml(key)} = {_toml(value)}" for key, value in index.items())]
    return "".join(f"{line}\n" for line in lines)


def _sources(uv: UvSettings, requirements: Iterable[str], groups: Iterable[str], root: Path) -> dict[str, list[Table]]:
    """Return the sources of requirements, as they hold for a set of groups."""
    names = {canonicalize_name(Requirement(one).name) for one in requirements}
    scopes = {canonicalize_name(one) for one in groups}
    found = {
        name: [_checked(one, name, root) for one in uv.sources[name] if _is_in(one, scopes)]
        for name in sorted(names & set(uv.sources))
    }
    return {name: tables for name, tables in found.items() if tables}


def _checked(source: Table, name: str, root: Path) -> Table:
    """Return a source without its scope, which has been decided."""
    if "index" not in source:
        kinds = ", ".join(repr(key) for key in source if key not in (*_SCOPES, "marker"))
        raise ConfigError(
            f"[tool.uv.sources] of {root / PROJECT_FILE} has {name!r} come from {kinds or 'nowhere'}.",
            "A lock names no address: everything comes as a wheel from an index, with its hash.",
            f"Put a wheel of it into an index, and write {name} = {{index = …}}; code in `src` needs no name.",
        )
    return {key: value for key, value in source.items() if key not in _SCOPES}


def _is_in(source: Table, groups: Set[str]) -> bool:
    scopes = [canonicalize_name(str(source[key])) for key in _SCOPES if key in source]
    return all(one in groups for one in scopes)


def _absolute(indexes: Iterable[Table], root: Path) -> list[Table]:
    """Return indexes as they can be named from anywhere: one may be a folder beside the project file."""
    return [
        {**one, "url": one["url"] if "://" in one["url"] else str((root / one["url"]).resolve())}
        for one in indexes
        if isinstance(one.get("url"), str)
    ]


def _toml(value: object) -> str:
    """Return a value as TOML has it; text, numbers and lists are written as in JSON."""
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).items()
        return "{" + ", ".join(f"{_toml(key)} = {_toml(one)}" for key, one in items) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(one) for one in cast("list[object]", value)) + "]"
    return json.dumps(value, ensure_ascii=False, default=str)


def _table(value: object) -> Table:
    return cast("Table", value) if isinstance(value, dict) else {}


def _tables(value: object) -> list[Table]:
    """Return tables that may stand alone or in a list."""
    found = cast("list[object]", value) if isinstance(value, list) else [value]
    return [cast("Table", one) for one in found if isinstance(one, dict)]
