"""Buckets that aren't there, accounts that may not, machines without credentials: each says what to do."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from faulty_proxy import Fault, FaultyProxy
from pplns.errors import StoreError
from pplns.stores.gcs import GcsStore
from pplns.stores.gcs.addresses import parse_address
from pplns.stores.gcs.calls import Calls
from pplns.stores.gcs.sessions import Session, open_session
from pplns.stores.gcs.uploads import CHUNK_BYTES


def upload_bytes(store: GcsStore) -> None:
    with store.upload("p/x") as upload:
        upload.write(bytes(CHUNK_BYTES + 1))


USES: dict[str, Callable[[GcsStore], object]] = {
    "create": lambda store: store.create("p/x", b""),
    "upload": upload_bytes,
    "read": lambda store: store.read("p/x"),
    "read-all": lambda store: store.read_all(["p/x", "p/y"]),
    "open": lambda store: store.open("p/x"),
    "children": lambda store: store.children(""),
    "register": lambda store: store.read_register("p/lease.json"),
    "swap": lambda store: store.swap("p/lease.json", b"", expected=0),
}


@pytest.mark.needs_fake_gcs_server
@pytest.mark.parametrize("use", USES)
def test_a_bucket_that_doesnt_exist_is_named(proxy: FaultyProxy, use: str) -> None:
    """Whatever is asked of it first, reading included; the remedy is the command that makes it."""
    store = GcsStore("gs://no-such-bucket/state")
    store.prepare()

    with pytest.raises(StoreError) as caught:
        USES[use](store)

    assert caught.value.met == "There is no bucket 'no-such-bucket' for the store gs://no-such-bucket/state."
    assert "gcloud storage buckets create gs://no-such-bucket" in caught.value.remedy


@pytest.mark.needs_fake_gcs_server
def test_a_bucket_is_asked_for_once(store: GcsStore, proxy: FaultyProxy) -> None:
    """The first object that isn't there makes the store look for its bucket; the next ones don't."""
    assert [store.read(f"p/{number}") for number in range(5)] == [None] * 5

    assert proxy.counts() == {"read": 5, "list": 1}


@pytest.mark.needs_fake_gcs_server
def test_an_account_that_may_not_list_can_read(store: GcsStore, proxy: FaultyProxy) -> None:
    """An object that isn't there is one that isn't there, whoever asks."""
    proxy.faults = [Fault("list", "refuse", status=403)]

    assert store.read("p/x") is None


@pytest.mark.needs_fake_gcs_server
def test_an_account_without_the_role_is_told_which(store: GcsStore, proxy: FaultyProxy) -> None:
    """Google's own words come with it, and nothing is tried again."""
    proxy.faults = [Fault("write", "refuse", status=403)]

    with pytest.raises(StoreError) as caught:
        store.create("p/x", b"")

    assert "Can't write 'p/x' in gs://bucket-" in caught.value.met
    assert "out of order" in caught.value.met
    assert "roles/storage.objectUser" in caught.value.expected
    assert "add-iam-policy-binding" in caught.value.remedy
    assert len(proxy.seen) == 1


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away whatever credentials this machine has."""
    for name in ("STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


@pytest.mark.usefixtures("bare_machine")
@pytest.mark.parametrize("key_file", [None, "missing", "{}", "not json", '{"type": "service_account"}'])
def test_without_credentials_the_remedy_is_to_log_in(
    key_file: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No credentials, a key file that isn't there, and one that is none."""
    if key_file is not None:
        path = tmp_path / "key.json"
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        if key_file != "missing":
            path.write_text(key_file)

    with pytest.raises(StoreError) as caught:
        GcsStore("gs://orders").prepare()

    assert caught.value.met.startswith("There are no credentials for Google Cloud: ")
    assert "gcloud auth application-default login" in caught.value.remedy
    assert "GOOGLE_APPLICATION_CREDENTIALS" in caught.value.remedy


@pytest.mark.usefixtures("bare_machine")
def test_a_key_file_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account in it asks, at Google's own endpoint."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(write_key_file(tmp_path, token_uri="http://127.0.0.1:9")))

    session = open_session()

    assert session.http.credentials.service_account_email == "runner@orders.iam.gserviceaccount.com"  # type: ignore[attr-defined]
    assert session.root == "https://storage.googleapis.com"


@pytest.mark.needs_fake_gcs_server
@pytest.mark.usefixtures("bare_machine")
def test_credentials_that_were_revoked_are_told(
    tmp_path: Path, cloud_storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The endpoint for tokens answers, but gives none; the bucket isn't asked."""
    key_file = write_key_file(tmp_path, token_uri=f"{cloud_storage}/no/token/here")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))

    with pytest.raises(StoreError, match="can't be renewed"):
        GcsStore("gs://orders").read("p/x")


@pytest.mark.parametrize("host", ["127.0.0.1:4443", "http://127.0.0.1:4443", "http://127.0.0.1:4443/"])
def test_an_emulator_is_asked_without_credentials(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address may come with or without a scheme, as Google's clients take it."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", host)

    assert open_session().root == "http://127.0.0.1:4443"


def test_an_emulator_that_is_no_url_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once: a repeat wouldn't mend it."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://")

    with pytest.raises(StoreError, match="Cloud Storage can't be asked at 'http:'"):
        GcsStore("gs://orders").read("p/x")


@pytest.mark.parametrize(("processes_back", "sessions"), [(0, 1), (1, 3)])
def test_a_forked_process_makes_its_own_session(
    processes_back: int, sessions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections aren't shared with the process that made them; within one process one session is enough."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:4443")
    made: list[Session] = []

    def connect() -> Session:
        made.append(replace(open_session(), process=os.getpid() - processes_back))
        return made[-1]

    calls = Calls(parse_address("gs://orders"), connect=connect)
    for _ in range(3):
        calls.connect()

    assert len(made) == sessions


def test_google_is_imported_by_the_first_session() -> None:
    """Opening a store costs no import of Google's libraries, for who only lists pipelines or shows a graph."""
    script = (
        "import sys; before = {one for one in sys.modules if one.startswith(('google', 'requests', 'urllib3'))};"
        "from pplns.stores.gcs import GcsStore; GcsStore('gs://orders/state');"
        "print({one for one in sys.modules if one.startswith(('google', 'requests', 'urllib3'))} - before)"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)

    assert out.stdout == "set()\n"


def write_key_file(folder: Path, *, token_uri: str) -> Path:
    """Write the key file of a service account, with a key made for it."""
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    about = {"type": "service_account", "client_email": "runner@orders.iam.gserviceaccount.com"}
    about |= {"private_key": key.decode(), "private_key_id": "1", "project_id": "orders", "token_uri": token_uri}
    path = folder / "key.json"
    path.write_text(json.dumps(about))
    return path
