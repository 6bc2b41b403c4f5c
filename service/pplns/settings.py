"""Settings: what a project, its environment and the command line say, read once into one frozen value.

A flag wins over an environment variable, which wins over `[tool.pplns]` in pyproject.toml, which wins over the
default. `TABLE` is the one list of them; `docs/configuration.md` explains each row."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, cast

from pplns.errors import ConfigError, DefinitionError
from pplns.model.frozen import Frozen
from pplns.model.names import shorten
from pplns.model.triggers import NO_PARAMS, check_timezone

TableFormat = Literal["arrow", "parquet"]
LogFormat = Literal["auto", "json", "text"]
PROJECT_FILE = "pyproject.toml"
DEPLOY_TABLES = ("env", "image", "lock")  # in [tool.pplns], for the deploy tool to read and to check
GOOGLE_CERTIFICATES = "https://www.googleapis.com/oauth2/v1/certs"
NO_FLAGS: Mapping[str, str] = MappingProxyType({})

_MODULE_AND_NAME = re.compile(r"[^\W\d]\w+(?:\.[^\W\d]\w*)*:[^\W\d]\w*")  # two letters at least: C:x is a Windows path
_TOPIC = re.compile(r"projects/[a-z][a-z0-9-]{4,28}[a-z0-9]/topics/[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}")
_STORE_URL = re.compile(r"file:[^?]+(\?.*)?|gs://[^/?]+(/.*)?|memory:[^?]*", re.DOTALL)


class Settings(Frozen):
    """The settings of one process. `root` is the project folder and, as `pipelines` is, absolute.

    `pipelines_module` is `module:name` where the pipeline is named by its module instead of a folder to search;
    `pipelines` is the root then. A relative `file:` path in `store` is relative to `root`. `pipeline` is the only
    one to import and serve, or None for all. `topic` and `dead_letter_topic` are as `topic_of` completes them."""

    root: Path
    pipelines: Path
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


class Given(NamedTuple):
    """A value as it was met: `source` names its place in an error, `base` is what its relative paths start from."""

    value: object
    source: str
    base: Path


class Row(Frozen):
    """One setting. `name` is the field of Settings and, with two dashes, its flag where `has_flag` is set.

    `key` is its name in `[tool.pplns]`, None where only the environment sets it. `read` returns the value for
    Settings, and raises ValueError or DefinitionError where it is malformed. `may_be_empty`: an empty variable counts
    as unset, where others say so; of ours it is a mistake."""

    name: str
    key: str | None
    variable: str
    type: str
    default: str | None
    meaning: str
    read: Callable[[Given], Any]
    has_flag: bool = False
    may_be_empty: bool = False


def load_settings(
    project: Path | None = None, *, flags: Mapping[str, str] = NO_FLAGS, environ: Mapping[str, str]
) -> Settings:
    """Return the settings of the project in or above `project`, else of the current directory.

    With PPLNS_PIPELINES set the project is looked for above that folder first; where there is none the folder, or
    for `module:name` the current directory, stands for the root.

    Raises: ConfigError for no project, an unknown key, and a malformed or empty value."""
    rows = {row.name: row for row in TABLE}
    for name in flags:
        if name not in rows:
            raise _unknown(f"the flag --{name}", name, list(rows))
    root = _project_root(project, environ)
    given = _from_file(root) | _from_environment(environ) | _from_flags(flags)
    values = {name: _read(rows[name], found) for name, found in given.items()}
    folder, module = values.pop("pipelines", (root / "pipelines", None))
    return _checked_callers(Settings(root=root, pipelines=folder or root, pipelines_module=module, **values))


def topic_of(topic: str | None, pipeline: str) -> str | None:
    """Return a topic from the settings for one pipeline: `{pipeline}` in it stands for the pipeline's name."""
    return None if topic is None else topic.replace("{pipeline}", pipeline)


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


def read_project_file(root: Path) -> Mapping[str, Any]:
    """Return the whole pyproject.toml of a project, or nothing where it has none.

    Raises: ConfigError for one that can't be read or is no TOML."""
    file = root / PROJECT_FILE
    text = _text_of(file)
    return {} if text is None else _parse(text, file)


def _project_root(project: Path | None, environ: Mapping[str, str]) -> Path:
    if project is not None:
        return find_project(project)
    named = _from_environment(environ).get("pipelines")
    if named is None:
        return find_project(Path.cwd())
    folder, _ = _read(TABLE[0], named)
    for start in (folder, Path.cwd()):
        if start is not None and start.is_dir() and (root := project_above(start)):
            return root
    return (folder or Path.cwd()).resolve()


def project_above(start: Path) -> Path | None:
    """Return the nearest project folder from `start` upwards, or None where there is none.

    Raises: ConfigError for a pyproject.toml that is no TOML."""
    start = start.resolve()
    return next((one for one in (start, *start.parents) if _table_of(one / PROJECT_FILE) is not None), None)


def _table_of(file: Path) -> Mapping[str, Any] | None:
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


def _from_file(root: Path) -> dict[str, Given]:
    file = root / PROJECT_FILE
    names = {row.key: row.name for row in TABLE if row.key}
    table = _table_of(file) or {}
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
        row.name: Given(environ[row.variable], f"The environment variable {row.variable}", Path.cwd())
        for row in TABLE
        if row.variable in environ and (environ[row.variable] or not row.may_be_empty)
    }


def _from_flags(flags: Mapping[str, str]) -> dict[str, Given]:
    return {name: Given(value, f"The flag --{name.replace('_', '-')}", Path.cwd()) for name, value in flags.items()}


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


def _text(given: Given) -> str:
    if not isinstance(given.value, str) or not given.value.strip():
        raise ValueError
    return given.value


def _folder_or_module(given: Given) -> tuple[Path | None, str | None]:
    text = _text(given)
    if _MODULE_AND_NAME.fullmatch(text):
        return None, text
    return _absolute(text, given.base), None


def _absolute(text: str, base: Path) -> Path:
    from os.path import normpath  # '..' goes by the text, so that a linked folder keeps the name it was given

    try:
        return Path(normpath(base.resolve() / Path(text).expanduser()))
    except RuntimeError:  # '~' of a user without a home
        raise ValueError from None


def _store_url(given: Given) -> str:
    text = _text(given)
    if not _STORE_URL.fullmatch(text):
        raise ValueError
    if not text.startswith("file:") or given.source.endswith(PROJECT_FILE):
        return text
    path, mark, options = text.removeprefix("file:").partition("?")
    return f"file:{_absolute(path, given.base)}{mark}{options}"


def _table_format(given: Given) -> TableFormat:
    formats: tuple[TableFormat, ...] = ("arrow", "parquet")
    for known in formats:
        if given.value == known:
            return known
    raise ValueError


def _log_format(given: Given) -> LogFormat:
    formats: tuple[LogFormat, ...] = ("auto", "json", "text")
    for known in formats:
        if given.value == known:
            return known
    raise ValueError


def _flag(given: Given) -> bool:
    if given.value not in ("0", "1"):
        raise ValueError
    return given.value == "1"


def _is_set(given: Given) -> bool:
    return bool(given.value)


def _timezone(given: Given) -> str:
    return check_timezone(_text(given), where=given.source)


def _seconds(given: Given) -> float:
    seconds = float(_text(given))
    if not 0 < seconds < float("inf"):
        raise ValueError
    return seconds


def _port(given: Given) -> int:
    text = _text(given)
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def _topic(given: Given) -> str:
    text = _text(given)
    if not _TOPIC.fullmatch(text.replace("{pipeline}", "pipeline")):
        raise ValueError
    return text


def _certificates_url(given: Given) -> str:
    text = _text(given)
    if not re.fullmatch(r"https://[^\s]+|http://(127\.0\.0\.1|localhost|\[::1\])[:/][^\s]*", text):
        raise ValueError
    return text


def _accounts(given: Given) -> tuple[str, ...]:
    accounts = tuple(one.strip() for one in _text(given).split(","))
    if not all(re.fullmatch(r"[^@\s,]+@[^@\s,]+", one) for one in accounts):
        raise ValueError
    return accounts


def _json_object(given: Given) -> dict[str, Any]:
    import json

    found: object = json.loads(_text(given))
    if isinstance(found, dict):
        return cast("dict[str, Any]", found)
    raise ValueError


TABLE: tuple[Row, ...] = (
    Row(
        "pipelines", "pipelines", "PPLNS_PIPELINES", "a folder, or module:name for one pipeline of a module",
        "pipelines", "where pipelines are looked for", _folder_or_module,
    ),
    Row(
        "store", "store", "PPLNS_STORE", "file:PATH, gs://BUCKET/PREFIX or memory:",
        "file:.pplns", "where runs and checkpoints are kept", _store_url, has_flag=True,
    ),
    Row(
        "table_format", "table_format", "PPLNS_TABLE_FORMAT", "'arrow' or 'parquet'",
        "arrow", "the format in which checkpoints keep tables", _table_format,
    ),
    Row(
        "timezone", "timezone", "PPLNS_TIMEZONE", "an IANA time zone known here, such as 'America/New_York' or 'UTC'",
        "UTC", "where logical_date() becomes a day, unless the schedule says so itself", _timezone,
    ),
    Row(
        "pipeline", None, "PPLNS_PIPELINE", "the name of one pipeline",
        None, "the only pipeline to import and serve; all, unless set", _text,
    ),
    Row(
        "lease_seconds", None, "PPLNS_LEASE_SECONDS", "a number of seconds above 0",
        "30", "how long a run stays with a process that has stopped answering", _seconds,
    ),
    Row(
        "request_seconds", None, "CLOUD_RUN_TIMEOUT_SECONDS", "a number of seconds above 0",
        "3600", "how long one request may last, as the service is deployed", _seconds,
    ),
    Row(
        "push_seconds", None, "PPLNS_PUSH_SECONDS", "a number of seconds above 0",
        "600", "how long Pub/Sub waits for the answer to a push", _seconds,
    ),
    Row(
        "schedule_seconds", None, "PPLNS_SCHEDULE_SECONDS", "a number of seconds above 0",
        "1800", "how long Cloud Scheduler waits for an answer", _seconds,
    ),
    Row(
        "margin_seconds", None, "PPLNS_MARGIN_SECONDS", "a number of seconds above 0",
        "30", "how long before these times an attempt stops at a step boundary", _seconds,
    ),
    Row(
        "topic", None, "PPLNS_TOPIC", "projects/PROJECT/topics/NAME, where {pipeline} stands for a pipeline's name",
        None, "the topic of each pipeline's own, for continuations and respond-async", _topic,
    ),
    Row(
        "dead_letter_topic", None, "PPLNS_DEAD_LETTER_TOPIC", "projects/PROJECT/topics/NAME, {pipeline} as above",
        None, "where messages go that failed for good or can't become a run", _topic,
    ),
    Row(
        "audience", None, "PPLNS_AUDIENCE", "the audience that tokens are made for, such as a URL",
        None, "refuse requests without an OIDC token for it; unset, Cloud Run alone checks callers", _text,
    ),
    Row(
        "allowed_callers", None, "PPLNS_ALLOWED_CALLERS", "e-mail addresses of accounts, with commas between",
        None, "who may call; an audience needs it, unless Cloud Run checks", _accounts,
    ),
    Row(
        "params", None, "PPLNS_PARAMS", "a JSON object of parameters",
        None, "parameters that go with each schedule, message and event, below its own", _json_object,
    ),
    Row(
        "cloud_run_checks", None, "PPLNS_CLOUD_RUN_CHECKS", "0 or 1",
        "0", "Cloud Run checks callers before the service sees them, and removes the signatures of tokens", _flag,
    ),
    Row(
        "certificates_url", None, "PPLNS_CERTIFICATES_URL", "an https URL, or an http one of this machine",
        GOOGLE_CERTIFICATES, "where the certificates are that tokens are checked with; for tests", _certificates_url,
    ),
    Row(
        "log_format", None, "PPLNS_LOG_FORMAT", "'auto', 'json' or 'text'",
        "auto", "how a service writes log lines; auto is json on Cloud Run, text elsewhere and on a terminal",
        _log_format,
    ),
    Row(
        "cloud_logging", None, "PPLNS_CLOUD_LOGGING", "0 or 1",
        "0", "send log lines by google-cloud-logging instead of writing them to stdout", _flag,
    ),
    Row(
        "no_color", None, "NO_COLOR", "any text",
        None, "write log lines on a terminal without colours", _is_set, may_be_empty=True,
    ),
    Row(
        "google_project", None, "GOOGLE_CLOUD_PROJECT", "the id of a Google Cloud project",
        None, "whose traces log lines belong to; unset, the project of the topic", _text,
    ),
    Row(
        "cloud_service", None, "K_SERVICE", "the name of a Cloud Run service",
        None, "says that the process runs on Cloud Run, which sets it", _text,
    ),
    Row(
        "port", None, "PORT", "a number from 1 to 65535",
        "8080", "where the service listens", _port,
    ),
)  # fmt: skip
