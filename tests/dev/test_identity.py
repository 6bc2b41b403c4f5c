"""Where the identity token of a caller comes from."""

import os
from pathlib import Path

import pytest

from pplns_deploy.identity import IdentityTokens

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a shell script stands for gcloud")


@pytest.fixture
def gcloud(tmp_path, monkeypatch):
    """A gcloud that counts its calls, and ends as the test says."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("GCE_METADATA_IP", "127.0.0.1:1")  # this machine is none of Google's
    monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:1")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)

    def says(ending: str) -> Path:
        program = folder / "gcloud"
        program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/calls\n{ending}\n')
        program.chmod(0o755)
        return folder / "calls"

    return says


def test_a_person_s_token_comes_from_gcloud_once(gcloud):
    """It is kept for the calls that follow."""
    calls, tokens = gcloud("echo a-token"), IdentityTokens("https://shop.example")

    assert [tokens(), tokens()] == ["a-token", "a-token"]
    assert calls.read_text() == "auth print-identity-token --quiet\n"


def test_who_has_none_sends_none(gcloud):
    """A service may be open to all."""
    gcloud("exit 1")

    assert IdentityTokens("https://shop.example")() is None


def test_a_key_that_can_t_be_read_gives_no_token(gcloud, tmp_path, monkeypatch):
    """And a person's token isn't taken in its place."""
    calls = gcloud("echo a-token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))

    assert IdentityTokens("https://shop.example")() is None
    assert not calls.exists()
