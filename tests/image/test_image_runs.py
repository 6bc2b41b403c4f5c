"""The whole way: lock, package, push, pull by digest, run read-only and as nobody."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from container_registry import LocalRegistry
from containers import SYSTEM, Podman, ask
from pplns_deploy.cli.commands import cli

pytestmark = [pytest.mark.needs_podman, pytest.mark.needs_registry]


@pytest.fixture
def podman(system: Podman, registry: LocalRegistry) -> Iterator[Podman]:
    """Podman, where what is pulled is deleted again."""
    yield system
    system.forget(*system.call("images", "-q", "--filter", f"reference={registry.host}/*").split())


def test_nyc_flights_runs_with_only_what_the_image_holds(
    podman: Podman, registry: LocalRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    """On a read-only root, as a user who is nobody, started by the image's own command."""
    for name in ("UV_OFFLINE", "UV_FIND_LINKS", "UV_NO_CONFIG"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(Path.home() / ".cache" / "pplns-tests"))
    base, image = f"{registry.host}/python:3.11", f"{registry.host}/flights"
    podman.call("push", "-q", "--tls-verify=false", SYSTEM, base)
    flights = str(tmp_path / "flights")

    call("init", flights, "--example", "nyc_flights")
    call("lock", "--project", flights)
    capsys.readouterr()
    call("package", "--project", flights, "--base", base, "--push", image, "--json")
    packaged = json.loads(capsys.readouterr().out)

    podman.call("pull", "-q", "--tls-verify=false", packaged["image"])
    with podman.service(packaged["image"], environ={"PPLNS_STORE": "file:/tmp/store"}) as url:
        status, record = ask(f"{url}/pipelines/nyc_flights/runs", {"params": {"out_dir": "/tmp/out"}})
    assert (status, record["state"]) == (200, "succeeded")
    assert packaged["warnings"] == []
    assert podman.call("inspect", "-f", "{{.Config.User}}", packaged["image"]) == "65532:65532"


def call(*arguments: str) -> None:
    """Call pplns, which has to succeed."""
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments), prog_name="pplns")
    assert not ended.value.code
