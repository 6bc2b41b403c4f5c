"""Checks what a request carries against the schemas of a discovery document, as Google's parser of JSON does.

A field may come under its JSON name or its proto name (snake case), a 64-bit number as text, an enum by its number;
null is nothing; what is output only is read over. Everything else is refused, with all that is wrong in one message.
Source: https://protobuf.dev/programming-guides/json/"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, cast

from pplns_deploy.emulator.discovery import Document, Method
from pplns_deploy.emulator.exceptions import EXTRA_FIELDS, EXTRA_QUERY
from pplns_deploy.emulator.refusals import Refusal

Json = dict[str, Any]
Schema = Mapping[str, Any]

LAUNCH_STAGES = {  # the one enum of ours whose numbers aren't the order of the document
    0: "LAUNCH_STAGE_UNSPECIFIED", 1: "EARLY_ACCESS", 2: "ALPHA", 3: "BETA", 4: "GA", 5: "DEPRECATED",
    6: "UNIMPLEMENTED", 7: "PRELAUNCH",
}  # fmt: skip
_DURATION = re.compile(r"-?\d+(\.\d{1,9})?s")


class _Wrong(Exception):
    """A value that isn't of its type."""


def check_body(document: Document, schema: str, body: object, *, keeps_nulls: bool = False) -> Json:
    """Return a body with JSON names and without what is output only; in Cloud Storage's patches null has a meaning.

    Raises: Refusal for unknown fields and wrong types, all in one."""
    found: list[str] = []
    what = schema.rpartition("V2")[2] or schema
    checked: Json = _Checker(document, found, keeps_nulls=keeps_nulls).value({"$ref": schema}, body, "")
    if found:
        raise _refusal(found, what)
    return checked


def check_query(document: Document, method: Method, query: Mapping[str, list[str]]) -> Json:
    """Return the query parameters of a request, converted; those common to all methods are left out."""
    found: list[str] = []
    checker = _Checker(document, found)
    known = {name: one for name, one in method.parameters.items() if one["location"] == "query"}
    values: Json = {}
    for given, texts in query.items():
        name = _json_name(given, known)
        if name in known:
            wanted = known[name]
            items = [checker.value(_scalar(wanted), _from_text(wanted, text), name) for text in texts]
            values[name] = items if wanted.get("repeated") else items[-1]
        elif given not in document.common and given not in EXTRA_QUERY.get(method.id, {}):
            found.append(f'Invalid JSON payload received. Unknown name "{given}": Cannot bind query parameter.')
    missing = [name for name, one in known.items() if _is_required(one) and name not in values]
    found += [f"Required parameter: {name}" for name in missing]
    if found:
        raise _refusal(found, method.id)
    return values


def _is_required(parameter: Schema) -> bool:
    says_so = str(parameter.get("description", "")).startswith("Required.")
    return bool(parameter.get("required")) or (
        says_so and "enum" not in parameter
    )  # an enum's first value is its default


def _scalar(parameter: Schema) -> Schema:
    return {key: value for key, value in parameter.items() if key in ("type", "format", "enum", "pattern")}


def _from_text(parameter: Schema, text: str) -> object:
    return {"true": True, "false": False}.get(text, text) if parameter.get("type") == "boolean" else text


def _refusal(found: list[str], what: str) -> Refusal:
    violations = [{"field": what, "description": text} for text in found]
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}]
    return Refusal("INVALID_ARGUMENT", "\n".join(found), details=details)


class _Checker:
    """Walks a value beside its schema and notes what is wrong."""

    def __init__(self, document: Document, found: list[str], *, keeps_nulls: bool = False) -> None:
        self.document = document
        self.found = found
        self.keeps_nulls = keeps_nulls

    def value(self, schema: Schema, value: object, at: str) -> Any:
        if "$ref" in schema:
            return self._object(schema["$ref"], value, at)
        kind = schema.get("type", "any")
        if kind == "array":
            return self._array(schema["items"], value, at)
        if kind == "object":
            return self._map(schema, value, at)
        try:
            return _enum(schema, value) if "enum" in schema else _SCALARS[kind](schema, value)
        except _Wrong as error:
            self.found.append(f"Invalid value at '{at}' ({error}), {value!r}")
            return value

    def _object(self, name: str, value: object, at: str) -> Any:
        schema = self.document.schemas[name]
        if schema.get("type") != "object" or "properties" not in schema:
            return self._map(schema, value, at) if schema.get("type") == "object" else value
        if not isinstance(value, dict):
            self.found.append(f"Invalid value at '{at}' (expected an object), {value!r}")
            return value
        extra = EXTRA_FIELDS.get(name, {})
        kept: Json = {}
        for given, inner in cast(Json, value).items():
            field = _json_name(given, schema["properties"])
            if field in schema["properties"]:
                self._keep(kept, field, schema["properties"][field], inner, at)
            elif field not in extra:
                where = f" at '{at}'" if at else ""
                self.found.append(f'Invalid JSON payload received. Unknown name "{given}"{where}: Cannot find field.')
        return kept

    def _keep(self, kept: Json, field: str, schema: Schema, value: object, at: str) -> None:
        if value is None and self.keeps_nulls:
            kept[field] = None
        elif value is not None and (field == "etag" or not is_output_only(schema)):  # an etag counts, whatever it says
            kept[field] = self.value(schema, value, f"{at}.{field}" if at else field)

    def _array(self, items: Schema, value: object, at: str) -> Any:
        if not isinstance(value, list):
            self.found.append(f"Invalid value at '{at}' (expected an array), {value!r}")
            return value
        return [self.value(items, one, f"{at}[{place}]") for place, one in enumerate(cast(Iterable[object], value))]

    def _map(self, schema: Schema, value: object, at: str) -> Any:
        if not isinstance(value, dict):
            self.found.append(f"Invalid value at '{at}' (expected an object), {value!r}")
            return value
        inner = schema.get("additionalProperties", {"type": "any"})
        entries = cast(Json, value).items()
        if self.keeps_nulls:
            return {key: one if one is None else self.value(inner, one, f"{at}.{key}") for key, one in entries}
        return {key: self.value(inner, one, f"{at}.{key}") for key, one in entries}


def is_output_only(schema: Schema) -> bool:
    """Tell whether a field is the API's to write: a request may hold it, and it is read over."""
    return bool(schema.get("readOnly")) or str(schema.get("description", "")).startswith(("Output only.", "[Output"))


def without_defaults(value: Any) -> Any:
    """Return a resource without false, zero, empty text and empty lists, as proto's JSON leaves them out."""
    if isinstance(value, list):
        return [without_defaults(one) for one in cast(Iterable[Any], value)]
    if not isinstance(value, dict):
        return value
    inner: Json = {key: without_defaults(one) for key, one in cast(Json, value).items()}
    return {key: one for key, one in inner.items() if one == {} or one not in (False, 0, "", [], None)}


def field_paths(document: Document, schema: str, mask: str) -> Iterator[str]:
    """Yield the paths of a field mask by their JSON names; `*` is every field that can be set.

    Raises: Refusal for a path that the schema doesn't have."""
    properties = document.schemas[schema]["properties"]
    for path in filter(None, mask.split(",")):
        if path == "*":
            yield from (name for name, one in properties.items() if not is_output_only(one))
        else:
            yield _mask_path(document, schema, path)


def _mask_path(document: Document, schema: str, path: str) -> str:
    names: list[str] = []
    inner: Schema = document.schemas[schema]
    for given in path.split("."):
        inner = document.schemas[inner["$ref"]] if "$ref" in inner else inner
        if "properties" not in inner:  # a map's own key
            return ".".join([*names, path.split(".", len(names))[-1]])
        name = _json_name(given, inner["properties"])
        if name not in inner["properties"]:
            raise Refusal("INVALID_ARGUMENT", f"Invalid update mask: {path!r} is no field of {schema}.")
        names.append(name)
        inner = inner["properties"][name]
    return ".".join(names)


def _json_name(given: str, known: Mapping[str, Any]) -> str:
    if given in known:
        return given
    first, *others = given.split("_")
    return first + "".join(one[:1].upper() + one[1:] for one in others)


def _enum(schema: Schema, value: object) -> str:
    values: list[str] = schema["enum"]
    if isinstance(value, int) and not isinstance(value, bool):
        named = LAUNCH_STAGES if "LAUNCH_STAGE_UNSPECIFIED" in values else dict(enumerate(values))
        if value in named:
            return named[value]
    if value not in values:
        raise _Wrong(f"one of {', '.join(values)}")
    return str(value)


def _string(schema: Schema, value: object) -> str:
    kind = schema.get("format", "")
    if kind in ("int64", "uint64"):
        return str(_integer({"format": kind}, value))
    if not isinstance(value, str):
        raise _Wrong("TYPE_STRING")
    if kind in _FORMATS and not _FORMATS[kind](value):
        raise _Wrong(kind)
    if "pattern" in schema and not re.search(schema["pattern"], value):
        raise _Wrong(f"the pattern {schema['pattern']}")
    return value


def _integer(schema: Schema, value: object) -> int:
    kind = schema.get("format", "int32")
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _Wrong(f"TYPE_{kind.upper()}")
    try:
        number = int(value)
    except ValueError:
        raise _Wrong(f"TYPE_{kind.upper()}") from None
    low, high = _RANGES[kind]
    if (number != float(value) and not isinstance(value, str)) or not low <= number < high:
        raise _Wrong(f"TYPE_{kind.upper()}")
    return number


def _number(schema: Schema, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _Wrong(f"TYPE_{schema.get('format', 'double').upper()}")
    try:
        return value if isinstance(value, int) else float(value)
    except ValueError:
        raise _Wrong(f"TYPE_{schema.get('format', 'double').upper()}") from None


def _boolean(schema: Schema, value: object) -> bool:
    if not isinstance(value, bool):
        raise _Wrong(f"TYPE_{schema['type'].upper()[:4]}")
    return value


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return False
    return True


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).tzinfo is not None
    except ValueError:
        return False


_RANGES = {"int32": (-(2**31), 2**31), "uint32": (0, 2**32), "int64": (-(2**63), 2**63), "uint64": (0, 2**64)}
_FORMATS: dict[str, Callable[[str], object]] = {
    "google-duration": _DURATION.fullmatch,
    "google-datetime": _is_time,
    "date-time": _is_time,
    "byte": _is_base64,
}
_SCALARS: dict[str, Callable[[Schema, object], Any]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "any": lambda schema, value: value,
}
