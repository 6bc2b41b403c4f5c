"""The commands that deploy, with Terraform, the google provider and the stand-in of Google's APIs.

What the tests deploy is one pipeline; the health of its revisions is asked of a small server here, by the header Host.
Every test begins with a deployment of its own image, so that none needs another."""

import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import terraforming
from pplns_deploy.emulator import provider_environment
from pplns_deploy.locking import read_inputs
from pplns_deploy.locking.inputs import this_python
from pplns_deploy.locking.lockfile import Lock

pytestmark = [
    pytest.mark.needs_google_provider,
    pytest.mark.slow,
    pytest.mark.sampled(4),
    pytest.mark.skipif(not terraforming.find_provider(), reason=terraforming.HOW_TO_GET),
]
COMMAND_SECONDS = 600
SERVICE = "pplns-sales-prod"
PROJECT = """
[tool.pplns]
[tool.pplns.env.prod]
project = "acme-data"
region = "europe-west1"
"""
PIPELINE = """
from pplns import Schedule, pipeline, step

@step
def one():
    return 1

@pipeline(triggers=[Schedule("0 6 * * *")])
def sales():
    return one()
"""
NUMBERS = itertools.count(1)


def new_image() -> str:
    """Return the name of an image that was never deployed."""
    return f"europe-west1-docker.pkg.dev/acme-data/pplns-prod/pipelines@sha256:{next(NUMBERS):064d}"


@dataclass
class Revisions:
    """What stands for the addresses of Cloud Run's services: each request's host, and the status that all get."""

    status: int = 200
    asked: list[str] = field(default_factory=list[str])


@dataclass
class Site:
    """A project, the stand-in that it is deployed to, and the commands that do it."""

    folder: Path
    cloud: terraforming.Google
    revisions: Revisions
    environ: dict[str, str]

    def run(self, *arguments: str, ends: int = 0) -> Any:
        """Run a command with --json, and return its document."""
        ended = subprocess.run(
            [sys.executable, "-m", "pplns_deploy", *arguments, "--env", "prod", "--json"],
            cwd=self.folder, env=self.environ, capture_output=True, text=True, encoding="utf-8",
            timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
        assert ended.returncode == ends, ended.stdout + ended.stderr
        return json.loads(ended.stdout)

    def deploy(self, image: str, *, ends: int = 0) -> Any:
        """Deploy an image, and return what became of the pipeline."""
        (found,) = self.run("deploy", "--yes", "--image", image, ends=ends)["pipelines"]
        return found

    def service(self) -> Any:
        """Return the service as Cloud Run has it."""
        path = f"run/v2/projects/acme-data/locations/europe-west1/services/{SERVICE}"
        return self.cloud.call("GET", path)

    def serving(self) -> list[str]:
        """Return the revisions that get traffic."""
        return [one["revision"] for one in self.service()["trafficStatuses"] if one.get("percent")]

    def is_settled(self, image: str) -> bool:
        """Tell whether a plan for an image is empty."""
        return bool(self.run("plan", "--image", image, "--detailed-exitcode")["is_empty"])


@contextmanager
def answering(revisions: Revisions) -> Iterator[str]:
    """Serve what stands for the services' addresses."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            revisions.asked.append(str(self.headers["Host"]))
            has_token = str(self.headers["Authorization"]).startswith("Bearer ey")
            self.send_response(revisions.status if has_token else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *values: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def make_project(folder: Path) -> Path:
    """Make a project with one pipeline and an empty lock."""
    (folder / "pipelines").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "pipelines" / "sales.py").write_text(PIPELINE)
    inputs, python = read_inputs(folder), this_python()
    lock = Lock(inputs.digest((), python), python, inputs.platforms, (), ())
    (folder / "requirements.lock").write_text(lock.as_text())
    return folder


@pytest.fixture(scope="module")
def bootstrapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    revisions = Revisions()
    with terraforming.google() as cloud, answering(revisions) as address:
        more = {"PPLNS_RUN_ADDRESS": address, "XDG_CACHE_HOME": str(folder / "cache")}
        environ = terraforming.environ_for(folder, provider_environment(cloud.url)) | more
        made = Site(make_project(folder / "project"), cloud, revisions, environ)
        made.run("bootstrap", "--yes")
        yield made


@pytest.fixture
def site(bootstrapped: Site) -> Site:
    """A site whose containers all come up and are well."""
    bootstrapped.cloud.control("clear")
    bootstrapped.revisions.status = 200
    bootstrapped.revisions.asked.clear()
    return bootstrapped


def test_a_code_change_is_verified_under_its_tag_and_then_gets_the_traffic(site: Site):
    """Only image, revision and traffic change, and afterwards a plan is empty."""
    site.deploy(new_image())
    image = new_image()

    found = site.run("deploy", "--yes", "--image", image)

    (change,) = found["changes"]
    assert (change["kind"], change["fields"]) == ("service", ["image", "revision", "traffic"])
    assert found["pipelines"][0]["state"] == "deployed"
    assert site.serving() == [found["pipelines"][0]["revision"]]
    assert site.revisions.asked[-1].startswith(f"next---{SERVICE}-")
    assert site.is_settled(image)


@pytest.mark.parametrize("fault", ["start", "health"])
def test_a_broken_version_never_gets_traffic(site: Site, fault: str):
    """The old revision goes on serving, the exit code is 1, the reason is said, and nothing is left to plan."""
    good, bad = site.deploy(new_image()), new_image()
    if fault == "start":
        site.cloud.control("startups", image=bad)
    else:
        site.revisions.status = 500

    found = site.deploy(bad, ends=1)

    assert (found["state"], found["revision"]) == ("held_back", good["revision"])
    assert ("failed to start" if fault == "start" else "answered 500") in found["reason"]
    assert site.serving() == [good["revision"]]
    assert site.is_settled(bad)


def test_a_version_that_was_held_back_is_deployed_once_it_is_well(site: Site):
    """The next deployment of the same image finishes the work."""
    site.deploy(new_image())
    image = new_image()
    site.cloud.control("startups", image=image)
    site.deploy(image, ends=1)
    site.cloud.control("clear")

    found = site.deploy(image)

    assert (found["state"], site.serving()) == ("deployed", [found["revision"]])


def test_a_rollback_from_another_laptop_is_kept_by_a_plan(site: Site):
    """Only the state says what is live, and a rollback moves traffic alone."""
    old, new = site.deploy(new_image()), new_image()
    site.deploy(new)

    site.run("rollback", "sales", "--yes")

    assert site.serving() == [old["revision"]]
    assert site.is_settled(new)


def test_destroying_asks_for_the_name_and_leaves_the_data(site: Site):
    """Pipelines go, runs and images stay; with --data all goes but the bucket of the state."""
    site.deploy(new_image())

    refused = site.run("destroy", "--confirm", "production", ends=3)
    site.run("destroy", "--confirm", "prod")
    kept = site.cloud.inventory()
    site.run("destroy", "--data", "--confirm", "prod")
    site.run("bootstrap", "--yes")

    assert "isn't 'prod'" in refused["error"]["message"]
    assert "run.services" not in kept
    assert "acme-data-pplns-prod" in kept["storage.buckets"]


def test_a_state_that_is_not_there_names_bootstrap(site: Site, tmp_path: Path):
    """The first command that somebody tries says what comes first."""
    file = make_project(tmp_path / "other") / "pyproject.toml"
    file.write_text(PROJECT.replace("acme-data", "acme-other"))
    other = Site(file.parent, site.cloud, site.revisions, site.environ)

    refused = other.run("plan", "--image", new_image(), ends=3)

    assert "pplns bootstrap" in refused["error"]["hint"]


def test_without_a_terraform_the_command_says_where_to_get_it(tmp_path: Path):
    """It is a matter of the machine, so the exit code is 3."""
    folder = make_project(tmp_path / "project")
    environ = {**os.environ, "PPLNS_TERRAFORM": str(tmp_path / "nowhere")}

    refused = Site(folder, terraforming.Google(""), Revisions(), environ).run("plan", "--image", new_image(), ends=3)

    assert "developer.hashicorp.com/terraform/install" in refused["error"]["hint"]
