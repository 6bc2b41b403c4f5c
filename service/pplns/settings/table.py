"""The table of all settings: a row for each, with its key, its variable, and how its value is read."""

from __future__ import annotations

import os
from collections.abc import Callable

from pplns.model.frozen import Frozen
from pplns.model.triggers import check_timezone
from pplns.settings.project_file import PROJECT_FILE
from pplns.typed import cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    TableFormat = Literal["arrow", "parquet"]
    LogFormat = Literal["auto", "json", "text"]

GOOGLE_CERTIFICATES = "https://www.googleapis.com/oauth2/v1/certs"

_MODULE_AND_NAME = r"[^\W\d]\w+(?:\.[^\W\d]\w*)*:[^\W\d]\w*"  # two letters at least: C:x is a Windows path
_TOPIC = r"projects/[a-z][a-z0-9-]{4,28}[a-z0-9]/topics/[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}"
_OTHER_STORE_URL = r"(?s)gs://[^/?]+(/.*)?|memory:[^?]*"


class Given(Frozen):
    """A value as it was met: `source` names its place in an error, `base` is what its relative paths start from."""

    value: object
    source: str
    base: str


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


def _text(given: Given) -> str:
    if not isinstance(given.value, str) or not given.value.strip():
        raise ValueError
    return given.value


def _folder_or_module(given: Given) -> tuple[str | None, str | None]:
    import re  # of use only where settings are given; so below

    text = _text(given)
    if re.fullmatch(_MODULE_AND_NAME, text):
        return None, text
    return _absolute(text, given.base), None


def _absolute(text: str, base: str) -> str:
    """Return an absolute path; '..' goes by the text, so that a linked folder keeps the name it was given."""
    path = os.path.expanduser(text)
    if path.startswith("~"):  # of a user without a home
        raise ValueError
    return os.path.normpath(os.path.join(os.path.realpath(base), path))


def _store_url(given: Given) -> str:
    text = _text(given)
    scheme, _, rest = text.partition(":")
    path, mark, options = rest.partition("?")
    if scheme == "file" and path:
        return text if given.source.endswith(PROJECT_FILE) else f"file:{_absolute(path, given.base)}{mark}{options}"
    import re

    if not re.fullmatch(_OTHER_STORE_URL, text):
        raise ValueError
    return text


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
    import re

    text = _text(given)
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def _topic(given: Given) -> str:
    import re

    text = _text(given)
    if not re.fullmatch(_TOPIC, text.replace("{pipeline}", "pipeline")):
        raise ValueError
    return text


def _certificates_url(given: Given) -> str:
    import re

    text = _text(given)
    if not re.fullmatch(r"https://[^\s]+|http://(127\.0\.0\.1|localhost|\[::1\])[:/][^\s]*", text):
        raise ValueError
    return text


def _accounts(given: Given) -> tuple[str, ...]:
    import re

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
