"""Terraform with the google provider against the stand-in of Google's APIs; what a test asks of both.

The provider is taken from a filesystem mirror outside the checkout, `~/.cache/pplns/terraform` or
PPLNS_TERRAFORM_MIRROR. `python tests/terraforming.py` fills it once: from the provider registry, or where that can't be
reached from the provider's Go module, which takes minutes; `.ci/run` does that. Where it isn't, and wherever
PPLNS_PROVIDER=stand-in, the same tests run on a stand-in of the provider: see provider_stand_in.py."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VERSION = "7.45.0"
COMMIT = "6f756229ab21d14d238c6280d2255262e4cccfc4"  # of the tag v7.45.0
MIRROR = Path(os.environ.get("PPLNS_TERRAFORM_MIRROR") or Path.home() / ".cache" / "pplns" / "terraform")
CONFIGURATION = Path(__file__).parents[1] / "terraform"
COMMAND_SECONDS = 1500
ACTIONS = {"replace": ["delete", "create"]}  # as a plan's own JSON has them
NOWHERE = "http://127.0.0.1:9"  # the provider asks Google who it is; that may fail, and goes nowhere
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
STATE_BUCKET = "acme-data-terraform"
STAND_IN = "stand-in"
PROVIDER = os.environ.get("PPLNS_PROVIDER")
HOW_TO_GET = "no google provider: `python tests/terraforming.py` gets it once, from its registry or by Go 1.26"
FORCED = f"PPLNS_PROVIDER={STAND_IN} leaves the google provider out"


class TerraformFailed(Exception):
    """A command ended with an error; the text is what it printed."""


@dataclass
class Terraform:
    """A root module in a folder of its own, its provider pointed at a stand-in."""

    folder: Path
    environ: Mapping[str, str]
    printed: list[str] = field(default_factory=list[str])

    def run(self, *arguments: str, ends: Iterable[int] = (0,)) -> str:
        """Run a command and return what it printed; `-no-color` and `-input=false` are added where they belong."""
        found = subprocess.run(
            ["terraform", *arguments], cwd=self.folder, env=dict(self.environ), capture_output=True, text=True,
            encoding="utf-8", timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
        self.printed.append(found.stdout + found.stderr)
        if found.returncode not in ends:
            raise TerraformFailed(f"terraform {' '.join(arguments)}: {found.stdout[-6000:]}\n{found.stderr[-6000:]}")
        return found.stdout

    def init(self, *options: str) -> None:
        """Get the provider and the modules."""
        self.run("init", "-no-color", "-input=false", *options)

    def write(self, variables: Mapping[str, Any]) -> None:
        """Write the variables."""
        from pplns_deploy.terraform import VARIABLES_FILE, variables_text

        (self.folder / VARIABLES_FILE).write_text(variables_text(variables), encoding="utf-8")

    def plan(self) -> dict[str, Any]:
        """Plan, and return the plan as JSON."""
        self.run("plan", "-no-color", "-input=false", "-out=plan", "-parallelism=30")
        found: dict[str, Any] = json.loads(self.run("show", "-json", "plan"))
        return found

    def changes(self) -> dict[str, list[str]]:
        """Plan, and return what would be done: address → actions; empty if nothing.

        Read from the lines of `plan -json`: `show -json` would start the provider a second time."""
        printed = self.run("plan", "-json", "-input=false", "-out=plan", "-parallelism=30")
        lines = [json.loads(line) for line in printed.splitlines()]
        planned = [one["change"] for one in lines if one["type"] == "planned_change"]
        return {
            one["resource"]["addr"]: ACTIONS.get(one["action"], [one["action"]])
            for one in planned
            if one["action"] != "read"
        }

    def apply(self) -> None:
        """Plan and apply that plan."""
        self.run("plan", "-no-color", "-input=false", "-out=plan", "-parallelism=30")
        self.run("apply", "-no-color", "-input=false", "-parallelism=30", "plan")

    def destroy(self) -> None:
        """Destroy everything."""
        self.run("destroy", "-no-color", "-input=false", "-auto-approve", "-parallelism=30")

    def state(self) -> list[str]:
        """Return the addresses of what is managed."""
        return self.run("state", "list").split()


def find_provider() -> bool:
    """Tell whether the mirror has the provider for this machine."""
    packed = f"terraform-provider-google_{VERSION}_{_platform()}.zip"
    return _binary().is_file() or (_provider_folder() / packed).is_file()


def is_provider_real() -> bool:
    """Tell whether tests run on the real provider: it is in the mirror, and nobody wants the stand-in."""
    return PROVIDER != STAND_IN and find_provider()


def why_not_real() -> str:
    """Return why tests that need the real provider are skipped."""
    return FORCED if find_provider() else HOW_TO_GET


def command_line_file(folder: Path, *, is_real: bool) -> Path:
    """Write the file by which Terraform takes the provider from a mirror, and return it."""
    file, mirror = folder / "terraform.rc", MIRROR
    if not is_real:
        from provider_stand_in import install

        mirror = folder / "mirror"
        install(mirror, _binary().relative_to(MIRROR))
    place = json.dumps(mirror.as_posix())
    text = f"provider_installation {{\n  filesystem_mirror {{\n    path = {place}\n  }}\n}}\n"
    file.write_text(f"disable_checkpoint = true\n{text}", encoding="utf-8")
    return file


def environ_for(folder: Path, more: Mapping[str, str], *, is_real: bool | None = None) -> dict[str, str]:
    """Return the environment of Terraform's processes: nothing of the user's clouds, nothing leaves the machine.

    `is_real` says which provider is taken; by default it is the one that tests run on."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GOOGLE_", "CLOUDSDK_", "TF_"))}
    real = is_provider_real() if is_real is None else is_real
    return {
        **kept, "TF_CLI_CONFIG_FILE": str(command_line_file(folder, is_real=real)), "TF_IN_AUTOMATION": "1",
        "HTTPS_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1,localhost", "CHECKPOINT_DISABLE": "1",
        **({} if real else {"TF_DISABLE_PLUGIN_TLS": "1"}), **more,
    }  # fmt: skip


def root_module(folder: Path, environ: Mapping[str, str] | None = None, *, is_real: bool | None = None) -> Terraform:
    """Return a copy of the configuration in a folder."""
    place = folder / "root"
    shutil.copytree(CONFIGURATION, place, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    return Terraform(place, environ_for(folder, environ or {}, is_real=is_real))


class Google:
    """The stand-in, as a test sees it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send a request as the owner, and return the answer's JSON."""
        request = urllib.request.Request(
            f"{self.url}/{path}", json.dumps(body or {}).encode() if method != "GET" else None,
            {"Content-Type": "application/json", "Authorization": "Bearer owner"}, method=method,
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read() or b"{}")

    def control(self, command: str, **body: Any) -> Any:
        """Give the stand-in a command."""
        return self.call("POST", f"_control/{command}", body)

    def inventory(self) -> dict[str, list[str]]:
        """Return the names of all resources by kind."""
        found: dict[str, list[str]] = self.control("inventory")
        return found

    def add_bucket(self, name: str = STATE_BUCKET, project: str = "acme-data") -> None:
        """Make a bucket, as bootstrapping does for Terraform's state."""
        uniform = {"uniformBucketLevelAccess": {"enabled": True}}
        body = {"name": name, "location": "EUROPE-WEST1", "iamConfiguration": uniform}
        self.call("POST", f"storage/v1/b?project={project}", body)

    def add_secret(self, name: str, project: str = "acme-data") -> None:
        """Make a secret with one version."""
        self.call(
            "POST", f"secretmanager/v1/projects/{project}/secrets?secretId={name}", {"replication": {"automatic": {}}}
        )
        path = f"secretmanager/v1/projects/{project}/secrets/{name}:addVersion"
        self.call("POST", path, {"payload": {"data": "aHVudGVyMg=="}})

    def add_dataset(self, name: str, project: str = "acme-data") -> None:
        """Make a dataset of BigQuery."""
        self.call("POST", f"bigquery/v2/projects/{project}/datasets", {"datasetReference": {"datasetId": name}})

    def add_account(self, name: str, project: str = "acme-data") -> None:
        """Make a service account."""
        self.call("POST", f"iam/v1/projects/{project}/serviceAccounts", {"accountId": name})

    def furnish(self) -> str:
        """Make what the pipelines of `deployable` use and pplns doesn't manage; return the channel for alerts."""
        self.add_secret("warehouse-password")
        self.add_secret("partner-token", project="acme-other")
        for dataset in ("raw", "mart"):
            self.add_dataset(dataset)
        self.add_dataset("shared", project="acme-other")
        self.add_account("ci-runner")
        for bucket in ("acme-landing", "acme-exports"):
            self.add_bucket(bucket)
        self.call("PUT", "pubsub/v1/projects/acme-data/topics/partner")
        channel = {"type": "email", "labels": {"email_address": "data@acme.com"}}
        return str(self.call("POST", "monitoring/v3/projects/acme-data/notificationChannels", channel)["name"])


@contextmanager
def google() -> Iterator[Google]:
    """Start a stand-in in a process of its own, with a bucket for Terraform's state."""
    command = [sys.executable, "-m", "pplns_deploy.emulator", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        try:
            assert process.stdout is not None
            found = Google(json.loads(process.stdout.readline())["url"])
            found.add_bucket()
            yield found
        finally:
            process.terminate()


@contextmanager
def environment_on(
    cloud: Google, folder: Path, *, prefix: str = "prod", is_real: bool | None = None
) -> Iterator[Terraform]:
    """Prepare the configuration with its state in a bucket of the stand-in."""
    from pplns_deploy.emulator import provider_environment

    made = root_module(folder, provider_environment(cloud.url), is_real=is_real)
    made.init(f"-backend-config=bucket={STATE_BUCKET}", f"-backend-config=prefix={prefix}")
    yield made


def get_provider() -> str:
    """Fill the mirror, and return how that went."""
    if find_provider():
        return f"The google provider {VERSION} is in {MIRROR}"
    started = time.monotonic()
    for how, fill in (("taken from its registry", _download_provider), ("built from its Go module", _build_provider)):
        if fill():
            return f"The google provider {VERSION} was {how} in {time.monotonic() - started:.0f} s"
    return f"The google provider {VERSION} can't be had: tests run on a stand-in of it"


def _download_provider() -> bool:
    """Fill the mirror from the registry; tell whether that worked."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = {"google": {"source": "hashicorp/google", "version": VERSION}}
        root = Path(folder, "main.tf.json")
        root.write_text(json.dumps({"terraform": {"required_providers": wanted}}), encoding="utf-8")
        return _succeeds(
            ["terraform", "providers", "mirror", f"-platform={_platform()}", str(MIRROR)], cwd=Path(folder)
        )


def _build_provider() -> bool:
    """Build the provider into the mirror; tell whether that worked."""
    folder = _binary().parent
    folder.mkdir(parents=True, exist_ok=True)
    module = f"github.com/hashicorp/terraform-provider-google@{COMMIT}"
    if not _succeeds(["go", "install", module], cwd=folder, GOBIN=str(folder)):
        return False
    (folder / f"terraform-provider-google{_suffix()}").replace(_binary())
    return True


def _succeeds(command: list[str], *, cwd: Path, **environ: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, cwd=cwd, env={**os.environ, **environ}, check=False).returncode == 0


def _provider_folder() -> Path:
    return MIRROR / "registry.terraform.io" / "hashicorp" / "google"


def _platform() -> str:
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{MACHINES.get(machine, machine)}"


def _binary() -> Path:
    return _provider_folder() / VERSION / _platform() / f"terraform-provider-google_v{VERSION}{_suffix()}"


def _suffix() -> str:
    return ".exe" if os.name == "nt" else ""


if __name__ == "__main__":
    print(get_provider())
