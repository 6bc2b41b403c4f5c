"""Asking a new revision whether it is healthy, before it gets any traffic.

It is reached by the address of its tag, with a token of the account that people and CI start runs as. Where the
ingress keeps this machine out, what is known is that Cloud Run's startup probe asked the same `/health`."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import requests

from pplns.model.names import shorten
from pplns_deploy.deploying.deployed import TAG, LiveService
from pplns_deploy.deploying.google import LOOPBACK, Google
from pplns_deploy.deploying.refusals import TerraformFailed

ADDRESS_VARIABLE = "PPLNS_RUN_ADDRESS"
PATIENCE_SECONDS = 120.0  # a new grant or address takes a minute or two
ANSWER_SECONDS = 30.0
PAUSE_SECONDS = 2.0
GIVE_UP = frozenset({400, 405, 500, 501})  # no such answer becomes another by waiting

Verdict = Literal["healthy", "unasked", "unhealthy"]


@dataclass(frozen=True, slots=True)
class Health:
    """What came of asking a revision; `reason` says why it isn't healthy, or why nobody asked."""

    pipeline: str
    verdict: Verdict
    reason: str = ""

    @property
    def may_serve(self) -> bool:
        """Whether the revision may get traffic."""
        return self.verdict != "unhealthy"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Asks revisions. `environ` may name another address for all services, of a stand-in of Cloud Run: they are then
    told apart by the header Host."""

    google: Google
    invoke_account: str | None
    ingress: str
    environ: Mapping[str, str]
    patience_s: float = PATIENCE_SECONDS

    def ask(self, live: LiveService) -> Health:
        """Return how the newest revision of a service is."""
        if not live.is_ready:
            return Health(live.pipeline, "unhealthy", live.problem or f"Its revision {live.created} didn't come up.")
        if self.ingress != "all":
            reason = f"The ingress {self.ingress!r} keeps this machine out; its startup probe succeeded."
            return Health(live.pipeline, "unasked", reason)
        url = live.urls.get(TAG) if live.is_waiting else live.url
        if not url:
            return Health(live.pipeline, "unhealthy", "Its new revision has no address.")
        return self._ask(live, url)

    def _ask(self, live: LiveService, url: str) -> Health:
        ends = time.monotonic() + self.patience_s
        while True:
            status, said = self._get(live, url)
            if status == 200:
                return Health(live.pipeline, "healthy")
            if status in GIVE_UP or time.monotonic() > ends:
                return Health(live.pipeline, "unhealthy", f"{url}/health {said}")
            time.sleep(min(PAUSE_SECONDS, self.patience_s / 4))

    def _get(self, live: LiveService, url: str) -> tuple[int, str]:
        """Return the status of an answer, 0 where there was none, and what to say about it."""
        try:
            token = self.google.identity_token(self.invoke_account or "", live.audience)
        except TerraformFailed as refused:
            hint = "Name yourself in `invokers` of the environment; `pplns bootstrap` grants it."
            return 0, f"wasn't asked: no token could be made of {self.invoke_account}. {refused.met} {hint}"
        base, host = self._address(url)
        try:
            with requests.Session() as session:
                session.trust_env = not base.startswith(LOOPBACK)
                headers = {"Authorization": f"Bearer {token}", **({"Host": host} if host else {})}
                answer = session.get(f"{base}/health", headers=headers, timeout=ANSWER_SECONDS, allow_redirects=False)
        except requests.RequestException as error:
            return 0, f"gave no answer: {type(error).__name__}."
        return answer.status_code, f"answered {answer.status_code}: {shorten(answer.text)}"

    def _address(self, url: str) -> tuple[str, str | None]:
        other = self.environ.get(ADDRESS_VARIABLE)
        return (other.rstrip("/"), urlsplit(url).netloc) if other else (url.rstrip("/"), None)
