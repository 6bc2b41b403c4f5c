"""Signing in: each kind of credentials that Google's libraries take deploys, at Google's own addresses.

A proxy with a certificate for them stands between pplns, Terraform and the stand-in, which checks keys, tokens, roles
and the callers of services. Who deploys has the roles that docs/deploying.md names, and no more."""

import base64
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy_site import CONFIGURATION, PROJECT, SERVICES, Saved, Site, copied_site, new_image
from google_addresses import google_addresses
from pplns.errors import ConfigError
from pplns_deploy.deploying.deployed import LiveService, Target
from pplns_deploy.deploying.google import Google
from pplns_deploy.deploying.health import HealthCheck

pytestmark = [
    pytest.mark.needs_terraform,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="Go takes SSL_CERT_FILE on Linux only"),
]
DOCS = Path(__file__).parents[2] / "docs" / "deploying.md"
DEPLOYER = f"deployer@{PROJECT}.iam.gserviceaccount.com"
ACCOUNTS = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts"
POOL = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci"
WORKLOAD = f"principal:{POOL}/subject/repo:acme/shop"
PERSON = "user:ann@acme.com"
MEMBERS = {
    "key": f"serviceAccount:{DEPLOYER}",
    "person": PERSON,
    "person as an account": f"serviceAccount:{DEPLOYER}",
    "federation": f"serviceAccount:{DEPLOYER}",
    "federation alone": WORKLOAD,
    "machine": f"serviceAccount:{DEPLOYER}",
}
AMBIENT = (
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_OAUTH_ACCESS_TOKEN",
    "GCE_METADATA_HOST",
    "GCE_METADATA_IP",
    "HOME",
)
ADDRESSES = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "REQUESTS_CA_BUNDLE")
INVOKE = f"pplns--invoke-prod@{PROJECT}.iam.gserviceaccount.com"
OTHERS = {PERSON, WORKLOAD, "user:owner@example.com", f"serviceAccount:{INVOKE}"}


def documented_roles(command: str) -> list[str]:
    """Return the roles that the documentation says a command takes."""
    row = next(line for line in DOCS.read_text().splitlines() if line.startswith(f"| `{command}` |"))
    return re.findall(r"`(roles/[A-Za-z.]+)`", row)


def bind(site: Site, resource: str, *pairs: tuple[str, str]) -> None:
    """Give roles to members, beside those that are there: `resource` is the path of an API's `setIamPolicy`."""
    policy = site.cloud.call("POST", f"{resource}:getIamPolicy")
    bindings = [*policy.get("bindings", []), *({"role": role, "members": [member]} for member, role in pairs)]
    site.cloud.call("POST", f"{resource}:setIamPolicy", {"policy": {**policy, "bindings": bindings}})


@contextmanager
def at_googles_addresses(site: Site, folder: Path, *commands: str) -> Iterator[Site]:
    """Give a site whose commands find Google at its own addresses, and members with the roles of some commands."""
    site.cloud.add_account("deployer")
    members, roles = sorted(set(MEMBERS.values())), [one for command in commands for one in documented_roles(command)]
    (site.folder / "pyproject.toml").write_text(f"{CONFIGURATION}invokers = {json.dumps(members)}\n")
    bind(site, f"cloudresourcemanager/v1/projects/{PROJECT}", *((member, role) for member in members for role in roles))
    account = f"iam/v1/projects/{PROJECT}/serviceAccounts/{DEPLOYER}"
    bind(site, account, (WORKLOAD, "roles/iam.workloadIdentityUser"), (PERSON, "roles/iam.serviceAccountTokenCreator"))
    with google_addresses(site.cloud.url, folder) as addresses:
        kept = {name: value for name, value in site.environ.items() if not name.startswith(("GOOGLE_", "PPLNS_"))}
        yield replace(site, environ=kept | addresses)


@pytest.fixture(scope="module")
def alone(saved: Saved, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A copy of the site that runs nothing: members are invokers there, and this process asks as one of them."""
    folder = tmp_path_factory.mktemp("alone")
    with copied_site(saved, folder) as copy, at_googles_addresses(copy, folder) as made:
        pairs = [(member, "roles/iam.serviceAccountOpenIdTokenCreator") for member in set(MEMBERS.values())]
        bind(made, f"iam/v1/projects/{PROJECT}/serviceAccounts/{INVOKE}", *pairs)
        yield made


def live_service(site: Site) -> LiveService:
    """Return the service as it is, as the state would have it."""
    found = site.cloud.call("GET", f"run/v2/{SERVICES}/pplns-sales-prod")
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
    makers = {"key": _key, "person": _person, "person as an account": _person_as_account}
    file.write_text(json.dumps(makers.get(way, _workload)(site, way, folder)))
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}


def _key(site: Site, way: str, folder: Path) -> dict[str, Any]:
    made = site.cloud.call("POST", f"iam/v1/projects/{PROJECT}/serviceAccounts/{DEPLOYER}/keys")
    return {**json.loads(base64.b64decode(made["privateKeyData"])), "token_uri": "https://oauth2.googleapis.com/token"}


def _person(site: Site, way: str, folder: Path) -> dict[str, Any]:
    site.cloud.control("callers", **{"1//refresh": PERSON})
    return {"type": "authorized_user", "client_id": "gcloud", "client_secret": "none", "refresh_token": "1//refresh"}


def _person_as_account(site: Site, way: str, folder: Path) -> dict[str, Any]:
    """As `gcloud auth application-default login --impersonate-service-account` writes it."""
    return {
        "type": "impersonated_service_account", "delegates": [], "source_credentials": _person(site, way, folder),
        "service_account_impersonation_url": f"{ACCOUNTS}/{DEPLOYER}:generateAccessToken",
    }  # fmt: skip


def _workload(site: Site, way: str, folder: Path) -> dict[str, Any]:
    site.cloud.control("callers", **{"signed-by-the-forge": WORKLOAD})
    (folder / "token").write_text("signed-by-the-forge")
    more = {"service_account_impersonation_url": f"{ACCOUNTS}/{DEPLOYER}:generateAccessToken"}
    return {
        "type": "external_account", "audience": f"{POOL}/providers/forge",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token", "credential_source": {"file": str(folder / "token")},
        **(more if way == "federation" else {}),
    }  # fmt: skip


@pytest.mark.parametrize("way", MEMBERS)
def test_whoever_signs_in_deploys(way: str, site: Site, tmp_path: Path):
    """Terraform's state, its provider and pplns are all signed in the same way, with the documented roles; the new
    revision is asked as the invoke account."""
    image = new_image()
    with at_googles_addresses(site, tmp_path, "pplns plan", "pplns deploy") as made:
        laptop = replace(made, environ=made.environ | credentials(made, way, tmp_path))
        site.cloud.control("requests", clear=True)

        found = laptop.deploy(image)["sales"]

    calls = site.cloud.control("requests")["requests"]
    callers = {one["method"]: one["caller"] for one in calls}
    assert (found["state"], site.image()) == ("deployed", image)
    assert callers["iamcredentials.projects.serviceAccounts.generateIdToken"] == MEMBERS[way]
    assert callers["run.invoke"] == f"serviceAccount:{INVOKE}"
    assert callers["run.projects.locations.services.patch"] == MEMBERS[way]
    assert {one["caller"] for one in calls} <= {MEMBERS[way], *OTHERS}


def test_who_may_roll_back_needs_no_more_than_its_roles(site: Site, tmp_path: Path):
    """Somebody on duty, signed in as themselves, with the documented roles of `pplns rollback` alone."""
    good = site.serving()
    site.deploy(new_image())
    with at_googles_addresses(site, tmp_path, "pplns plan", "pplns rollback") as made:
        laptop = replace(made, environ=made.environ | credentials(made, "person", tmp_path))

        laptop.run("rollback", "sales", "--yes")
        refused = laptop.run("deploy", "--yes", "--image", new_image(), ends=1)

    assert site.serving() == good
    assert "roles/" in refused["error"]["hint"]


def test_a_token_for_another_audience_is_refused(alone: Site):
    """Cloud Run takes the service's addresses and its own audience, nothing else."""
    live = live_service(alone)

    statuses = [
        ask(alone, live.url, token_of(alone, INVOKE, one)) for one in (live.audience, live.url, f"{live.url}/health")
    ]

    assert statuses == [200, 200, 401]


def test_a_token_of_a_member_that_is_not_bound_is_refused(alone: Site):
    """The account that deploys may make tokens of the invoke account, and isn't it."""
    alone.cloud.add_account("stranger")
    stranger = f"stranger@{PROJECT}.iam.gserviceaccount.com"
    live = live_service(alone)

    assert ask(alone, live.url, token_of(alone, stranger, live.audience)) == 403


@pytest.mark.parametrize("token", [None, "no-token", "ey.ey.ey"])
def test_what_is_no_identity_token_is_refused(token: str | None, alone: Site):
    """Without one Cloud Run says 403, with a wrong one 401."""
    assert ask(alone, live_service(alone).url, token) == (403 if token is None else 401)


def test_who_is_no_invoker_is_told_how_to_become_one(alone: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The revision isn't asked then, so it gets no traffic; the reason names the list to be in."""
    alone.cloud.control("callers", **{"1//other": "user:bob@acme.com"})
    environ = alone.environ | credentials(alone, "person", tmp_path)
    file = Path(environ["GOOGLE_APPLICATION_CREDENTIALS"])
    file.write_text(file.read_text().replace("1//refresh", "1//other"))

    google = sign_in(environ, monkeypatch)
    found = HealthCheck(google, INVOKE, "all", environ, patience_s=0).ask(live_service(alone))

    assert found.verdict == "unhealthy"
    assert "getOpenIdToken" in found.reason
    assert "`invokers`" in found.reason


def test_credentials_that_were_withdrawn_say_so(alone: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A key that was deleted, or a person who has to sign in again."""
    environ = alone.environ | credentials(alone, "person", tmp_path)
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
