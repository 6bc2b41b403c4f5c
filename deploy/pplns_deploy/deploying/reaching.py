"""The service of a deployed pipeline as people and CI call it: its address, and tokens that it takes.

Nobody's own token will do, since its audience is Google's or an address; so they take those of the invoke account,
which `invokers` of the environment may."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pplns.errors import ConfigError, NotFoundError
from pplns_deploy.deploying.google import Google, Refused
from pplns_deploy.deploying.revision_client import ADDRESS_VARIABLE
from pplns_deploy.environments import Environment, names

TOKEN_SECONDS = 1800  # a token lasts an hour


@dataclass(frozen=True, slots=True)
class DeployedService:
    """Where a service is. `host` is the header by which a stand-in of Cloud Run knows it, None for Cloud Run itself."""

    url: str
    host: str | None
    find_token: Callable[[], str]


def find_deployed(pipeline: str, environment: Environment, *, environ: Mapping[str, str]) -> DeployedService:
    """Return the service of a pipeline in an environment.

    Raises: NotFoundError where there is none, Refused."""
    google = Google(environ)
    service = names.service_name(pipeline, environment.name)
    place = f"projects/{environment.project}/locations/{environment.region}"
    found = google.find("run", f"{place}/services/{service}")
    if found is None or not found.get("uri"):
        raise NotFoundError(
            f"The pipeline {pipeline!r} isn't deployed to {environment.name!r}: there is no service {service!r}.",
            "",
            f"See its name in `pplns list`, or deploy it: pplns deploy {pipeline} --env {environment.name}",
        )
    url, other = str(found["uri"]), environ.get(ADDRESS_VARIABLE)
    audience = names.audience(pipeline, environment.project, environment.region, environment=environment.name)
    account = f"{names.invoker_account_id(environment.name)}@{environment.project}.iam.gserviceaccount.com"
    tokens = _Tokens(google, account, audience)
    return DeployedService(other or url, urlsplit(url).netloc if other else None, tokens)


class _Tokens:
    """Makes tokens of the invoke account, each for half an hour."""

    def __init__(self, google: Google, account: str, audience: str) -> None:
        self._google, self._account, self._audience = google, account, audience
        self._made: tuple[float, str] | None = None

    def __call__(self) -> str:
        now = time.monotonic()
        if self._made is None or now - self._made[0] > TOKEN_SECONDS:
            self._made = now, self._make()
        return self._made[1]

    def _make(self) -> str:
        try:
            return self._google.identity_token(self._account, self._audience)
        except Refused as refused:
            raise ConfigError(
                f"No token could be made of {self._account}: {refused.met}",
                "The members in `invokers` of the environment may.",
                "Name yourself there, and `pplns bootstrap` grants it; a new role takes a minute or two.",
            ) from refused
