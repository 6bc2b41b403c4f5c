"""The filter of a subscription: which messages it lets through, by their attributes.

    attributes.kind = "daily" AND NOT (attributes:draft OR hasPrefix(attributes.region, "eu-"))

The language is Pub/Sub's. AND and OR may stand side by side only with parentheses; NOT, or a minus, binds closest.
A message without the attribute isn't equal to anything, so `!=` lets it through. Text stands in double quotes, with
the escapes that C has.
Source: Pub/Sub, "Filter messages from a subscription"."""

import re
from collections.abc import Callable, Mapping

from pplns.errors import DefinitionError

Filter = Callable[[Mapping[str, str]], bool]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z0-9_][A-Za-z0-9_-]*)|(?P<sign>!=|[=:.(),-]))""", re.DOTALL
)


_ESCAPE = re.compile(
    r"""\\(?:(?P<sign>["'\\?/abfnrtv])|x(?P<hex>[0-9A-Fa-f]{2})|(?P<octal>[0-3][0-7]{2})"""
    r"""|u(?P<four>[0-9A-Fa-f]{4})|U(?P<eight>000[0-9A-Fa-f]{5}|0010[0-9A-Fa-f]{4})|(?P<none>.?))""",
    re.DOTALL,
)
_SIGNS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def everything(attributes: Mapping[str, str]) -> bool:
    """Let every message through: what a subscription without a filter does."""
    return True


def parse_filter(text: str | None) -> Filter:
    """Return what tells by a message's attributes whether it is delivered.

    Raises: DefinitionError for what Pub/Sub would refuse."""
    return everything if text is None else _Parser(text).parse()


class _Parser:
    """Reads a filter from left to right, one token ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                raise self._refusal(text[place:].strip())
            self._tokens.append(match[0].strip())
            place = match.end()

    def parse(self) -> Filter:
        found = self._joined()
        if self._tokens:
            raise self._refusal(self._tokens[0])
        return found

    def _joined(self) -> Filter:
        """Read conditions with AND between them, or with OR."""
        parts, joint = [self._negated()], self._peek()
        while self._peek() in ("AND", "OR"):
            if self._take() != joint:
                raise self._refusal(f"AND beside OR, without parentheses, after {len(parts)} conditions")
            parts.append(self._negated())
        return _any_of(parts) if joint == "OR" else _all_of(parts)

    def _negated(self) -> Filter:
        if self._peek() in ("NOT", "-"):
            self._take()
            inner = self._negated()
            return lambda attributes: not inner(attributes)
        if self._peek() == "(":
            self._take()
            inner = self._joined()
            self._expect(")")
            return inner
        return self._prefixed() if self._peek() == "hasPrefix" else self._compared()

    def _prefixed(self) -> Filter:
        self._take()
        for sign in ("(", "attributes", "."):
            self._expect(sign)
        key = self._key()
        self._expect(",")
        prefix = self._string()
        self._expect(")")
        return lambda attributes: attributes.get(key, "").startswith(prefix) and key in attributes

    def _compared(self) -> Filter:
        self._expect("attributes")
        if self._peek() == ":":
            self._take()
            present = self._key()
            return lambda attributes: present in attributes
        self._expect(".")
        key, sign = self._key(), self._take()
        if sign not in ("=", "!="):
            raise self._refusal(sign)
        value = self._string()
        return lambda attributes: (attributes.get(key) == value) is (sign == "=")

    def _key(self) -> str:
        if self._peek().startswith('"'):
            return self._string()
        key = self._take()
        if not re.fullmatch(r"[A-Za-z0-9_-]+", key):
            raise self._refusal(key)
        return key

    def _string(self) -> str:
        token = self._take()
        if not token.startswith('"'):
            raise self._refusal(token)
        return _ESCAPE.sub(self._unescaped, token[1:-1])

    def _unescaped(self, found: re.Match[str]) -> str:
        if found["none"] is not None:
            raise self._refusal(found[0])
        if sign := found["sign"]:
            return _SIGNS.get(sign, sign)
        code = found["octal"]
        return chr(int(code, 8) if code else int(found["hex"] or found["four"] or found["eight"], 16))

    def _peek(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def _take(self) -> str:
        return self._tokens.pop(0) if self._tokens else ""

    def _expect(self, wanted: str) -> None:
        if (met := self._take()) != wanted:
            raise self._refusal(met)

    def _refusal(self, met: str) -> DefinitionError:
        return DefinitionError(
            f"The filter {self._text!r} can't be read at {met or 'its end'!r}.",
            'A filter compares attributes: attributes.kind = "daily", attributes:kind, hasPrefix(attributes.kind, "d"),'
            " joined by AND, OR, NOT and parentheses.",
            "Correct the filter of the PubSub trigger.",
        )


def _any_of(parts: list[Filter]) -> Filter:
    return lambda attributes: any(part(attributes) for part in parts)


def _all_of(parts: list[Filter]) -> Filter:
    return lambda attributes: all(part(attributes) for part in parts)
