"""Who we are to a registry: docker's helpers as programs, and Google's credentials of every kind."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from google_registry import ACCESS_TOKEN, HOST, GoogleRegistry, google_registry
from pplns.errors import ConfigError, RegistryError
from pplns.stores.gcs.patience import Patience
from pplns_deploy.cloud import NoCredentials
from pplns_deploy.image.cache import Cache
from pplns_deploy.image.images import Image, ignore
from pplns_deploy.image.references import parse_reference
from pplns_deploy.image.registry.calls import Registry
from pplns_deploy.image.registry.credentials import Credential, Credentials
from pplns_deploy.image.registry.pushing import Pushed, Pushing

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
OF_GOOGLE = ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_CONFIG")
HELPER = """
import json, sys
asked = sys.stdin.read().strip()
known = {"registry.example.com": "keeper", "https://index.docker.io/v1/": "keeper-of-the-hub"}
assert sys.argv[1:] == ["get"]
if asked in known:
    print(json.dumps({"ServerURL": asked, "Username": known[asked], "Secret": "not-a-secret"}))
elif asked == "token.example.com":
    print(json.dumps({"ServerURL": asked, "Username": "<token>", "Secret": "refresh-me"}))
elif asked == "chatty.example.com":
    print("hello")
elif asked == "locked.example.com":
    sys.exit("the keychain is locked")
else:
    print("credentials not found in native keychain")
    sys.exit(1)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a helper `x`, a program of its own as the system has them."""
    (tmp_path / "helper.py").write_text(HELPER)
    if sys.platform == "win32":
        (tmp_path / "docker-credential-x.cmd").write_text(f'@"{sys.executable}" "{tmp_path / "helper.py"}" %*\n')
    else:
        program = tmp_path / "docker-credential-x"
        program.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{tmp_path / 'helper.py'}' \"$@\"\n")
        program.chmod(0o755)
    return tmp_path


def find(folder: Path, host: str, **configuration: object) -> Credential | None:
    """Look a host up by such a configuration of docker's."""
    (folder / "config.json").write_text(json.dumps(configuration))
    return Credentials({"DOCKER_CONFIG": str(folder), "PATH": str(folder)}).find(host)


@pytest.mark.parametrize("configuration", [{"credHelpers": {"registry.example.com": "x"}}, {"credsStore": "x"}])
def test_a_helper_is_asked_for_the_host(folder: Path, configuration: dict[str, object]):
    """The one of a registry, or the one of all; in the PATH, with the host on its stdin."""
    assert find(folder, "registry.example.com", **configuration) == Credential("keeper", "not-a-secret")


def test_docker_hub_has_a_name_of_its_own(folder: Path):
    """That under which `docker login` has kept it since its beginnings."""
    assert find(folder, "registry-1.docker.io", credsStore="x") == Credential("keeper-of-the-hub", "not-a-secret")


def test_a_helpers_identity_token_is_no_password(folder: Path):
    """It is exchanged for another at the registry's token service."""
    found = find(folder, "token.example.com", credsStore="x")

    assert found == Credential("<token>", "refresh-me", is_identity=True)


def test_a_helper_that_knows_no_such_host_is_no_error(folder: Path):
    """Then nobody is asked further, and the registry decides."""
    assert find(folder, "elsewhere.example.com", credsStore="x") is None


def test_what_docker_login_wrote_counts_before_the_store(folder: Path):
    """An empty entry is its mark for "in the store"."""
    auths = {"elsewhere.example.com": {"auth": "bWU6aXQ="}, "registry.example.com": {}}

    assert find(folder, "elsewhere.example.com", auths=auths, credsStore="x") == Credential("me", "it")
    assert find(folder, "registry.example.com", auths=auths, credsStore="x") == Credential("keeper", "not-a-secret")


@pytest.mark.parametrize(
    ("host", "configuration", "complaint"),
    [
        ("locked.example.com", {"credsStore": "x"}, "docker-credential-x failed: the keychain is locked"),
        ("chatty.example.com", {"credsStore": "x"}, "its answer isn't understood"),
        ("a.example.com", {"credHelpers": {"a.example.com": "gone"}}, "docker-credential-gone failed: it isn't on the"),
        ("a.example.com", {"auths": {"a.example.com": {"auth": "§"}}}, "can't be read"),
    ],
)
def test_a_configuration_that_fails_is_named(folder: Path, host: str, configuration: dict[str, object], complaint: str):
    """With the helper's own words, and the command that mends it."""
    with pytest.raises(ConfigError, match=complaint) as refused:
        find(folder, host, **configuration)

    assert "docker login" in refused.value.remedy


def of_google(host: str, **environ: str) -> Credential | None:
    """Look a host up without any configuration of docker's."""
    return Credentials({"DOCKER_CONFIG": "/nonexistent", **environ}).find(host)


@pytest.mark.parametrize(
    ("host", "user"),
    [
        ("europe-west1-docker.pkg.dev", "oauth2accesstoken"), ("gcr.io", "oauth2accesstoken"),
        ("eu.gcr.io", "oauth2accesstoken"), ("pkg.dev.example.com", None), ("mirror.gcr.io", None),
    ],
)  # fmt: skip
def test_an_access_token_goes_to_googles_registries_only(host: str, user: str | None):
    """And not to the public mirror, which asks for none."""
    found = of_google(host, GOOGLE_OAUTH_ACCESS_TOKEN=ACCESS_TOKEN)

    assert (found and found.user) == user


def test_a_key_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Who names one doesn't want to go without."""
    absent = str(tmp_path / "absent.json")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", absent)

    with pytest.raises(NoCredentials, match=r"absent\.json"):
        of_google(HOST, GOOGLE_APPLICATION_CREDENTIALS=absent)


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleRegistry]:
    """Artifact Registry, and nobody signed in."""
    pytest.importorskip("cryptography", reason="tokens are signed with the package cryptography")
    for name in (*PROXIES, *OF_GOOGLE):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    (tmp_path / "google").mkdir()
    with google_registry(tmp_path / "google") as running:
        for name, value in running.environ().items():
            monkeypatch.setenv(name, value)
        yield running


def push(google: GoogleRegistry, image: Image, cache: Cache, **environ: str) -> Pushed:
    """Push an image to Artifact Registry."""
    target = parse_reference(f"{HOST}/acme-data/images/sales")
    patience = Patience(seconds=15.0, answer_s=10.0, first_wait_s=0.01, longest_wait_s=0.05)
    client = Registry(target, environ=google.environ(**environ), patience=patience)
    pushing = Pushing(client, target, cache=cache, watch=ignore)
    return pushing.push(image, tags=("v1",), fetch_base=lambda layer: cache.path(layer.digest))


@pytest.mark.needs_registry
@pytest.mark.parametrize("kind", ["jwt-bearer", "refresh_token"])
def test_default_credentials_push_to_artifact_registry(
    google: GoogleRegistry, image: Image, cache: Cache, monkeypatch: pytest.MonkeyPatch, kind: str
):
    """A service account's key, and a login of gcloud: signed in at Google, the token sent as the password."""
    file = google.key_file() if kind == "jwt-bearer" else google.login_file()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", file)

    pushed = push(google, image, cache)

    assert pushed.reference.digest == image.digest
    assert [grant.rpartition(":")[2] for grant in google.grants] == [kind]
    assert set(google.users) == {"oauth2accesstoken"}


@pytest.mark.needs_registry
def test_a_token_in_the_environment_pushes_to_artifact_registry(google: GoogleRegistry, image: Image, cache: Cache):
    """As CI gets it, and as Terraform's provider takes it; one that is refused says how to sign in."""
    with pytest.raises(RegistryError, match=r"refuses the user 'oauth2accesstoken'.*gcloud auth"):
        push(google, image, cache, GOOGLE_OAUTH_ACCESS_TOKEN="expired")

    assert push(google, image, cache, GOOGLE_OAUTH_ACCESS_TOKEN=ACCESS_TOKEN).tags == ("v1",)
    assert google.grants == []


def test_a_machine_of_google_gives_a_token():
    """Asked of the metadata server, by a process of its own: the library reads its address when it is imported."""

    class Metadata(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = {"access_token": ACCESS_TOKEN, "expires_in": 3600, "token_type": "Bearer"}
            account = {"email": "packer@acme-data.iam.gserviceaccount.com", "scopes": [], "aliases": ["default"]}
            body = json.dumps(token if "/token" in self.path else account).encode()
            plain = b"acme-data" if "project-id" in self.path else body
            self.send_response(200)
            self.send_header("Metadata-Flavor", "Google")
            self.send_header("Content-Type", "application/text" if "project-id" in self.path else "application/json")
            self.end_headers()
            self.wfile.write(plain)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    place = f"127.0.0.1:{server.server_port}"
    environ = {"GCE_METADATA_HOST": place, "GCE_METADATA_IP": place, "DOCKER_CONFIG": "/nonexistent", "HOME": "/none"}
    program = (
        f"import os; from {Credentials.__module__} import Credentials as C; print(C(os.environ).find({HOST!r}).secret)"
    )
    try:
        answer = subprocess.run(
            [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True
        )
    finally:
        server.shutdown()
        server.server_close()

    assert answer.stdout.strip() == ACCESS_TOKEN
