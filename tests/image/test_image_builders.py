"""Images by a Dockerfile: docker, which podman stands in for, and Cloud Build by its API."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from checks_project import Checkable
from cloud_build_stand_in import DIGEST, CloudBuildStandIn, serve_cloud_build
from container_registry import LocalRegistry
from containers import SYSTEM, Podman
from packaged_project import recipe_for
from pplns.errors import ConfigError, PplnsError, RegistryError
from pplns_deploy.cloud import GoogleApis
from pplns_deploy.image.builders import dockerfile, write_context
from pplns_deploy.image.cloud_build import CloudBuild, place_of
from pplns_deploy.image.references import parse_reference

BASE = "localhost/pplns-base-with-wheels:1"
TARGET = "europe-west1-docker.pkg.dev/acme-data/images/sales"


def package(project: Path, *arguments: str, environ: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Call `pplns package` as a shell does."""
    command = [sys.executable, "-X", "utf8", "-m", "pplns_deploy", "package", "--project", str(project), *arguments]
    given = {**os.environ, **environ}
    return subprocess.run(command, env=given, capture_output=True, encoding="utf-8", timeout=300, check=False)


def test_the_dockerfile_starts_the_same_command(project: Path, wheels: Path):
    """With the same environment and user."""
    text = dockerfile(recipe_for(project, wheels), base="python:3.12-slim")

    assert text.startswith("FROM python:3.12-slim\n")
    assert 'CMD ["python", "-m", "pplns.server"]' in text
    assert "PPLNS_PIPELINES=/app/pipelines" in text


def test_a_folder_with_spaces_is_quoted_in_the_dockerfile(project: Path, wheels: Path):
    """And what a Dockerfile would replace is not replaced."""
    (project / "pyproject.toml").write_text("[tool.pplns]\npipelines = 'my \"$HOME\" pipelines'\n")

    text = dockerfile(recipe_for(project, wheels), base="python:3.12-slim")

    assert r'PPLNS_PIPELINES="/app/my \"\$HOME\" pipelines"' in text


def test_a_dockerfile_of_the_project_is_taken(project: Path, wheels: Path, tmp_path: Path):
    """Beside the same contents, and without secrets."""
    (project / "Dockerfile").write_text("FROM own\n")
    (project / ".env").write_text("A=1")

    write_context(recipe_for(project, wheels), tmp_path / "context", base="python:3.12-slim")

    assert (tmp_path / "context" / "Dockerfile").read_text() == "FROM own\n"
    assert (tmp_path / "context" / "app" / "pipelines" / "sales.py").is_file()
    assert not (tmp_path / "context" / "app" / ".env").exists()


@pytest.fixture
def podman(tmp_path: Path, system: Podman, registry: LocalRegistry, wheels: Path) -> Iterator[Podman]:
    """Podman, called as `docker` by a program in `bin`, and a base that has the locked wheel."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\ncommand=$1; shift\nexport CONTAINERS_CONF={system.folder / 'containers.conf'}\n"
        'test $command = build && set -- --isolation=chroot "$@" || set -- --tls-verify=false "$@"\n'
        f'exec {shutil.which("podman")} $command "$@"\n'
    )
    program.chmod(0o755)
    (tmp_path / "base").mkdir()
    shutil.copytree(wheels, tmp_path / "base" / "wheels")
    (tmp_path / "base" / "Dockerfile").write_text(
        f"FROM {SYSTEM}\nCOPY wheels /wheels\nENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels\n"
    )
    system.call("build", "-q", "--isolation=chroot", "--tag", BASE, str(tmp_path / "base"))
    yield system
    system.forget(BASE, *system.call("images", "-q", "--filter", f"reference={registry.host}/*").split())


@pytest.mark.needs_podman
@pytest.mark.needs_registry
def test_docker_builds_what_pplns_builds(podman: Podman, registry: LocalRegistry, checkable: Checkable, tmp_path: Path):
    """The generated Dockerfile: the locked wheel, pplns and the project, as nobody; pushed, its digest read."""
    environ = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    options = ("--builder", "docker", "--base", BASE, "--push", f"{registry.host}/by-docker")

    packaged = package(checkable.root, *options, "--json", environ=environ)

    assert packaged.returncode == 0, packaged.stderr
    document = json.loads(packaged.stdout)
    podman.call("pull", "-q", "--tls-verify=false", document["image"])
    asked = "import os, tiny, pplns; print(tiny.hello(), os.getuid(), sorted(os.listdir('pipelines')))"
    said = podman.call("run", "--rm", "--network=none", "--read-only", document["image"], "python", "-c", asked)
    assert said == "hello you 65532 ['__pycache__', 'sales.py']"
    assert document["image"] == f"{registry.host}/by-docker@{document['digest']}"


@pytest.fixture
def checkable(tmp_path: Path, wheels: Path) -> Checkable:
    """A project whose lock is the tests' wheel."""
    (tmp_path / "project").mkdir()
    made = Checkable(tmp_path / "project")
    made.write()
    head = "".join(f"{line}\n" for line in (made.root / "requirements.lock").read_text().splitlines() if "#" in line)
    (made.root / "requirements.lock").write_text(head + (wheels / "requirements.lock").read_text())
    return made


@pytest.mark.skipif(sys.platform == "win32", reason="the program that stands in for docker is a shell script")
@pytest.mark.parametrize(
    ("script", "said"), [("exit 7", "`docker build` ended with 7."), (None, "There is no docker here.")]
)
def test_a_docker_that_fails_is_an_error(checkable: Checkable, tmp_path: Path, script: str | None, said: str):
    """Its own words stand above it."""
    place = tmp_path / "programs"
    place.mkdir()
    if script:
        (place / "docker").write_text(f"#!/bin/sh\necho no such base\n{script}\n")
        (place / "docker").chmod(0o755)

    answer = package(checkable.root, "--builder", "docker", environ={"PATH": str(place)})

    assert answer.returncode in (1, 3)
    assert said in answer.stderr
    assert ("no such base" in answer.stderr) is (script is not None)


@pytest.fixture
def cloud() -> Iterator[CloudBuildStandIn]:
    """Cloud Build's stand-in."""
    pytest.importorskip("googleapiclient", reason="the stand-in reads Google's discovery documents")
    with serve_cloud_build() as running:
        yield running


def test_cloud_build_builds_what_was_sent(cloud: CloudBuildStandIn, checkable: Checkable):
    """Source into a bucket of the project, a build of it, polled, and the digest that was pushed."""
    cloud.polls = 0
    (checkable.root / ".env").write_text("TOKEN=1")

    packaged = package(checkable.root, "--builder", "cloud-build", "--push", TARGET, "--json", environ=cloud.environ())

    assert packaged.returncode == 0, packaged.stderr
    assert json.loads(packaged.stdout) == {
        "image": f"{TARGET}@{DIGEST}", "builder": "cloud-build", "digest": DIGEST,
    }  # fmt: skip
    assert cloud.buckets == {"acme-data_europe-west1_cloudbuild": "acme-data"}
    assert cloud.tokens == {"Bearer owner"}
    [build] = cloud.builds
    place = build["source"]["storageSource"]
    with tarfile.open(fileobj=io.BytesIO(cloud.objects[f"{place['bucket']}/{place['object']}"])) as sent:
        names = {name.removeprefix("./") for name in sent.getnames()}
    assert {"Dockerfile", "requirements.lock", "app/pipelines/sales.py", "opt/pplns/service/main.py"} <= names
    assert not [name for name in names if name.endswith(".env")]
    assert build["images"] == [f"{TARGET}:latest"]
    assert build["steps"][0]["args"] == ["build", "--tag", f"{TARGET}:latest", "."]


def run_build(cloud: CloudBuildStandIn, folder: Path) -> str:
    """Build a folder, without waiting between two looks."""
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    place = place_of(parse_reference(TARGET), platform="linux/amd64")
    building = CloudBuild(GoogleApis(cloud.environ()), place, lambda _: None, poll_s=0)
    return building.run(folder, f"{TARGET}:v1")


@pytest.mark.parametrize(
    ("ends", "has_logs", "said"),
    [
        (
            {"status": "FAILURE", "failureInfo": {"type": "USER_BUILD_STEP", "detail": "step 0 failed"}}, True,
            r"(?s)FAILURE: step 0 failed\..*Unable to locate package unixodbc-def\n.*console\.example\.com",
        ),
        ({"status": "TIMEOUT", "statusDetail": "it took 1 h"}, False, r"TIMEOUT: it took 1 h\. Correct.*console\.ex"),
        ({"status": "EXPIRED"}, False, "EXPIRED: it gives no reason"),
    ],
)  # fmt: skip
def test_a_build_that_fails_says_why(
    cloud: CloudBuildStandIn, tmp_path: Path, ends: dict[str, Any], has_logs: bool, said: str
):
    """With the last lines of its log, where they may be read."""
    cloud.ends, cloud.has_logs = ends, has_logs

    with pytest.raises(RegistryError, match=said):
        run_build(cloud, tmp_path / "context")

    assert [one.name for one in tmp_path.iterdir()] == ["context"]


def test_a_bucket_of_somebody_else_gets_nothing(cloud: CloudBuildStandIn, tmp_path: Path):
    """Names of buckets can be guessed, and taken beforehand."""
    cloud.buckets["acme-data_europe-west1_cloudbuild"] = "mallory"

    with pytest.raises(ConfigError, match="belongs to another project"):
        run_build(cloud, tmp_path / "context")

    assert (cloud.objects, cloud.builds) == ({}, [])


def test_ctrl_c_ends_the_build_too(cloud: CloudBuildStandIn, tmp_path: Path):
    """It would go on, and push."""

    def interrupt(said: str) -> None:
        if said.endswith("working"):
            raise KeyboardInterrupt

    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    place = place_of(parse_reference(TARGET), platform="linux/amd64")

    with pytest.raises(KeyboardInterrupt):
        CloudBuild(GoogleApis(cloud.environ()), place, interrupt, poll_s=0).run(tmp_path, TARGET)

    assert cloud.cancelled == ["projects/acme-data/locations/europe-west1/builds/b-1"]


def test_google_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """And no traceback."""
    monkeypatch.setattr("pplns_deploy.cloud.calls.PAUSE_SECONDS", 0)
    environ = CloudBuildStandIn(port=9).environ()
    place = place_of(parse_reference(TARGET), platform="linux/amd64")

    with pytest.raises(PplnsError, match="can't be reached"):
        CloudBuild(GoogleApis(environ), place, lambda _: None).run(tmp_path, TARGET)


@pytest.mark.parametrize(
    ("repository", "location", "bucket"),
    [
        ("europe-west1-docker.pkg.dev/p/r/i", "europe-west1", "EUROPE-WEST1"),
        ("europe-docker.pkg.dev/p/r/i", "global", "EU"), ("gcr.io/p/i", "global", "US"),
        ("asia.gcr.io/p/i", "global", "ASIA"),
    ],
)  # fmt: skip
def test_it_builds_where_the_repository_is(repository: str, location: str, bucket: str):
    """A continent has no region; there the build is global and its bucket the continent's."""
    place = place_of(parse_reference(repository), platform="linux/amd64")

    assert (place.project, place.location, place.bucket_location) == ("p", location, bucket)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--builder", "cloud-build"), 3, "Add --push"),
        (("--builder", "cloud-build", "--push", "localhost:5000/x"), 3, "can't push to 'localhost:5000'"),
        (("--builder", "cloud-build", "--push", TARGET, "--platform", "linux/arm64"), 3, "Its machines are linux/amd"),
        (("--builder", "docker", "--output", "oci-archive:x.tar"), 2, "--output goes without it"),
    ],
)
def test_what_a_builder_cant_do_is_refused(checkable: Checkable, arguments: tuple[str, ...], code: int, said: str):
    """Before anything is built or sent."""
    answer = package(checkable.root, *arguments, environ={})

    assert answer.returncode == code
    assert said in answer.stderr
