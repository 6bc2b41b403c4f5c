"""The settings of one process, read from flags, the environment and the project file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

from pplns.errors import ConfigError, DefinitionError
from pplns.model.frozen import Frozen
from pplns.model.names import shorten
from pplns.model.triggers import NO_PARAMS
from pplns.settings.project_file import PROJECT_FILE, find_table, table_above
from pplns.settings.table import GOOGLE_CERTIFICATES, TABLE, Given, Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from pplns.settings.project_file import Found
    from pplns.settings.table import LogFormat, TableFormat
    from pplns.typed import StrPath

DEPLOY_TABLES = (
    "env",
    "image",
    "lock",
)  # in [tool.pplns], for the deploy tool to read and to check
NO_FLAGS: Mapping[str, str] = MappingProxyType({})


class Settings(Frozen):
    """The settings of one process. `root_dir` is the project folder and, as `pipelines_dir` is, absolute.

    `pipelines_module` is `module:name` where the pipeline is named by its module instead of a folder to search;
    `pipelines_dir` is the root then. A relative `file:` path in `store` is relative to `root`. `pipeline` is the only
    one to import and serve, or None for all. `topic` and `dead_letter_topic` are as `topic_of` completes them."""

    root_dir: str
    pipelines_dir: str
    store: str = "file:.pplns"
    table_format: TableFormat = "arrow"
    timezone: str = "UTC"
    pipeline: str | None = None
    lease_seconds: float = 30.0
    pipelines_module: str | None = None
    request_seconds: float = 3600.0
    push_seconds: float = 600.0
    schedule_seconds: float = 1800.0
    margin_seconds: float = 30.0
    topic: str | None = None
    dead_letter_topic: str | None = None
    audience: str | None = None
    allowed_callers: tuple[str, ...] = ()
    params: Mapping[str, Any] = NO_PARAMS
    cloud_run_checks: bool = False
    certificates_url: str = GOOGLE_CERTIFICATES
    log_format: LogFormat = "auto"
    cloud_logging: bool = False
    no_color: bool = False
    google_project: str | None = None
    cloud_service: str | None = None
    port: int = 8080

    @property
    def root(self) -> Path:
        """The project folder, for who has `pathlib` in use anyway."""
        from pathlib import Path

        return Path(self.root_dir)

    @property
    def pipelines(self) -> Path:
        """The folder of the pipelines, for who has `pathlib` in use anyway."""
        from pathlib import Path

        return Path(self.pipelines_dir)


def load_settings(
    project: StrPath | None = None, *, flags: Mapping[str, str] = NO_FLAGS, environ: Mapping[str, str]
) -> Settings:
    """Return the settings of the project in or above `project`, else of the current directory.

    With PPLNS_PIPELINES set the project is looked for above that folder first; where there is none the folder, or
    for `module:name` the current directory, stands for the root.

    Raises: ConfigError for no project, an unknown key, and a malformed or empty value."""
    rows = {row.name: row for row in TABLE}
    for name in flags:
        if name not in rows:
            raise _unknown(f"the flag --{name}", name, list(rows))
    root, table = _find(project, environ)
    given = _from_file(root, table) | _from_environment(environ) | _from_flags(flags)
    values = {name: _read(rows[name], found) for name, found in given.items()}
    folder, module = values.pop("pipelines", (os.path.join(root, "pipelines"), None))
    return _checked_callers(Settings(root_dir=root, pipelines_dir=folder or root, pipelines_module=module, **values))


def topic_of(topic: str | None, pipeline: str) -> str | None:
    """Return a topic from the settings for one pipeline: `{pipeline}` in it stands for the pipeline's name."""
    return None if topic is None else topic.replace("{pipeline}", pipeline)


def _find(project: StrPath | None, environ: Mapping[str, str]) -> Found:
    if project is not None:
        return find_table(project)
    named = _from_environment(environ).get("pipelines")
    if named is None:
        return find_table(os.getcwd())
    folder, _ = _read(TABLE[0], named)
    for start in (folder, os.getcwd()):
        if start is not None and os.path.isdir(start) and (found := table_above(start)):
            return found
    return os.path.realpath(folder or os.getcwd()), {}


def _from_file(root: str, table: Mapping[str, Any]) -> dict[str, Given]:
    file = os.path.join(root, PROJECT_FILE)
    names = {row.key: row.name for row in TABLE if row.key}
    given: dict[str, Given] = {}
    for key, value in table.items():
        if key in DEPLOY_TABLES:
            continue
        if key not in names:
            raise _unknown(f"the key {key!r} in [tool.pplns] of {file}", key, [*names, *DEPLOY_TABLES])
        given[names[key]] = Given(value, f"{key} in [tool.pplns] of {file}", root)
    return given


def _from_environment(environ: Mapping[str, str]) -> dict[str, Given]:
    return {
        row.name: Given(environ[row.variable], f"The environment variable {row.variable}", os.getcwd())
        for row in TABLE
        if row.variable in environ and (environ[row.variable] or not row.may_be_empty)
    }


def _from_flags(flags: Mapping[str, str]) -> dict[str, Given]:
    return {name: Given(value, f"The flag --{name.replace('_', '-')}", os.getcwd()) for name, value in flags.items()}


def _read(row: Row, given: Given) -> Any:
    try:
        if given.value == "":
            raise ValueError
        return row.read(given)
    except (ValueError, DefinitionError):
        met = "empty" if given.value == "" else shorten(given.value)
        raise ConfigError(
            f"{given.source} is {met}.",
            f"It takes {row.type}.",
            f"Correct it, or leave it out for the default {row.default!r}."
            if row.default
            else "Correct it, or leave it out.",
        ) from None


def _checked_callers(settings: Settings) -> Settings:
    """Refuse settings that look as if callers were checked, and let anybody in."""
    if settings.audience is not None and not (settings.allowed_callers or settings.cloud_run_checks):
        raise ConfigError(
            "PPLNS_AUDIENCE is set, and PPLNS_ALLOWED_CALLERS isn't.",
            "Google makes a token of any audience for whoever has a Google account, so a list says who may call.",
            "Set PPLNS_ALLOWED_CALLERS, or PPLNS_CLOUD_RUN_CHECKS=1 where Cloud Run lets only known callers through.",
        )
    if settings.allowed_callers and settings.audience is None:
        raise ConfigError(
            "PPLNS_ALLOWED_CALLERS is set, and PPLNS_AUDIENCE isn't.",
            "Callers are told by tokens that are made for the audience; without one nobody is checked.",
            "Set PPLNS_AUDIENCE, or leave the list out where Cloud Run checks callers.",
        )
    return settings


def _unknown(what: str, name: str, known: list[str]) -> ConfigError:
    import difflib  # of use only after a mistake

    near = difflib.get_close_matches(name, known, n=1)
    return ConfigError(
        f"Unknown setting: {what}.",
        f"Known are {', '.join(repr(one) for one in sorted(known))}.",
        f"Did you mean {near[0]!r}?" if near else "Remove it.",
    )
