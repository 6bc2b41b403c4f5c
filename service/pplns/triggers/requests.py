"""A request as plain data, and how its parts are read: headers, JSON, times, keys.

What comes in is anybody's. JSON is read so that it can be stored again: finite numbers, bounded nesting."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Never, cast
from urllib.parse import quote

from pplns.model.ids import digest_fields
from pplns.model.names import shorten

MAX_NESTING = 100  # a record with deeper JSON couldn't be written on every Python
MAX_KEY_PART = 512
_BRACKETS = (b"[", b"{")
_TOO_DEEP = f"lists or objects are nested over {MAX_NESTING} deep"
_YEARS = range(1970, 9000)  # a day in any time zone stays within what datetime holds


class UnfitJson(ValueError):
    """A document that readers of JSON take, each in its own way, so that nobody can say what was meant by it."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request. Names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return a header without the space around it, or None where it is missing or empty."""
        return (self.headers.get(name) or "").strip() or None

    @property
    def media_type(self) -> str:
        """The content type in lower case, without its parameters; '' where there is none."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()


def read_json(data: bytes | str) -> Any:
    """Return a JSON document that can be written again, and of which nothing is left out.

    Raises: ValueError for what is none; UnfitJson for a key that an object has twice, numbers that aren't finite or
    have thousands of digits, and nesting over 100 levels."""
    try:
        value = json.loads(data, parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_each_once)
    except RecursionError:
        raise UnfitJson(_TOO_DEEP) from None
    except (UnfitJson, json.JSONDecodeError, UnicodeError):
        raise
    except ValueError:  # of int(), which reads 4,300 digits at most
        raise UnfitJson("a number has thousands of digits") from None
    if _may_be_deep(data) and _depth(value) > MAX_NESTING:
        raise UnfitJson(_TOO_DEEP)
    return value


def read_time(text: str) -> datetime:
    """Return an RFC 3339 time in UTC.

    Raises: ValueError for what is none, or has no offset."""
    time = datetime.fromisoformat(text.upper())
    if time.tzinfo is None or time.year not in _YEARS:
        raise ValueError("no offset, or out of range")
    return time.astimezone(UTC)


def join_key(*parts: str) -> str:
    """Return a dedupe key of several parts, which no other parts give: each is quoted, with spaces between.

    A part of over 512 characters is replaced by its digest, under a mark that no quoted part has."""
    return " ".join(_quoted(part) for part in parts)


def _quoted(part: str) -> str:
    quoted = quote(part, safe="/:@+-._~=,!$&'()*;?#[]", errors="surrogatepass")
    return quoted if len(quoted) <= MAX_KEY_PART else f"sha256%%{digest_fields(part)}"


def _refuse_constant(name: str) -> Never:
    raise UnfitJson(f"a number is {name}")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise UnfitJson(f"{shorten(text)} is too large a number")
    return number


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; Python's own reading would keep the last of two values, and say nothing."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = Counter(name for name, _ in pairs)
        raise UnfitJson(f"the key {shorten(names.most_common(1)[0][0])} stands twice in one object")
    return found


def _may_be_deep(data: bytes | str) -> bool:
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return sum(raw.count(bracket) for bracket in _BRACKETS) > MAX_NESTING


def _depth(value: Any) -> int:
    """Return how deep a JSON value is nested, level by level, without recursion."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [inner for one in level for inner in _inside(one)]
    return depth


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).values()
    return cast("Iterable[Any]", value) if isinstance(value, list) else ()
