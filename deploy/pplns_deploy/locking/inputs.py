"""What a project asks for: its own requirements, those of pplns, and the groups that a pipeline names.

`pplns` itself is never asked for: the image gets a copy of the one that is installed, as a layer of its own."""

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, cast

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from pplns.errors import ConfigError
from pplns.model.names import nearest, shorten
from pplns.settings import PROJECT_FILE, read_project_file
from pplns_deploy.locking.uv_settings import UvSettings, read_uv_settings

PLATFORMS: Mapping[str, str] = {  # as uv calls them: glibc 2.28 or later, which every current Debian has
    "linux/amd64": "x86_64-manylinux_2_28",
    "linux/arm64": "aarch64-manylinux_2_28",
}
MACHINES: Mapping[str, str] = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
REQUIREMENTS_FILE = "requirements.txt"
US = "pplns"
PYTHONS = tuple(f"3.{minor}" for minor in range(11, 31))

_ADDRESS = re.compile(r"://\S*")  # may have a password in it, so no message shows one
_KEYS = ("python", "platforms", "requirements", "groups")


@dataclass(frozen=True, slots=True)
class LockInputs:
    """All that a lock depends on. `groups` are sets of names, each of which some pipeline wants; `()` is the plain set.

    `python` is None where the project leaves it to the lock that there is, or to this interpreter."""

    requirements: tuple[str, ...]
    groups: Mapping[tuple[str, ...], tuple[str, ...]]
    platforms: tuple[str, ...]
    python: str | None
    uv: UvSettings = field(default_factory=UvSettings)
    requires_python: str = ""

    def wanted(self, groups: tuple[str, ...]) -> tuple[str, ...]:
        """Return the requirements of a set of groups, the project's own included, sorted and each once."""
        return tuple(sorted({*self.requirements, *self.groups[groups]}))

    def allows(self, python: str) -> bool:
        """Tell whether requires-python has a release of a minor version; one that can't be read says nothing."""
        try:
            allowed = SpecifierSet(self.requires_python)
        except InvalidSpecifier:
            return True
        return any(f"{python}.{patch}" in allowed for patch in (0, 99))

    def digest(self, groups: tuple[str, ...], python: str) -> str:
        """Return what a lock keeps to notice that it is stale."""
        more = [self.uv.text] if self.uv.text else []
        kept = json.dumps([self.wanted(groups), list(self.platforms), python, *more])
        return f"sha256:{hashlib.sha256(kept.encode()).hexdigest()}"


def read_inputs(root: Path) -> LockInputs:
    """Return what a project asks for.

    Raises: ConfigError, naming file and key."""
    document = read_project_file(root)
    table = _lock_table(document, root)
    named = _groups_by_pipeline(table, root)
    return LockInputs(
        requirements=_without_us([*_own(document, table, root), *_of_pplns()], root),
        groups={(): (), **{names: _of_groups(document, names, root) for names in named.values()}},
        platforms=_platforms(table, root),
        python=_python(table, root),
        uv=read_uv_settings(document),
        requires_python=str(_table_of(document, "project", root).get("requires-python", "")),
    )


def groups_by_pipeline(root: Path) -> dict[str, tuple[str, ...]]:
    """Return the groups that each pipeline of `[tool.pplns.lock] groups` names; no others are in it.

    Raises: ConfigError, naming file and key."""
    return _groups_by_pipeline(_lock_table(read_project_file(root), root), root)


def groups_of(root: Path, pipeline: str) -> tuple[str, ...]:
    """Return the groups that a pipeline names, none where it isn't in the table."""
    return groups_by_pipeline(root).get(pipeline, ())


def this_python() -> str:
    """Return the minor version of this interpreter."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def _lock_table(document: Mapping[str, Any], root: Path) -> Mapping[str, Any]:
    table: object = document.get("tool", {}).get("pplns", {}).get("lock", {})
    if not isinstance(table, dict):
        raise _refuse("lock", table, "a table", root, table="tool.pplns")
    found = cast("dict[str, Any]", table)
    for key in found:
        if key not in _KEYS:
            near = nearest(key, _KEYS)
            raise ConfigError(
                f"Unknown key: {key} in [tool.pplns.lock] of {root / PROJECT_FILE}.",
                f"Known are {', '.join(map(repr, _KEYS))}.",
                f"Did you mean {near!r}?" if near else "Remove it.",
            )
    return found


def _groups_by_pipeline(table: Mapping[str, Any], root: Path) -> dict[str, tuple[str, ...]]:
    groups: object = table.get("groups", {})
    if not isinstance(groups, dict):
        raise _refuse("groups", groups, 'a table of pipelines, such as {forecast = ["ml"]}', root)
    return {
        pipeline: tuple(sorted(set(_texts(names, f"groups.{pipeline}", root))))
        for pipeline, names in cast("dict[str, object]", groups).items()
    }


def _own(document: Mapping[str, Any], table: Mapping[str, Any], root: Path) -> list[str]:
    """Return the requirements of the file that `requirements` names, of `[project]`, or of requirements.txt."""
    file: object = table.get("requirements")
    if file is not None:
        if not isinstance(file, str):
            raise _refuse("requirements", file, "the path of a requirements file", root)
        return list(_of_file(root / file))
    project = _table_of(document, "project", root)
    if "dependencies" in project:
        return _texts(project["dependencies"], "dependencies", root, table="project")
    return list(_of_file(root / REQUIREMENTS_FILE)) if (root / REQUIREMENTS_FILE).exists() else []


def _of_file(file: Path, within: tuple[Path, ...] = ()) -> Iterator[str]:
    try:
        if file in within:
            raise OSError("it includes itself")
        text = file.read_text("utf-8-sig").replace("\\\n", " ")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{str(file)!r} can't be read: {error}.",
            "It is a requirements file.",
            "Correct `requirements` in [tool.pplns.lock].",
        ) from None
    for line in text.splitlines():
        plain = line.partition(" #")[0].partition(" --hash")[0].strip()
        if plain.startswith(("-r ", "--requirement ")) and "://" not in plain:
            yield from _of_file(file.parent / plain.split(None, 1)[1], (*within, file))
        elif plain.startswith("-"):
            raise _option(file, plain)
        elif plain and not plain.startswith("#"):
            yield plain


def _option(file: Path, line: str) -> ConfigError:
    option = re.split(r"[\s=]", _without_address(line))[0]
    is_code = option in ("-e", "--editable")
    return ConfigError(
        f"{file} has the option {option!r}{' with an address' if '://' in line else ''}.",
        "Only requirements, and -r, are taken over; where packages come from is set for uv, not in a lock.",
        "Put a wheel of it into an index and name its version, or its code under `src`."
        if is_code
        else "Move it to [tool.uv] in pyproject.toml, uv.toml, or UV_… variables of your own.",
    )


def _of_pplns() -> list[str]:
    """Return what pplns needs in the container: its base dependencies, without those of extras."""
    return [one for one in metadata.requires(US) or [] if "extra" not in one.partition(";")[2]]


def _of_groups(document: Mapping[str, Any], names: tuple[str, ...], root: Path) -> tuple[str, ...]:
    found = [one for name in names for one in _of_group(document, name, root, ())]
    return _without_us(found, root)


def _of_group(document: Mapping[str, Any], name: str, root: Path, within: tuple[str, ...]) -> Iterator[str]:
    """Yield the requirements of a dependency group (PEP 735, with those it includes) or of an extra."""
    groups = _by_name(_table_of(document, "dependency-groups", root))
    extras = _by_name(_table_of(_table_of(document, "project", root), "optional-dependencies", root))
    wanted = canonicalize_name(name)
    if wanted in within or wanted not in {**extras, **groups}:
        what = "includes itself" if wanted in within else "is not there"
        known = ", ".join(map(repr, sorted({**extras, **groups}))) or "none"
        raise ConfigError(
            f"The group {name!r}, which [tool.pplns.lock] of {root / PROJECT_FILE} names, {what}.",
            f"[dependency-groups] and [project.optional-dependencies] have {known}.",
            "Correct the name, or add the group.",
        )
    for one in groups.get(wanted, extras.get(wanted, [])):
        if isinstance(one, dict):
            included = str(cast("dict[str, object]", one).get("include-group"))
            yield from _of_group(document, included, root, (*within, wanted))
        else:
            yield str(one)


def _by_name(groups: Mapping[str, Any]) -> dict[str, Any]:
    return {canonicalize_name(key): one for key, one in groups.items()}


def _without_us(requirements: list[str], root: Path) -> tuple[str, ...]:
    parsed = [_parsed(one, root) for one in requirements]
    return tuple(sorted({str(one) for one in parsed if canonicalize_name(one.name) != US}))


def _parsed(text: str, root: Path) -> Requirement:
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise ConfigError(
            f"The requirement {shorten(_without_address(text))} of {root} can't be read:"
            f" {_without_address(str(error).splitlines()[0])}.",
            "A requirement is a name with versions, such as 'pandas>=2.2'; the image is built from wheels of an index.",
            "Correct it; put a folder of your own under `src`, or its wheel into an index or a uv `find-links` folder.",
        ) from None
    if found.url:
        raise ConfigError(
            f"The requirement {found.name!r} of {root} comes from an address, {_without_address(found.url)!r}.",
            "A lock names no address: everything comes as a wheel from an index, with its hash.",
            "Put a wheel of it into your index, or a uv `find-links` folder, and name its version.",
        )
    return found


def _platforms(table: Mapping[str, Any], root: Path) -> tuple[str, ...]:
    found = _texts(table.get("platforms", list(PLATFORMS)), "platforms", root)
    if not found or not set(found) <= set(PLATFORMS):
        raise _refuse("platforms", found, f"a list of {' and '.join(map(repr, PLATFORMS))}", root)
    return tuple(sorted(set(found)))


def _python(table: Mapping[str, Any], root: Path) -> str | None:
    found = table.get("python")
    if found is not None and found not in PYTHONS:
        raise _refuse("python", found, "a minor version as text, such as '3.12'", root)
    return found


def _without_address(text: str) -> str:
    return _ADDRESS.sub("://…", text)


def _table_of(document: Mapping[str, Any], key: str, root: Path) -> Mapping[str, Any]:
    found: object = document.get(key, {})
    if not isinstance(found, dict):
        raise _refuse(key, found, "a table", root, table="")
    return cast("dict[str, Any]", found)


def _texts(value: object, key: str, root: Path, *, table: str = "tool.pplns.lock") -> list[str]:
    found = _as_texts(value)
    if found is None:
        raise _refuse(key, value, "a list of text", root, table=table)
    return found


def _as_texts(value: object) -> list[str] | None:
    listed = cast("list[object]", value) if isinstance(value, list) else [None]
    return cast("list[str]", listed) if all(isinstance(one, str) for one in listed) else None


def _refuse(key: str, value: object, expected: str, root: Path, *, table: str = "tool.pplns.lock") -> ConfigError:
    return ConfigError(
        f"{key}{f' in [{table}]' if table else ''} of {root / PROJECT_FILE} is {shorten(value)}.",
        f"It takes {expected}.",
        "Correct it, or leave it out.",
    )
