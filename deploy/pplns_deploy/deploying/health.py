"""Asking a new revision whether it is healthy, before it gets any traffic.

It is reached by the address of its tag, and by choice asked for a smoke run too. Where the ingress keeps this machine
out, what is known is that Cloud Run's startup probe asked the same `/health`."""

import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from pplns_deploy.deploying.deployed import LiveService
from pplns_deploy.deploying.google import Google
from pplns_deploy.deploying.revision_client import RevisionClient, address_of
from pplns_deploy.deploying.revision_logs import last_lines
from pplns_deploy.deploying.smoke import ask_for_run

PATIENCE_SECONDS = 120.0  # a new grant or address takes a minute or two
ANSWER_SECONDS = 30.0
PAUSE_SECONDS = 2.0
GIVE_UP = frozenset({400, 405, 500, 501})  # no such answer becomes another by waiting

AT_ONCE = 8  # revisions
WAKE_SECONDS = 0.2  # so that Ctrl-C is heard on Windows too

Verdict = Literal["healthy", "unasked", "unhealthy"]
_NO_RUNS: Mapping[str, Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Health:
    """What came of asking a revision; `reason` says why it isn't healthy, or why nobody asked, and `log` has the last
    lines of one that isn't."""

    pipeline: str
    verdict: Verdict
    reason: str = ""
    log: tuple[str, ...] = ()

    @property
    def may_serve(self) -> bool:
        """Whether the revision may get traffic."""
        return self.verdict != "unhealthy"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Asks revisions. `smoke` has the parameters of the pipelines that are asked for a run."""

    google: Google
    invoke_account: str | None
    ingress: str
    environ: Mapping[str, str]
    project: str | None = None
    smoke: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: _NO_RUNS)
    patience_s: float = PATIENCE_SECONDS

    def ask(self, live: LiveService) -> Health:
        """Return how the newest revision of a service is."""
        found = self._ask(live)
        if found.may_serve or self.project is None:
            return found
        return replace(found, log=last_lines(self.google, self.project, live.service, live.created))

    def _ask(self, live: LiveService) -> Health:
        if not live.is_ready:
            return Health(live.pipeline, "unhealthy", live.problem or f"Its revision {live.created} didn't come up.")
        if self.ingress != "all":
            no_run = " Nor was it asked for a smoke run." if live.pipeline in self.smoke else ""
            reason = f"The ingress {self.ingress!r} keeps this machine out; its startup probe succeeded.{no_run}"
            return Health(live.pipeline, "unasked", reason)
        if not address_of(live):
            return Health(live.pipeline, "unhealthy", "Its new revision has no address.")
        client = RevisionClient(self.google, self.invoke_account, self.environ)
        return self._ask_for_health(live, client)

    def _ask_for_health(self, live: LiveService, client: RevisionClient) -> Health:
        ends = time.monotonic() + self.patience_s
        while True:
            answer = client.send(live, "GET", "/health", seconds=ANSWER_SECONDS)
            if answer.status == 200:
                return self._ask_for_run(live, client)
            if answer.status in GIVE_UP or time.monotonic() > ends:
                return Health(live.pipeline, "unhealthy", f"{address_of(live)}/health {answer.words}")
            time.sleep(min(PAUSE_SECONDS, self.patience_s / 4))

    def _ask_for_run(self, live: LiveService, client: RevisionClient) -> Health:
        params = self.smoke.get(live.pipeline)
        failure = "" if params is None else ask_for_run(client, live, params)
        return Health(live.pipeline, "unhealthy" if failure else "healthy", failure)


def ask_all(check: HealthCheck, services: Sequence[LiveService]) -> Iterator[tuple[Health, float]]:
    """Ask several revisions side by side; yield how each is and the seconds that it took, the fastest first.

    The threads are daemons: one that waits for an answer doesn't keep the process after Ctrl-C."""
    found: queue.SimpleQueue[tuple[Health, float] | Exception] = queue.SimpleQueue()
    room = threading.Semaphore(AT_ONCE)

    def ask(live: LiveService) -> None:
        with room:
            began = time.monotonic()
            try:
                found.put((check.ask(live), time.monotonic() - began))
            except Exception as error:
                found.put(error)

    for live in services:
        threading.Thread(target=ask, args=(live,), daemon=True).start()
    for _ in services:
        answer = _next(found)
        if isinstance(answer, Exception):
            raise answer
        yield answer


def _next(
    found: "queue.SimpleQueue[tuple[Health, float] | Exception]",
) -> tuple[Health, float] | Exception:
    while True:
        try:
            return found.get(timeout=WAKE_SECONDS)
        except queue.Empty:
            continue
