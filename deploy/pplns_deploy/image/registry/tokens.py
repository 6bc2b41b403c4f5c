"""Answers to a registry's challenge: a bearer token for a scope, or basic credentials.

https://distribution.github.io/distribution/spec/auth/token/ says how a token is asked for, and that a refresh token is
sent as OAuth 2 has it."""

import re
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pplns.errors import RegistryError
from pplns_deploy.image.registry.credentials import Credential, Credentials

if TYPE_CHECKING:
    import requests

_SHORTEST_LIFE_S = 60.0  # what the specification has a token live for where it doesn't say
_EARLY_S = 10.0
_SCHEME = re.compile(r"(?:^|,)\s*(?=(?:basic|bearer)\s)", re.IGNORECASE)
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


@dataclass(frozen=True, slots=True)
class Challenge:
    """What `WWW-Authenticate` asks for; `scheme` in small letters."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenge(header: str) -> Challenge:
    """Return the challenge in a `WWW-Authenticate` header; of several the one that asks for a token."""
    several = [one.strip() for one in _SCHEME.split(header) if one.strip()] or [""]
    scheme, _, rest = next((one for one in several if one.lower().startswith("bearer ")), several[0]).partition(" ")
    found = {one[1].lower(): one[2] if one[2] is not None else one[3] for one in _PARAMETER.finditer(rest)}
    return Challenge(scheme.lower(), found)


class Tokens:
    """The `Authorization` headers for one registry; asked for once a scope, from any thread."""

    def __init__(self, host: str, credentials: Credentials, request: "Callable[..., requests.Response]") -> None:
        self._host = host
        self._credentials = credentials
        self._request = request
        self._headers: dict[str, tuple[str, float]] = {}
        self._guard = threading.Lock()

    def known(self, scopes: Sequence[str]) -> str | None:
        """Return the header for some scopes where it is known and lives on for a while."""
        header, ends = self._headers.get(" ".join(scopes)) or self._headers.get("") or ("", 0.0)
        return header if time.monotonic() < ends else None

    def answer(self, challenge: str, scopes: Sequence[str], *, refused: str | None) -> str:
        """Return the header that answers a challenge; `refused` is the one that it came in spite of.

        Raises: RegistryError where there are no credentials, or the registry doesn't take them;
        requests.RequestException where its token service doesn't answer now."""
        with self._guard:
            known = self.known(scopes)
            if known is not None and known != refused:
                return known
            asked = parse_challenge(challenge)
            credential = self._credentials.find(self._host)
            if asked.scheme == "bearer":
                header, life_s = self._bearer(asked.parameters, scopes, credential)
                self._headers[" ".join(scopes)] = header, time.monotonic() + max(life_s - _EARLY_S, 1.0)
                return header
            if asked.scheme == "basic" and credential is not None and refused is None:
                self._headers[""] = _basic(credential), float("inf")
                return self._headers[""][0]
        raise self._refused(credential, scopes)

    def _bearer(
        self, parameters: Mapping[str, str], scopes: Sequence[str], credential: Credential | None
    ) -> tuple[str, float]:
        answer = self._ask(parameters, scopes, credential)
        if answer.status_code in (400, 401, 403):
            raise self._refused(credential, scopes)
        if answer.status_code == 429 or answer.status_code >= 500:
            answer.raise_for_status()
        document: dict[str, Any] = answer.json() if answer.ok else {}
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str):
            raise RegistryError(
                f"The token service of {self._host} answered {answer.status_code} without a token.",
                "It gives a token for the credentials of this registry.",
                "Try again; if it stays so, ask who runs the registry.",
            )
        return f"Bearer {token}", float(document.get("expires_in") or _SHORTEST_LIFE_S)

    def _ask(
        self, parameters: Mapping[str, str], scopes: Sequence[str], credential: Credential | None
    ) -> "requests.Response":
        realm, query = parameters.get("realm", ""), {"scope": list(scopes)}
        if "service" in parameters:
            query["service"] = [parameters["service"]]
        if credential is not None and credential.is_identity:
            form = {**query, "scope": " ".join(scopes), "grant_type": "refresh_token", "client_id": "pplns"}
            return self._request("POST", realm, data={**form, "refresh_token": credential.secret}, timeout=30)
        headers = {} if credential is None else {"Authorization": _basic(credential)}
        return self._request("GET", realm, params=query, auth=Header(headers.get("Authorization")), timeout=30)

    def _refused(self, credential: Credential | None, scopes: Sequence[str]) -> RegistryError:
        wanted = ", ".join(scopes) or "this registry"
        met = "without credentials" if credential is None else f"the user {credential.user!r}"
        return RegistryError(
            f"{self._host} refuses {met} for {wanted}.",
            "Credentials come from docker's configuration, its helpers, or Google's default credentials.",
            f"Log in: docker login {self._host}; for Artifact Registry: gcloud auth application-default login.",
        )


class Header:
    """Puts an `Authorization` header on a request; given as `auth`, so that no ~/.netrc is asked instead."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def __call__(self, request: "requests.PreparedRequest") -> "requests.PreparedRequest":
        """Set the header."""
        if self._value is not None:
            request.headers["Authorization"] = self._value
        return request


def _basic(credential: Credential) -> str:
    return f"Basic {b64encode(f'{credential.user}:{credential.secret}'.encode()).decode()}"
