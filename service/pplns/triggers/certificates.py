"""Google's certificates, with which the tokens of callers are checked; kept as long as their answer allows.

A token whose key isn't among them makes them be fetched again, but at most once a minute: whoever sends tokens with
made-up keys makes no flood of requests. When they can't be fetched, those that are known go on being used."""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pplns.errors import RetryableError

FETCH_SECONDS = 10.0
DEFAULT_AGE_S = 300.0
LONGEST_AGE_S = 86_400.0
LEAST_PAUSE_S = 60.0  # between two fetches that a token caused

Clock = Callable[[], float]


class CannotVerify(RetryableError):
    """The certificates can't be fetched, so nobody can be told from anybody; a later request may succeed."""

    code = "certificates_unavailable"


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: Mapping[str, str]
    at: float
    age_s: float


class Certificates:
    """The certificates at one address, by the ids of their keys. Any thread may ask."""

    def __init__(self, url: str, *, clock: Clock = time.monotonic) -> None:
        self.url = url
        self._clock = clock
        self._guard = threading.Lock()
        self._known: _Fetched | None = None

    def holding(self, key_id: str) -> Mapping[str, str]:
        """Return the certificates, fetched again where they are old or lack this key.

        Raises: CannotVerify where there are none."""
        with self._guard:
            known = self._known
            if known is None or self._is_due(known, key_id):
                self._known = known = self._fetch_or_keep(known)
            return known.keys

    def _is_due(self, known: _Fetched, key_id: str) -> bool:
        age = self._clock() - known.at
        return age >= known.age_s or (key_id not in known.keys and age >= LEAST_PAUSE_S)

    def _fetch_or_keep(self, known: _Fetched | None) -> _Fetched:
        try:
            return self._fetch()
        except CannotVerify:
            if known is None:
                raise
            return _Fetched(known.keys, self._clock(), LEAST_PAUSE_S)

    def _fetch(self) -> _Fetched:
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request

        try:
            answer: Any = cast("Any", Request())(self.url, method="GET", timeout=FETCH_SECONDS)
            keys: Any = json.loads(answer.data) if answer.status == 200 else None
        except (GoogleAuthError, OSError, ValueError) as error:
            raise self._unavailable(str(error)) from error
        if not isinstance(keys, dict) or not keys:
            raise self._unavailable(f"status {answer.status}, {len(answer.data)} bytes that are no certificates")
        return _Fetched(cast("dict[str, str]", keys), self._clock(), age_in(answer.headers.get("Cache-Control", "")))

    def _unavailable(self, said: str) -> CannotVerify:
        return CannotVerify(
            f"The certificates at {self.url} can't be fetched: {said[:300]}",
            "With them the tokens of callers are checked.",
            "Check that the service may reach that address; the request can be sent again.",
            retry_after=5.0,
        )


def age_in(cache_control: str) -> float:
    """Return the seconds that an answer may be kept, by its Cache-Control header."""
    found = re.search(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", cache_control, re.IGNORECASE)
    if found is None or re.search(r"no-store|no-cache", cache_control, re.IGNORECASE):
        return LEAST_PAUSE_S if "no-" in cache_control.lower() else DEFAULT_AGE_S
    return min(max(float(found[1]), LEAST_PAUSE_S), LONGEST_AGE_S)


_known: dict[str, Certificates] = {}


def certificates_at(url: str) -> Certificates:
    """Return this process's certificates of an address."""
    return _known.get(url) or _known.setdefault(url, Certificates(url))
