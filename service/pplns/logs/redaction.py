"""Redaction: secrets and tokens are taken out of every text before it is written anywhere.

Two kinds are known: values that `hide` was told of, found however they are spelled (JSON escapes, percent escapes,
`repr`), and what looks like a credential whoever printed it: bearer tokens, Google's tokens, JWTs, private keys."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from pplns.model.run import ErrorInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from typing import Any

MARK = "[hidden]"
LEAST_LENGTH = 4  # of a value that can be told from other text
LEAST_LINE_LENGTH = 8  # of a line of a value that has several
MAX_ROUNDS = 3  # taking a value out may put another one together

_WORDS = ("authorization", "bearer", "ya29.", "eyj", "private key", "aiza", "gocspx-", "1//0", "://")
_SHAPES = (  # compiled when the first text looks like one
    (r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", MARK),
    (
        r"""(?i)\b((?:proxy-|x-serverless-)?authorization\\?["']?\s*[:=,]\s*\\?(?:b(?=["']))?["']?)"""
        r"""(?!(?:\w+\s+)?\[hidden\])(?:(?:bearer|basic|digest|token|negotiate)\s+)?[^\s"',;)}\]\\]+""",
        rf"\g<1>{MARK}",
    ),
    (r"(?i)\b(bearer\s+)(?=[^\s]*[0-9._-])[A-Za-z0-9\-._~+/%]{8,}=*", rf"\g<1>{MARK}"),
    (r"(?<![\w-])(?=[\w-]*?eyJ[\w-]{5})[\w-]++\.eyJ[\w-]{5,}(?:\.[\w-]*)?", MARK),  # looks at each word once
    (r"\bya29\.[\w\-.]+|\bAIza[\w-]{35}|\bGOCSPX-[\w-]{10,}|\b1//0[\w-]{20,}", MARK),
    (r"(://[^/\s:@]*:)[^/\s@]+(?=@)", rf"\g<1>{MARK}"),
)
_JSON = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\b": r"\b", "\f": r"\f", '"': r"\"", "\\": r"\\", "/": r"\/"}


class Register:
    """Values that must not be shown."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._spellings: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: str) -> None:
        """Take a value, and each longer line of it; one that is too short to be told from other text is let go."""
        lines = [line.strip() for line in value.splitlines() if len(line.strip()) >= LEAST_LINE_LENGTH]
        import re  # as `re.sub` below: most processes neither hide values nor meet credentials

        wanted = [one for one in (value, value.strip(), *lines) if len(one) >= LEAST_LENGTH and one not in MARK]
        with self._guard:
            for one in wanted:
                self._spellings.setdefault(one, _pattern_of(one))
            if self._spellings:
                longest_first = sorted(self._spellings.items(), key=lambda item: -len(item[0]))
                self._pattern = re.compile("|".join(pattern for _, pattern in longest_first))

    def redact(self, text: str) -> str:
        """Return a text without the values."""
        for _ in range(MAX_ROUNDS):
            if self._pattern is None or self._pattern.search(text) is None:
                break
            text = self._pattern.sub(MARK, text)
        return text

    def unfinished(self, text: str) -> int:
        """Return how many characters at the end of a text may be the beginning of a value."""
        if not self._spellings:
            return 0
        from urllib.parse import quote

        longest = 0
        for value in tuple(self._spellings):
            for spelled in (value, quote(value, safe="")):
                sizes = range(min(len(spelled) - 1, len(text)), longest, -1)
                longest = next((size for size in sizes if text.endswith(spelled[:size])), longest)
        return longest


_register = Register()


def hide(value: str | bytes) -> None:
    """Never show a value again, in any log line, error or record that this process writes."""
    _register.add(value.decode("utf-8", "replace") if isinstance(value, bytes) else value)


def redact(text: str) -> str:
    """Return a text without secrets and tokens, each replaced by `MARK`."""
    text = _register.redact(text)
    lowered = text.lower()
    if any(word in lowered for word in _WORDS):
        import re

        for shape, instead in _SHAPES:
            text = re.sub(shape, instead, text)
    return text


def redact_fields(value: Any, seen: Callable[[str], str] = redact) -> Any:
    """Return a JSON value with all its texts, keys included, redacted."""
    if isinstance(value, str):
        return seen(value)
    if isinstance(value, Mapping):
        found: dict[Any, Any] = dict(value)  # pyright: ignore[reportUnknownArgumentType]
        return {redact_fields(key, seen): redact_fields(item, seen) for key, item in found.items()}
    if isinstance(value, list | tuple):
        items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        return [redact_fields(item, seen) for item in items]
    return value


def redact_error(error: ErrorInfo) -> ErrorInfo:
    """Return an error as records may keep it."""
    trace = None if error.traceback is None else redact(error.traceback)
    return ErrorInfo(error.code, redact(error.message), redact(error.hint), trace)


def unfinished(text: str) -> int:
    """Return how many characters at the end of a text may be the beginning of a hidden value."""
    return _register.unfinished(text)


def _pattern_of(value: str) -> str:
    return "".join(map(_spellings_of, value))


def _spellings_of(letter: str) -> str:
    """Return a pattern for a letter as it is, percent-escaped, escaped in JSON once or twice, or by `repr`."""
    if letter.isascii() and letter.isalnum():
        return letter
    import re

    percent = "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "surrogatepass"))
    forms = [letter, percent, percent.lower(), repr(letter)[1:-1], *_in_json(letter)]
    if letter == " ":
        forms.append("+")
    forms += [form.replace("\\", "\\\\") for form in forms if "\\" in form]
    distinct = sorted(dict.fromkeys(forms), key=lambda form: -len(form))
    return f"(?:{'|'.join(map(re.escape, distinct))})"


def _in_json(letter: str) -> list[str]:
    units = letter.encode("utf-16-be", "surrogatepass")
    codes = "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
    return [codes, codes.upper().replace("\\U", "\\u"), *([_JSON[letter]] if letter in _JSON else [])]
