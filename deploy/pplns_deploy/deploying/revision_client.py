"""Requests to one revision of a service, with a token of the account that people and CI start runs as."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import requests

from pplns.model.names import shorten
from pplns_deploy.deploying.deployed import TAG, LiveService
from pplns_deploy.deploying.google import LOOPBACK, Google
from pplns_deploy.deploying.refusals import TerraformFailed

ADDRESS_VARIABLE = "PPLNS_RUN_ADDRESS"
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request: a status, 0 where there was none, and words that say it after the address."""

    status: int
    words: str
    document: Json


@dataclass(frozen=True, slots=True)
class RevisionClient:
    """Sends requests to the newest revision of a service. `environ` may name another address for all services, of a
    stand-in of Cloud Run: they are then told apart by the header Host."""

    google: Google
    account: str | None
    environ: Mapping[str, str]

    def send(
        self, live: LiveService, method: str, path: str, *, seconds: float, body: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        """Send a request, and return what came of it, whatever that is."""
        try:
            token = self.google.identity_token(self.account or "", live.audience)
        except TerraformFailed as refused:
            hint = "Name yourself in `invokers` of the environment; `pplns bootstrap` grants it."
            return Answer(0, f"wasn't asked: no token could be made of {self.account}. {refused.met} {hint}", {})
        base, host = self._address(address_of(live))
        sent = {**(headers or {}), "Authorization": f"Bearer {token}", **({"Host": host} if host else {})}
        try:
            with requests.Session() as session:
                session.trust_env = not base.startswith(LOOPBACK)
                answer = session.request(
                    method, base + path, json=body, headers=sent, timeout=seconds, allow_redirects=False
                )
        except requests.RequestException as error:
            return Answer(0, f"gave no answer: {type(error).__name__}.", {})
        return Answer(answer.status_code, f"answered {answer.status_code}: {shorten(answer.text)}", _document(answer))

    def _address(self, url: str) -> tuple[str, str | None]:
        other = self.environ.get(ADDRESS_VARIABLE)
        return (other.rstrip("/"), urlsplit(url).netloc) if other else (url.rstrip("/"), None)


def address_of(live: LiveService) -> str:
    """Return the address of a service's newest revision, empty where it has none."""
    return (live.urls.get(TAG) or "") if live.is_waiting else live.url


def _document(answer: requests.Response) -> Json:
    try:
        found: object = answer.json()
    except ValueError:
        return {}
    return cast("Json", found) if isinstance(found, dict) else {}
