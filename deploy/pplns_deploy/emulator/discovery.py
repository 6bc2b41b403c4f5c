"""Google's discovery documents: which methods an API has, under which paths, with which parameters and bodies.

They come with the package google-api-python-client and are read as data; none of its code runs."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pplns_deploy.emulator.refusals import StandInError

SYSTEM_PARAMETERS = frozenset({  # https://cloud.google.com/apis/docs/system-parameters, and the clients' `$` spelling
    "$alt", "$callback", "$fields", "$httpHeaders", "$key", "$outputDefaults", "$prettyPrint", "$unique",
    "$userProject", "$visibility", "$xgafv", "userProject",
})  # fmt: skip
_VARIABLE = re.compile(r"\{(\+?)(\w+)\}")


@dataclass(frozen=True, slots=True)
class Method:
    """A method of an API."""

    api: str
    id: str
    http: str
    slashes: int
    flat: re.Pattern[str]
    template: re.Pattern[str]
    parameters: Mapping[str, Mapping[str, Any]]
    request: str | None
    response: str | None

    def names(self, path: str) -> dict[str, str] | None:
        """Return the parameters in a path, or None if it is no path of this method. A name may hold `%2F`."""
        found = self.template.fullmatch(path) if self.flat.fullmatch(path) else None
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None


@dataclass(frozen=True, slots=True)
class Document:
    """A version of an API; the paths of one that `is_based` leave out its name and version."""

    api: str
    schemas: Mapping[str, Mapping[str, Any]]
    common: frozenset[str]
    is_based: bool
    methods: tuple[Method, ...]
    _by_size: dict[tuple[str, int], list[Method]] = field(default_factory=dict[tuple[str, int], list[Method]])

    def __post_init__(self) -> None:
        for method in self.methods:
            self._by_size.setdefault((method.http, method.slashes), []).append(method)

    def find(self, http: str, path: str) -> tuple[Method, dict[str, str]] | None:
        """Return the method of a request and the parameters in its path: one with a verb before one without."""
        for method in self._by_size.get((http, path.count("/")), []):
            names = method.names(path)
            if names is not None:
                return method, names
        return None


@cache
def read_document(name: str) -> Document:
    """Return a document, such as `run.v2`."""
    raw = json.loads((_folder() / f"{name}.json").read_text(encoding="utf-8"))
    methods = sorted(_methods(raw, name), key=lambda method: ":" not in method.template.pattern)
    common = frozenset(raw["parameters"]) | SYSTEM_PARAMETERS
    return Document(name, raw["schemas"], common, bool(raw["servicePath"]), tuple(methods))


def _folder() -> Path:
    spec = find_spec("googleapiclient")
    if spec is None or not spec.submodule_search_locations:
        raise StandInError(
            "Google's discovery documents are not installed",
            "the package google-api-python-client, which carries them",
            "pip install 'pplns[emulate]'",
        )
    return Path(spec.submodule_search_locations[0]) / "discovery_cache" / "documents"


def _methods(part: Mapping[str, Any], api: str) -> Iterator[Method]:
    for raw in part.get("methods", {}).values():
        flat = raw.get("flatPath", raw["path"])
        yield Method(
            api=api,
            id=raw["id"],
            http=raw["httpMethod"],
            slashes=flat.count("/"),
            flat=re.compile(_VARIABLE.sub("[^/]+", _escaped(flat))),
            template=re.compile(_VARIABLE.sub(_group, _escaped(raw["path"]))),
            parameters=raw.get("parameters", {}),
            request=raw.get("request", {}).get("$ref"),
            response=raw.get("response", {}).get("$ref"),
        )
    for inner in part.get("resources", {}).values():
        yield from _methods(inner, api)


def _escaped(path: str) -> str:
    return path.replace(".", r"\.")


def _group(found: re.Match[str]) -> str:
    return f"(?P<{found[2]}>{'.+' if found[1] else '[^/]+'})"
