"""Which request asks for what: a table of paths and methods, read without any state."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pplns.errors import NotFoundError, ParameterError, PplnsError
from pplns.model.ids import check_run_id
from pplns.model.names import is_name, nearest, shorten

# What is asked for, by path and method. A segment in braces is a name; of a run id an action may follow.
TABLE: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "/": {"POST": "start"},
    "/health": {"GET": "health"},
    "/openapi.json": {"GET": "openapi"},
    "/missed": {"POST": "missed"},
    "/pipelines": {"GET": "pipelines"},
    "/pipelines/{pipeline}": {"GET": "pipeline"},
    "/pipelines/{pipeline}/runs": {"GET": "runs", "POST": "start"},
    "/pipelines/{pipeline}/runs/{run_id}": {"GET": "run"},
    "/pipelines/{pipeline}/runs/{run_id}:resume": {"POST": "resume"},
    "/pipelines/{pipeline}/runs/{run_id}:cancel": {"POST": "cancel"},
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Route:
    """What a request asks for: an action of TABLE, and the names in its path."""

    action: str
    pipeline: str | None = None
    run_id: str | None = None
    allowed: tuple[str, ...] = ()


class MethodNotAllowed(PplnsError):
    """The path is known and takes other methods: `allowed`."""

    code = "method_not_allowed"

    def __init__(self, method: str, path: str, *, allowed: tuple[str, ...]) -> None:
        super().__init__(
            f"{shorten(path)} doesn't take {shorten(method)}.", f"It takes {', '.join(allowed)}.", "Use one of them."
        )
        self.allowed = allowed


def find_route(method: str, path: str) -> Route:
    """Return what a request asks for. `path` is decoded. HEAD asks for what GET does, OPTIONS for `allowed` only.

    Raises: NotFoundError for an unknown path or a name that can be none; MethodNotAllowed."""
    for pattern, names in _MATCHES:
        found = pattern.fullmatch(path)
        if found is not None:
            return _route(method, path, TABLE[names], found.groupdict())
    known = [place for place in TABLE if "{" not in place]
    close = nearest(path, known)
    raise NotFoundError(
        f"There is no {shorten(path)} here.",
        f"Paths: {', '.join(TABLE)}.",
        f"Did you mean {close}?" if close else "See /openapi.json.",
    )


def _route(method: str, path: str, actions: Mapping[str, str], names: Mapping[str, str]) -> Route:
    methods: list[str] = [*actions, "OPTIONS", *(["HEAD"] if "GET" in actions else [])]
    allowed = tuple(sorted(methods))
    if method not in allowed:
        raise MethodNotAllowed(method, path, allowed=allowed)
    pipeline, run_id = names.get("pipeline"), names.get("run_id")
    if pipeline is not None and not is_name(pipeline):
        raise NotFoundError(f"{shorten(pipeline)} can be no pipeline's name.", "", "See GET /pipelines.")
    if run_id is not None:
        _check_run_id(run_id)
    action = "options" if method == "OPTIONS" else actions["GET" if method == "HEAD" else method]
    return Route(action, pipeline, run_id, allowed)


def _check_run_id(run_id: str) -> None:
    try:
        check_run_id(run_id)
    except ParameterError as error:
        raise NotFoundError(error.met, error.expected, "Copy it from the list of runs.") from None


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    return re.compile(
        "".join(re.escape(part) if at % 2 == 0 else f"(?P<{part}>[^/:]+)" for at, part in enumerate(parts))
    )


_MATCHES = tuple((_pattern(path), path) for path in TABLE)
