"""Signing in: each kind of credentials that Google's libraries take deploys, at Google's own addresses.

A proxy with a certificate for them stands between pplns, Terraform and the stand-in, which checks keys, tokens, roles
and the callers of services. Who deploys has the roles that docs/deploying.md names, and no more."""

import base64
import json
import random
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

import terraforming
from deploy_site import CONFIGURATION, PROJECT, Site, bootstrapped_site, new_image
from google_addresses import google_addresses
from pplns.errors import ConfigError
from pplns_deploy.deploying.deployed import LiveService, Target
from pplns_deploy.deploying.google import Google
from pplns_deploy.deploying.health import HealthCheck

pytestmark = [
    pytest.mark.needs_google_provider,
    pytest.mark.slow,
    pytest.mark.skipif(not terraforming.find_provider(), reason=terraforming.HOW_TO_GET),
    pytest.mark.skipif(sys.platform != "linux", reason="Go takes SSL_CERT_FILE on Linux only"),
]
DOCS = Path(__file__).parents[2] / "docs" / "deploying.md"
DEPLOYER = f"deployer@{PROJECT}.iam.gserviceaccount.com"
POOL = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci"
WORKLOAD = f"principal:{POOL}/subject/repo:acme/shop"
MEMBERS = {
    "key": f"serviceAccount:{DEPLOYER}",
    "person": "user:ann@acme.com",
    "federation": f"serviceAccount:{DEPLOYER}",
    "federation alone": WORKLOAD,
    "machine": f"serviceAccount:{DEPLOYER}",
}
SERVICE = f"run/v2/projects/{PROJECT}/locations/europe-west1/services/pplns-sales-prod"
AMBIENT = (
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_OAUTH_ACCESS_TOKEN",
    "GCE_METADATA_HOST",
    "GCE_METADATA_IP",
    "HOME",
)
ADDRESSES = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "REQUESTS_CA_BUNDLE")
INVOKE = f"pplns--invoke-prod@{PROJECT}.iam.gserviceaccount.com"


def documented_roles(command: str) -> list[str]:
    """Return the roles that the documentation says a command takes."""
    row = next(line for line in DOCS.read_text().splitlines() if line.startswith(f"| `{command}` |"))
    return re.findall(r"`(roles/[A-Za-z.]+)`", row)


def bind(site: Site, resource: str, *pairs: tuple[str, str]) -> None:
    """Give roles to members, beside those that are there: `resource` is the path of an API's `setIamPolicy`."""
    policy = site.cloud.call("POST", f"{resource}:getIamPolicy")
    bindings = [*policy.get("bindings", []), *({"role": role, "members": [member]} for member, role in pairs)]
    site.cloud.call("POST", f"{resource}:setIamPolicy", {"policy": {**policy, "bindings": bindings}})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that was deployed once; who deploys next is a person, an account or a workload with documented roles."""
    folder = tmp_path_factory.mktemp("site")
    with bootstrapped_site(folder, "sales") as made:
        made.cloud.add_account("deployer")
        members = sorted(set(MEMBERS.values()))
        invokers = json.dumps(members)
        (made.folder / "pyproject.toml").write_text(f"{CONFIGURATION}invokers = {invokers}\n")
        roles = documented_roles("pplns plan") + documented_roles("pplns deploy")
        project = f"cloudresourcemanager/v1/projects/{PROJECT}"
        bind(made, project, *((member, role) for member in members for role in roles))
        bind(
            made, f"iam/v1/projects/{PROJECT}/serviceAccounts/{DEPLOYER}", (WORKLOAD, "roles/iam.workloadIdentityUser")
        )
        made.deploy(new_image())
        with google_addresses(made.cloud.url, folder) as addresses:
            kept = {name: value for name, value in made.environ.items() if not name.startswith(("GOOGLE_", "PPLNS_"))}
            yield replace(made, environ=kept | addresses)


def live_service(site: Site) -> LiveService:
    """Return the service as it is, as the state would have it."""
    found = site.cloud.call("GET", SERVICE)
    audience, name = found["customAudiences"][0], found["latestReadyRevision"].rpartition("/")[2]
    serving = (Target(name, 100),)
    return LiveService("sales", "pplns-sales-prod", found["uri"], audience, "an image", name, name, name, serving, {})


def sign_in(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Google:
    """Take an environment for this process's own, and return Google's APIs as whoever is signed in there."""
    for name in (*AMBIENT, *environ):
        monkeypatch.delenv(name, raising=False)
    for name in environ.keys() & {*AMBIENT, *ADDRESSES}:
        monkeypatch.setenv(name, environ[name])
    return Google(environ)


def credentials(site: Site, way: str, folder: Path) -> dict[str, str]:
    """Return the environment in which somebody is signed in one way."""
    file = folder / "credentials.json"
    if way == "machine":
        site.cloud.control("machine", account=DEPLOYER)
        host = site.cloud.url.removeprefix("http://")
        return {"GCE_METADATA_HOST": host, "GCE_METADATA_IP": host, "HOME": str(folder)}
    file.write_text(json.dumps({"key": _key, "person": _person}.get(way, _workload)(site, way, folder)))
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}


def _key(site: Site, way: str, folder: Path) -> dict[str, Any]:
    made = site.cloud.call("POST", f"iam/v1/projects/{PROJECT}/serviceAccounts/{DEPLOYER}/keys")
    return {**json.loads(base64.b64decode(made["privateKeyData"])), "token_uri": "https://oauth2.googleapis.com/token"}


def _person(site: Site, way: str, folder: Path) -> dict[str, Any]:
    site.cloud.control("callers", **{"1//refresh": MEMBERS[way]})
    return {"type": "authorized_user", "client_id": "gcloud", "client_secret": "none", "refresh_token": "1//refresh"}


def _workload(site: Site, way: str, folder: Path) -> dict[str, Any]:
    site.cloud.control("callers", **{"signed-by-the-forge": WORKLOAD})
    (folder / "token").write_text("signed-by-the-forge")
    accounts = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts"
    more = {"service_account_impersonation_url": f"{accounts}/{DEPLOYER}:generateAccessToken"}
    return {
        "type": "external_account", "audience": f"{POOL}/providers/forge",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token", "credential_source": {"file": str(folder / "token")},
        **(more if way == "federation" else {}),
    }  # fmt: skip


@pytest.mark.parametrize("way", MEMBERS)
def test_whoever_signs_in_is_let_through_as_the_invoke_account(
    way: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The token is one of the invoke account, for the service's audience, that the caller may make."""
    environ = site.environ | credentials(site, way, tmp_path)
    google = sign_in(environ, monkeypatch)
    live = live_service(site)
    site.cloud.control("requests", clear=True)

    found = HealthCheck(google, INVOKE, "all", environ, patience_s=0).ask(live)

    calls = {one["method"]: one["caller"] for one in site.cloud.control("requests")["requests"]}
    assert found.verdict == "healthy", found.reason
    assert calls["iamcredentials.projects.serviceAccounts.generateIdToken"] == MEMBERS[way]
    assert calls["run.invoke"] == f"serviceAccount:{INVOKE}"


def test_whoever_signs_in_deploys(site: Site, tmp_path: Path, sample: Callable[..., int], rng: random.Random):
    """Terraform's state, its provider and pplns are all signed in the same way, with the documented roles."""
    for way in rng.sample(sorted(MEMBERS), sample(full=len(MEMBERS), ci=1)):
        laptop = replace(site, environ=site.environ | credentials(site, way, tmp_path))
        image = new_image()
        site.cloud.control("requests", clear=True)

        found = laptop.deploy(image)["sales"]

        callers = {one["caller"] for one in site.cloud.control("requests")["requests"]}
        assert (found["state"], site.image()) == ("deployed", image), way
        assert MEMBERS[way] in callers, way
        assert callers <= {MEMBERS[way], WORKLOAD, "user:owner@example.com", f"serviceAccount:{INVOKE}"}, way


def test_a_token_for_another_audience_is_refused(site: Site):
    """Cloud Run takes the service's addresses and its own audience, nothing else."""
    live = live_service(site)

    statuses = [
        ask(site, live.url, token_of(site, INVOKE, one)) for one in (live.audience, live.url, f"{live.url}/health")
    ]

    assert statuses == [200, 200, 401]


def test_a_token_of_a_member_that_is_not_bound_is_refused(site: Site):
    """The account that deploys may make tokens of the invoke account, and isn't it."""
    site.cloud.add_account("stranger")
    stranger = f"stranger@{PROJECT}.iam.gserviceaccount.com"
    live = live_service(site)

    assert ask(site, live.url, token_of(site, stranger, live.audience)) == 403


@pytest.mark.parametrize("token", [None, "no-token", "ey.ey.ey"])
def test_what_is_no_identity_token_is_refused(token: str | None, site: Site):
    """Without one Cloud Run says 403, with a wrong one 401."""
    assert ask(site, live_service(site).url, token) == (403 if token is None else 401)


def test_who_is_no_invoker_is_told_how_to_become_one(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The revision isn't asked then, so it gets no traffic; the reason names the list to be in."""
    site.cloud.control("callers", **{"1//other": "user:bob@acme.com"})
    environ = site.environ | credentials(site, "person", tmp_path)
    file = Path(environ["GOOGLE_APPLICATION_CREDENTIALS"])
    file.write_text(file.read_text().replace("1//refresh", "1//other"))

    google = sign_in(environ, monkeypatch)
    found = HealthCheck(google, INVOKE, "all", environ, patience_s=0).ask(live_service(site))

    assert found.verdict == "unhealthy"
    assert "getOpenIdToken" in found.reason
    assert "`invokers`" in found.reason


def test_credentials_that_were_withdrawn_say_so(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A key that was deleted, or a person who has to sign in again."""
    environ = site.environ | credentials(site, "person", tmp_path)
    file = Path(environ["GOOGLE_APPLICATION_CREDENTIALS"])
    file.write_text(file.read_text().replace("1//refresh", "1//gone"))

    with pytest.raises(ConfigError, match=r"expired or revoked.*gcloud auth application-default login"):
        sign_in(environ, monkeypatch).identity_token(INVOKE, "audience")


def token_of(site: Site, account: str, audience: str) -> str:
    """Return an identity token that the owner has made of an account."""
    path = f"iamcredentials/v1/projects/-/serviceAccounts/{account}:generateIdToken"
    return str(site.cloud.call("POST", path, {"audience": audience, "includeEmail": True})["token"])


def ask(site: Site, url: str, token: str | None) -> int:
    """Ask a service for its health as Cloud Run's front door hears it, and return the status."""
    headers = {"Host": url.removeprefix("https://")} | ({"Authorization": f"Bearer {token}"} if token else {})
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{site.cloud.url}/health", headers=headers, timeout=30).status_code
