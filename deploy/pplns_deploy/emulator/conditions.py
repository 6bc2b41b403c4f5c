"""IAM conditions: the small part of CEL that conditions on buckets are written in.

`resource.name`, `resource.type`, `resource.service`, `api.getAttribute(name, default)`, texts, `.startsWith()`,
`.endsWith()`, `.contains()`, `==`, `!=`, `&&`, `||`, `!` and parentheses.
Source: https://cloud.google.com/iam/docs/conditions-attribute-reference"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pplns_deploy.emulator.refusals import invalid

_TOKENS = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|&&|\|\||==|!=|[!().,]|[A-Za-z_]\w*)""")
_METHODS: dict[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
}


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a condition can ask of a request."""

    name: str
    type: str = ""
    service: str = ""
    api: Mapping[str, str] | None = None


def holds(expression: str, attributes: Attributes) -> bool:
    """Evaluate a condition.

    Raises: Refusal if the stand-in can't read it."""
    parser = _Parser(expression, attributes)
    value = parser.either()
    if parser.rest or not isinstance(value, bool):
        raise _unread(expression)
    return value


def check_condition(expression: str) -> None:
    """Refuse a condition that can't be read."""
    holds(expression, Attributes("projects/_/buckets/any"))


class _Parser:
    """Reads and evaluates at once; both sides are always read, so that what is wrong anywhere is found."""

    def __init__(self, expression: str, attributes: Attributes) -> None:
        self.expression = expression
        self.attributes = attributes
        self.rest = _tokens(expression)

    def either(self) -> Any:
        value = self.both()
        while self.rest[:1] == ["||"]:
            self.rest.pop(0)
            other = self.both()
            value = self._truth(value) | self._truth(other)
        return value

    def both(self) -> Any:
        value = self.same()
        while self.rest[:1] == ["&&"]:
            self.rest.pop(0)
            other = self.same()
            value = self._truth(value) & self._truth(other)
        return value

    def same(self) -> Any:
        value = self.one()
        while self.rest[:1] in (["=="], ["!="]):
            wants_same = self.rest.pop(0) == "=="
            value = (value == self.one()) is wants_same
        return value

    def one(self) -> Any:
        if self.rest[:1] == ["!"]:
            self.rest.pop(0)
            return not self._truth(self.one())
        value = self._first()
        while self.rest[:1] == ["."]:
            self.rest.pop(0)
            value = self._method(value, self._take())
        return value

    def _first(self) -> Any:
        token = self._take()
        if token == "(":
            value = self.either()
            self._take(")")
            return value
        if token[0] in "\"'":
            return re.sub(r"\\(.)", r"\1", token[1:-1])
        if token in ("true", "false"):
            return token == "true"
        self._take(".")
        return self._attribute(token, self._take())

    def _attribute(self, owner: str, name: str) -> str:
        if owner == "resource" and name in ("name", "type", "service"):
            return str(getattr(self.attributes, name))
        if (owner, name) == ("api", "getAttribute"):
            attribute, default = self._arguments(2)
            return (self.attributes.api or {}).get(attribute, default)
        raise _unread(self.expression)

    def _method(self, value: Any, name: str) -> bool:
        (argument,) = self._arguments(1)
        if name not in _METHODS or not isinstance(value, str):
            raise _unread(self.expression)
        return _METHODS[name](value, argument)

    def _arguments(self, count: int) -> list[str]:
        self._take("(")
        found: list[Any] = []
        while len(found) < count:
            if found:
                self._take(",")
            found.append(self.either())
        self._take(")")
        if not all(isinstance(one, str) for one in found):
            raise _unread(self.expression)
        return found

    def _truth(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise _unread(self.expression)
        return value

    def _take(self, wanted: str | None = None) -> str:
        if not self.rest or (wanted and self.rest[0] != wanted):
            raise _unread(self.expression)
        return self.rest.pop(0)


def _tokens(expression: str) -> list[str]:
    found: list[str] = []
    place = 0
    while expression[place:].strip():
        match = _TOKENS.match(expression, place)
        if match is None:
            raise _unread(expression)
        found.append(match[1])
        place = match.end()
    return found


def _unread(expression: str) -> Exception:
    return invalid(f"The condition can't be read: {expression!r}.")
