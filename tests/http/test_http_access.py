"""Who may call, where the service checks it itself: tokens are signed by a test key, nothing else is believed."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from deliveries import envelope, scheduler_headers
from service import ANSWER_SECONDS, Service
from token_issuer import AUDIENCE, CALLER, Issuer


@pytest.fixture
def guarded(start: Callable[..., Service], issuer: Issuer) -> Service:
    """A service that one account may call."""
    return start(
        PPLNS_AUDIENCE=AUDIENCE, PPLNS_ALLOWED_CALLERS=CALLER, PPLNS_CERTIFICATES_URL=issuer.url,
        PPLNS_PIPELINE="adding",
    )  # fmt: skip


def test_only_a_token_for_this_service_of_a_listed_account_is_taken(guarded: Service, issuer: Issuer):
    """Without one nothing is recorded, whatever other headers say; /health needs none."""
    tokens = {
        "another audience": (401, issuer.token(aud="https://other.example")),
        "expired": (401, issuer.token(iat=1_000, exp=4_600)),
        "not on the list": (403, issuer.token(email="eve@acme-data.iam.gserviceaccount.com")),
    }

    found = {
        name: guarded.post("/", {}, {"Authorization": f"Bearer {token}", **scheduler_headers()}).status
        for name, (_, token) in tokens.items()
    }

    assert found == {name: status for name, (status, _) in tokens.items()}
    assert guarded.post("/", {}, scheduler_headers()).status == 401
    assert guarded.post("/", envelope({})).status == 401
    assert guarded.get("/pipelines/adding/runs").status == 401
    assert (guarded.get("/health").status, guarded.get("/health").json) == (200, {"status": "ok"})
    right = {"Authorization": f"Bearer {issuer.token()}"}
    assert guarded.ask("GET", "/pipelines/adding/runs", headers=right).json["runs"] == []
    assert guarded.ask("GET", "/health", headers=right).json["pipelines"] == ["adding"]
    assert guarded.post("/", {}, right).status == 200


def test_who_is_not_authenticated_is_told_how(guarded: Service):
    """401 comes with WWW-Authenticate and a hint."""
    answer = guarded.post("/", {})

    assert (answer.headers["www-authenticate"], answer.code) == ("Bearer", "not_authenticated")
    assert answer.json["error"]["hint"]


@pytest.mark.parametrize(("path", "status"), [("/", b"401"), ("/nowhere", b"404")])
def test_a_strangers_body_is_not_waited_for(start: Callable[..., Service], path: str, status: bytes):
    """Who may not call would hold a thread by sending nothing."""
    service = start(server="container", PPLNS_AUDIENCE=AUDIENCE, PPLNS_ALLOWED_CALLERS=CALLER)

    with socket.create_connection(("127.0.0.1", service.port), timeout=ANSWER_SECONDS) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n".encode())
        with connection.makefile("rb") as answer:
            assert answer.readline().split()[1] == status


def test_a_stranger_is_not_told_what_is_broken(start: Callable[..., Service], issuer: Issuer, tmp_path: Path):
    """File, line and message are for who may call; the status is for everybody."""
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "shop.py").write_text("1 +\n")
    service = start(
        folder=tmp_path / "broken", PPLNS_AUDIENCE=AUDIENCE, PPLNS_ALLOWED_CALLERS=CALLER,
        PPLNS_CERTIFICATES_URL=issuer.url,
    )  # fmt: skip

    strange = service.get("/health")
    known = service.ask("GET", "/health", headers={"Authorization": f"Bearer {issuer.token()}"})

    assert (strange.status, strange.code, "shop" in strange.body.decode()) == (503, "unavailable", False)
    assert (known.status, "shop.py:1" in known.json["error"]["message"]) == (503, True)


def test_without_certificates_nobody_is_let_in(guarded: Service, issuer: Issuer):
    """503: a later request may be checked."""
    issuer.status = 500

    answer = guarded.post("/", {}, {"Authorization": f"Bearer {issuer.token()}"})

    assert (answer.status, answer.code) == (503, "certificates_unavailable")
