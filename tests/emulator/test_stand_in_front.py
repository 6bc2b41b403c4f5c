"""Cloud Run's front door, and where credentials become tokens."""

import base64
import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from google_stand_in import ACCOUNTS, IMAGE, RUNTIME, SERVICES, Google, service

pytest.importorskip("cryptography", reason="tokens are signed with the package cryptography")

DAILY = f"{SERVICES}/daily"
INVOKER = {"policy": {"bindings": [{"role": "roles/run.invoker", "members": [f"serviceAccount:{RUNTIME}"]}]}}
POOL = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci"
WORKLOAD = f"principal:{POOL}/subject/main"


def visit(google: Google, host: str, token: str | None = None, path: str = "/health") -> tuple[int, str]:
    """Ask a service for something, and return the status and the text of its answer."""
    headers = {"Host": host} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(f"{google.url}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answered:
            return answered.status, answered.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def form(google: Google, path: str, **fields: str) -> tuple[int, dict[str, Any]]:
    """Send a form, and return the status and the document of its answer."""
    data = urllib.parse.urlencode(fields).encode()
    try:
        with urllib.request.urlopen(f"{google.url}/{path}", data, timeout=30) as answered:
            return answered.status, json.loads(answered.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.fixture
def served(furnished: Google) -> Google:
    """A cloud with a service that one account may invoke."""
    furnished.post(f"{SERVICES}?serviceId=daily", service(revision="daily-one"))
    furnished.post(f"{DAILY}:setIamPolicy", INVOKER)
    return furnished


def host_of(google: Google) -> str:
    """Return the address of the service."""
    return str(google.get(DAILY)["uri"]).removeprefix("https://")


def token(google: Google, audience: str, account: str = RUNTIME) -> str:
    """Return an identity token of an account."""
    path = f"iamcredentials/v1/projects/-/serviceAccounts/{account}:generateIdToken"
    return str(google.post(path, {"audience": audience, "includeEmail": True})["token"])


def test_a_service_takes_tokens_for_its_addresses_and_audiences(served: Google) -> None:
    """Both addresses and its own audience; with anything else, or nothing, nobody is let in."""
    served.patch(f"{DAILY}?updateMask=customAudiences", {"customAudiences": ["daily"]})
    urls, host = served.get(DAILY)["urls"], host_of(served)

    found = [visit(served, host, token(served, one))[0] for one in (*urls, "daily", "weekly")]

    assert found == [200, 200, 200, 401]
    assert visit(served, host)[0] == 403


def test_who_is_not_bound_is_refused_and_a_service_may_be_open_to_all(served: Google) -> None:
    """A token says who calls; the policy says who may."""
    served.post(ACCOUNTS, {"accountId": "stranger"})
    host, stranger = host_of(served), RUNTIME.replace("daily-prod", "stranger")

    before = visit(served, host, token(served, f"https://{host}", stranger))[0]
    everybody = {"policy": {"bindings": [{"role": "roles/run.invoker", "members": ["allUsers"]}]}}
    served.post(f"{DAILY}:setIamPolicy", everybody)

    assert (before, visit(served, host)[0]) == (403, 200)


def test_a_tag_finds_its_revision_and_the_traffic_the_other(served: Google) -> None:
    """So a revision can be asked before anybody is sent to it."""
    serving = {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": "daily-one", "percent": 100}
    newest = {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "tag": "next"}
    other = service(revision="daily-two", containers=[{"image": f"{IMAGE}22"}])
    served.patch(DAILY, {**other, "traffic": [serving, newest]})
    served.control("answers", image="*22", status=500, body="broken")
    host = host_of(served)
    bearer = token(served, f"https://{host}")

    assert visit(served, f"next---{host}", bearer) == (500, "broken")
    assert visit(served, host, bearer)[0] == 200
    assert visit(served, f"old---{host}", bearer)[0] == 503


@pytest.mark.parametrize("host", ["nowhere-0-eu.a.run.app", None])
def test_what_is_not_there_or_not_for_outsiders_is_not_found(host: str | None, served: Google) -> None:
    """Cloud Run doesn't say which of the two it is."""
    served.patch(f"{DAILY}?updateMask=ingress", {"ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY"})

    assert visit(served, host or host_of(served), token(served, "any"))[0] == 404


def test_a_revision_may_be_a_process_of_this_machine(served: Google) -> None:
    """Its answer comes back as it is; where nobody answers it is 503."""
    host = host_of(served)
    bearer = token(served, f"https://{host}")
    with answering() as url:
        served.control("answers", url=url)
        found = visit(served, host, bearer, "/pipelines?limit=1")
    gone = visit(served, host, bearer)[0]

    assert (found, gone) == ((418, "GET /pipelines?limit=1"), 503)


@contextmanager
def answering() -> Iterator[str]:
    """Serve what stands for a container."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(418)
            self.end_headers()
            self.wfile.write(f"{self.command} {self.path}".encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_a_key_signs_in_until_it_is_deleted(furnished: Google) -> None:
    """What the account has signed is worth a token, and is one by itself for some clients."""
    from google.auth import crypt, jwt

    made = furnished.post(f"{ACCOUNTS}/{RUNTIME}/keys")
    file = json.loads(base64.b64decode(made["privateKeyData"]))
    signer: Any = crypt.RSASigner.from_service_account_info(file)  # type: ignore[no-untyped-call]
    encode: Any = jwt.encode
    now = int(furnished.stand_in.cloud.clock().timestamp())
    signed = encode(signer, {"iss": RUNTIME, "aud": file["token_uri"], "iat": now, "exp": now + 60}).decode()
    asked = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": signed}

    status, granted = form(furnished, "oauth2/token", **asked)
    alone = Google(furnished.stand_in, signed).refused("GET", ACCOUNTS).status
    furnished.delete(f"iam/v1/{made['name']}")

    assert (status, alone) == (200, "PERMISSION_DENIED")
    assert Google(furnished.stand_in, granted["access_token"]).refused("GET", ACCOUNTS).status == "PERMISSION_DENIED"
    assert form(furnished, "oauth2/token", **asked)[1]["error_description"] == "Invalid JWT Signature."
    assert furnished.get(f"{ACCOUNTS}/{RUNTIME}/keys") == {}


@pytest.mark.parametrize(
    ("token_of_subject", "pool", "status"), [("signed", POOL, 200), ("other", POOL, 400), ("signed", f"{POOL}2", 400)]
)
def test_a_workload_is_let_in_by_its_own_pool(token_of_subject: str, pool: str, status: int, google: Google) -> None:
    """The Security Token Service takes what the pool's issuer has signed."""
    google.control("callers", signed=WORKLOAD)
    grant = "urn:ietf:params:oauth:grant-type:token-exchange"

    found = form(
        google, "sts/v1/token", grant_type=grant, audience=f"{pool}/providers/forge", subject_token=token_of_subject
    )

    assert found[0] == status


def test_the_metadata_server_speaks_for_one_account(furnished: Google) -> None:
    """To who asks with the header that no web page can send."""
    furnished.control("machine", account=RUNTIME)
    account = f"{furnished.url}/computeMetadata/v1/instance/service-accounts/default"
    asked = urllib.request.Request(f"{account}/email", headers={"Metadata-Flavor": "Google"})

    with urllib.request.urlopen(asked, timeout=30) as answered:
        said = answered.read().decode(), answered.headers["Metadata-Flavor"]
    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(f"{account}/email", timeout=30):
        pass

    with refused.value as error:
        assert (said, error.code) == ((RUNTIME, "Google"), 403)
