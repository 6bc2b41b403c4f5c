"""Logging's query language, as far as pplns and its metrics use it: comparisons, AND, OR, NOT, parentheses.

Source: https://cloud.google.com/logging/docs/view/logging-query-language"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pplns_deploy.emulator.refusals import invalid

Json = Mapping[str, Any]
SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
_TOKENS = re.compile(r"""\s*(\(|\)|>=|<=|!=|=~|!~|[=><:]|"(?:[^"\\]|\\.)*"|[^\s()=<>!:~"]+)""")
_OPERATORS = frozenset({">=", "<=", "!=", "=~", "!~", "=", ">", "<", ":"})


def matches(text: str, entry: Json) -> bool:
    """Tell whether an entry matches a filter.

    Raises: Refusal if the filter can't be read."""
    reader = _Reader(text, _tokens(text), entry)
    found = reader.all() if reader.rest else True
    if reader.rest:
        raise reader.unread()
    return found


class _Reader:
    """Reads and evaluates at once."""

    def __init__(self, text: str, rest: list[str], entry: Json) -> None:
        self.text = text
        self.rest = rest
        self.entry = entry

    def all(self) -> bool:
        found = self.any()
        while self.rest and self.rest[0] != ")":
            if self.rest[0] == "AND":
                self.rest.pop(0)
            found = self.any() and found
        return found

    def any(self) -> bool:
        found = self.one()
        while self.rest[:1] == ["OR"]:
            self.rest.pop(0)
            found = self.one() or found
        return found

    def one(self) -> bool:
        if self.rest[:1] in (["NOT"], ["-"]):
            self.rest.pop(0)
            return not self.one()
        if self.rest[:1] == ["("]:
            self.rest.pop(0)
            found = self.all()
            self.take(")")
            return found
        return self.comparison()

    def comparison(self) -> bool:
        name = self.take()
        if not self.rest or self.rest[0] not in _OPERATORS:
            return _plain(name).lower() in str(self.entry).lower()
        operator = self.rest.pop(0)
        wanted = self.values()
        found = [_compared(self.entry, _plain(name), operator, _plain(one)) for one in wanted]
        return any(found)

    def values(self) -> list[str]:
        if self.rest[:1] != ["("]:
            return [self.take()]
        found: list[str] = []
        while self.rest[:1] != [")"]:
            token = self.take()
            found += [token] if token not in ("(", "OR") else []
        self.take(")")
        return found

    def take(self, wanted: str | None = None) -> str:
        if not self.rest or (wanted and self.rest[0] != wanted):
            raise self.unread()
        return self.rest.pop(0)

    def unread(self) -> Exception:
        return invalid(f"Unparseable filter: {self.text!r}.")


def _compared(entry: Json, name: str, operator: str, wanted: str) -> bool:
    value = _value(entry, name)
    if operator == ":":
        return value is not None and (wanted == "*" or wanted.lower() in str(value).lower())
    if value is None:
        return operator in ("!=", "!~")
    if operator in ("=~", "!~"):
        return bool(re.search(wanted, str(value))) is (operator == "=~")
    return _ORDER[operator](*_comparable(name, value, wanted))


def _comparable(name: str, value: Any, wanted: str) -> tuple[Any, Any]:
    """Return both sides of a comparison as severities, truths, numbers or texts."""
    if name == "severity":
        return _rank(str(value)), _rank(wanted)
    if isinstance(value, bool):
        return str(value).lower(), wanted.lower()
    if isinstance(value, (int, float)):
        return float(value), float(wanted)
    return str(value), wanted


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b, "!=": lambda a, b: a != b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
}  # fmt: skip


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity.upper()) if severity.upper() in SEVERITIES else 0


def _value(entry: Json, name: str) -> Any:
    """Return the field of a dotted name whose parts may be in quotes."""
    value: Any = entry
    for part in re.findall(r'"(?:[^"\\]|\\.)*"|[^.]+', name):
        value = value.get(_plain(part)) if isinstance(value, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return value  # pyright: ignore[reportUnknownVariableType]


def _plain(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if token[:1] == '"' and token[-1:] == '"' else token


def _tokens(text: str) -> list[str]:
    """Return the words of a filter; a name whose last part is in quotes is one word."""
    plain = re.sub(r"--[^\n]*", "", text)
    found: list[str] = []
    place = 0
    while plain[place:].strip():
        match = _TOKENS.match(plain, place)
        if match is None:
            raise invalid(f"Unparseable filter: {text!r}.")
        if found and found[-1].endswith(".") and not match[0][:1].isspace():
            found[-1] += match[1]
        else:
            found.append(match[1])
        place = match.end()
    return found
