"""A project, the stand-in that it is deployed to, and the commands that do it, as processes of their own.

Addresses of services are the stand-in's front door, which checks the callers of a service as Cloud Run does."""

import base64
import itertools
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import terraforming
from pplns_deploy.emulator import provider_environment
from pplns_deploy.locking import read_inputs
from pplns_deploy.locking.inputs import this_python
from pplns_deploy.locking.lockfile import Lock

COMMAND_SECONDS = 600
PROJECT, REGION = "acme-data", "europe-west1"
STATE_BUCKET = f"{PROJECT}-pplns-prod-state"
STATE, STATE_LOCK = "terraform/default.tfstate", "terraform/default.tflock"
SERVICES = f"projects/{PROJECT}/locations/{REGION}/services"
CONFIGURATION = """
[tool.pplns]
[tool.pplns.env.prod]
project = "acme-data"
region = "europe-west1"
"""
PIPELINE = """
from pplns import PubSub, Schedule, pipeline, step

@step
def one():
    return 1

@pipeline(triggers=[Schedule("0 6 * * *"), PubSub("{name}-landed")])
def {name}():
    return one()
"""
# A resource of Terraform's → the stand-in's kind of it, and the attribute that has its name there.
KINDS = {
    "google_artifact_registry_repository": ("artifactregistry.repositories", "id"),
    "google_cloud_run_v2_service": ("run.services", "id"),
    "google_cloud_scheduler_job": ("cloudscheduler.jobs", "id"),
    "google_logging_metric": ("logging.metrics", "id"),
    "google_monitoring_alert_policy": ("monitoring.alertPolicies", "name"),
    "google_monitoring_dashboard": ("monitoring.dashboards", "id"),
    "google_pubsub_subscription": ("pubsub.subscriptions", "id"),
    "google_pubsub_topic": ("pubsub.topics", "id"),
    "google_service_account": ("iam.serviceAccounts", "name"),
    "google_storage_bucket": ("storage.buckets", "name"),
}
NOT_MANAGED = ("run.revisions", "storage.objects", "iam.keys")
NUMBERS = itertools.count(1)


def new_image(word: str = "pipelines") -> str:
    """Return the name of an image that was never deployed."""
    return f"{REGION}-docker.pkg.dev/{PROJECT}/pplns-prod/{word}@sha256:{next(NUMBERS):064x}"


@dataclass(frozen=True, slots=True)
class Site:
    """A project on a laptop, and the cloud that it is deployed to."""

    folder: Path
    cloud: terraforming.Google
    environ: dict[str, str]

    def command(self, *arguments: str) -> list[str]:
        """Return a command line of pplns for the environment."""
        return [sys.executable, "-m", "pplns_deploy", *arguments, "--env", "prod", "--json"]

    def run(self, *arguments: str, ends: int = 0) -> Any:
        """Run a command, and return its document."""
        ended = subprocess.run(
            self.command(*arguments), cwd=self.folder, env=self.environ, capture_output=True, text=True,
            encoding="utf-8", timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
        assert ended.returncode == ends, ended.stdout + ended.stderr
        return json.loads(ended.stdout)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command in a session of its own; what it says is read from `stderr`."""
        return subprocess.Popen(
            self.command(*arguments), cwd=self.folder, env=self.environ, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True,
        )  # fmt: skip

    def deploy(self, image: str, *names: str, ends: int = 0) -> dict[str, Any]:
        """Deploy an image, and return what became of each pipeline."""
        found = self.run("deploy", *names, "--yes", "--image", image, ends=ends)["pipelines"]
        return {one["pipeline"]: one for one in found}

    def is_settled(self, image: str) -> bool:
        """Tell whether a plan for an image is empty."""
        return bool(self.run("plan", "--image", image)["is_empty"])

    def service(self, pipeline: str = "sales") -> dict[str, Any]:
        """Return a service as Cloud Run has it."""
        found: dict[str, Any] = self.cloud.call("GET", f"run/v2/{SERVICES}/pplns-{pipeline}-prod")
        return found

    def serving(self, pipeline: str = "sales") -> list[str]:
        """Return the revisions of a pipeline that get traffic."""
        return [one["revision"] for one in self.service(pipeline)["trafficStatuses"] if one.get("percent")]

    def image(self, pipeline: str = "sales") -> str:
        """Return the image that a pipeline was deployed with last."""
        return str(self.service(pipeline)["template"]["containers"][0]["image"])

    def saved_state(self) -> dict[str, Any]:
        """Return Terraform's state as it is in the bucket."""
        document = self.cloud.control("state", data=True)["objects"][STATE_BUCKET]
        found: dict[str, Any] = json.loads(base64.b64decode(document[STATE]["_data"]))
        return found

    def save_state(self, state: dict[str, Any]) -> None:
        """Put another state into the bucket, as if what came after it had never been saved."""
        self.cloud.call("POST", f"upload/storage/v1/b/{STATE_BUCKET}/o?uploadType=media&name={STATE}", state)

    def lock(self) -> dict[str, Any] | None:
        """Return the lock of the state, if there is one."""
        return dict(self.cloud.control("state")["objects"][STATE_BUCKET].get(STATE_LOCK, {})) or None

    def unlock(self) -> None:
        """Remove the lock of the state, if there is one."""
        if self.lock():
            self.cloud.call("DELETE", f"storage/v1/b/{STATE_BUCKET}/o/{quote(STATE_LOCK, safe='')}")

    def managed(self) -> dict[str, set[str]]:
        """Return what Terraform's state holds, as the stand-in names it."""
        found: dict[str, set[str]] = {}
        for resource in self.saved_state()["resources"]:
            if resource["mode"] == "managed" and resource["type"] in KINDS:
                kind, attribute = KINDS[resource["type"]]
                names = {_named(kind, one["attributes"][attribute]) for one in resource["instances"]}
                found.setdefault(kind, set()).update(names)
        return found

    def there(self) -> dict[str, set[str]]:
        """Return what is there and could be Terraform's."""
        inventory = self.cloud.inventory().items()
        found = {kind: {_named(kind, one) for one in names} for kind, names in inventory if kind not in NOT_MANAGED}
        for given in (terraforming.STATE_BUCKET, STATE_BUCKET):
            found.get("storage.buckets", set()).discard(given)
        return {kind: names for kind, names in found.items() if names}

    def on_another_laptop(self, folder: Path, *pipelines: str) -> "Site":
        """Return a site of somebody else: another checkout, another home, another cache."""
        home = folder / "home"
        home.mkdir(parents=True)
        more = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}
        return replace(self, folder=make_project(folder / "project", pipelines), environ=self.environ | more)


def _named(kind: str, name: str) -> str:
    """Return a name as both sides say it: Monitoring has the project's number in some, Logging none in some."""
    return name.rpartition("/")[2] if kind in ("monitoring.dashboards", "logging.metrics") else name


def make_project(folder: Path, pipelines: Sequence[str], *, configuration: str = CONFIGURATION) -> Path:
    """Make a project with some pipelines and an empty lock."""
    (folder / "pipelines").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(configuration)
    for name in pipelines:
        (folder / "pipelines" / f"{name}.py").write_text(PIPELINE.format(name=name))
    inputs, python = read_inputs(folder), this_python()
    lock = Lock(inputs.digest((), python), python, inputs.platforms, (), ())
    (folder / "requirements.lock").write_text(lock.as_text())
    return folder


def add_pipeline(site: Site, name: str) -> None:
    """Have the project have another pipeline."""
    (site.folder / "pipelines" / f"{name}.py").write_text(PIPELINE.format(name=name))


def change_pipelines(site: Site) -> None:
    """Have the project add a pipeline, `extra`, and take away `stock`."""
    add_pipeline(site, "extra")
    (site.folder / "pipelines" / "stock.py").unlink()


@dataclass(frozen=True, slots=True)
class Saved:
    """A site as it was once, deployed in so many seconds: its project, the stand-in's state, and the environment of its
    commands."""

    project: Path
    state: Path
    environ: dict[str, str]
    seconds: float


@contextmanager
def bootstrapped_site(folder: Path, *pipelines: str) -> Generator[Site]:
    """Start a stand-in, make a project, and prepare its environment."""
    with terraforming.google() as cloud:
        project = make_project(folder / "project", pipelines)
        made = Site(project, cloud, terraforming.environ_for(folder, addresses_of(cloud.url, folder)))
        made.run("bootstrap", "--yes")
        yield made


def deploy_and_save(site: Site, folder: Path) -> Saved:
    """Deploy a site for the first time, and save it for copies."""
    began = time.monotonic()
    site.deploy(new_image())
    seconds, state = time.monotonic() - began, folder / "saved.json"
    state.write_text(json.dumps(site.cloud.control("state", data=True)), encoding="utf-8")
    return Saved(site.folder, state, site.environ, seconds)


@contextmanager
def copied_site(saved: Saved, folder: Path, **environ: str) -> Generator[Site]:
    """Start a stand-in that begins as a saved one was, for a copy of its project: Terraform's state is in there too.

    `environ` is added to that of the commands. This process's own is left alone, for a test may be changing it."""
    shutil.copytree(saved.project, folder / "project")
    shutil.copy(saved.state, folder / "cloud.json")
    command = [sys.executable, "-m", "pplns_deploy.emulator", "--json", "--state", str(folder / "cloud.json")]
    with subprocess.Popen(
        command, env=saved.environ, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            cloud = terraforming.Google(json.loads(process.stdout.readline())["url"])
            yield Site(folder / "project", cloud, saved.environ | addresses_of(cloud.url, folder) | environ)
        finally:
            process.terminate()


def addresses_of(url: str, folder: Path) -> dict[str, str]:
    """Return the variables by which commands take a stand-in for Google, and a cache of their own."""
    return provider_environment(url) | {"PPLNS_RUN_ADDRESS": url, "XDG_CACHE_HOME": str(folder / "cache")}
