"""The commands that deploy, with Terraform, the google provider and the stand-in of Google's APIs.

Each is tried with the Terraform on PATH and with the library, in a copy of a site that was deployed once."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from deploy_site import CONFIGURATION, SERVICES, Site, make_project, new_image
from pplns_deploy.deploying.binary import find_terraform

pytestmark = [
    pytest.mark.needs_terraform,
    pytest.mark.slow,
    pytest.mark.sampled(2),
    pytest.mark.usefixtures("program"),
]


def test_a_code_change_is_verified_under_its_tag_and_then_gets_the_traffic(site: Site):
    """Only image, revision and traffic change, and afterwards a plan is empty."""
    image = new_image()

    found = site.run("deploy", "--yes", "--image", image)

    assert {one["kind"]: one["fields"] for one in found["changes"]} == {"service": ["image", "revision", "traffic"]}
    assert len(found["changes"]) == 2
    assert {one["state"] for one in found["pipelines"]} == {"deployed"}
    assert site.serving() == [found["pipelines"][0]["revision"]]
    asked = [one["names"] for one in site.cloud.control("requests")["requests"] if one["method"] == "run.invoke"]
    assert {
        "service": f"{SERVICES}/pplns-sales-prod", "revision": site.serving()[0], "path": "/health",
    } in asked  # fmt: skip
    assert site.is_settled(image)


@pytest.mark.parametrize("fault", ["start", "health"])
def test_a_broken_version_never_gets_traffic(site: Site, fault: str):
    """The old revision goes on serving, the exit code is 1, the reason is said, and nothing is left to plan."""
    (good,), bad = site.serving(), new_image()
    if fault == "start":
        site.cloud.control("startups", image=bad, logs=["Traceback:", "ModuleNotFoundError: No module named 'shop'"])
    else:
        site.cloud.control("answers", image=bad, path="/health", status=500)

    found = site.deploy(bad, ends=1)["sales"]

    assert (found["state"], found["revision"]) == ("held_back", good)
    assert ("failed to start" if fault == "start" else "answered 500") in found["reason"]
    assert found["log"][1:] == (["ModuleNotFoundError: No module named 'shop'"] if fault == "start" else [])
    assert site.serving() == [good]
    assert site.is_settled(bad)


def test_a_version_that_was_held_back_is_deployed_once_it_is_well(site: Site):
    """The next deployment of the same image finishes the work."""
    image = new_image()
    site.cloud.control("startups", image=image)
    site.deploy(image, ends=1)
    site.cloud.control("clear")

    found = site.deploy(image)["sales"]

    assert (found["state"], site.serving()) == ("deployed", [found["revision"]])


def test_a_rollback_from_another_laptop_is_kept_by_a_plan(site: Site):
    """Only the state says what is live, and a rollback moves traffic alone."""
    old, new = site.serving(), new_image()
    site.deploy(new)

    site.run("rollback", "sales", "--yes")

    assert site.serving() == old
    assert site.is_settled(new)


def test_destroying_asks_for_the_name_and_leaves_the_data(site: Site):
    """Pipelines go, runs and images stay; with --data all goes but the bucket of the state."""
    refused = site.run("destroy", "--confirm", "production", ends=3)
    site.run("destroy", "--confirm", "prod")
    kept = site.cloud.inventory()
    gone = site.run("destroy", "--data", "--confirm", "prod")
    left = site.there()

    assert "isn't 'prod'" in refused["error"]["message"]
    assert "run.services" not in kept
    assert "acme-data-pplns-prod" in kept["storage.buckets"]
    assert [one["name"] for one in gone["first"] if one["kind"] == "bucket"] == ["acme-data-pplns-prod"]
    assert left == {}


def test_preparing_an_environment_again_changes_nothing(site: Site):
    """Whoever isn't sure whether it was done does it."""
    found = site.run("bootstrap", "--yes")

    assert (found["is_new"], found["changes"]) == (False, [])
    assert site.is_settled(site.image())


def test_what_is_ejected_goes_on_with_terraform_alone(site: Site, tmp_path: Path):
    """The folder has all that Terraform needs, and its first plan changes nothing."""
    folder = tmp_path / "infrastructure" / "prod"

    found = site.run("eject", str(folder))

    assert {"main.tf", "backend.tf", "README.md", "pplns.auto.tfvars.json"} <= set(found["files"])
    for words in (["init"], ["plan", "-detailed-exitcode"]):
        command = [*find_terraform(site.environ), *words, "-no-color", "-input=false"]
        subprocess.run(command, cwd=folder, env=site.environ, capture_output=True, check=True)


def test_nothing_is_ejected_over_anything(site: Site, tmp_path: Path):
    """A folder with a file in it is refused, and left as it is."""
    (tmp_path / "mine.tf").write_text("# mine")

    refused = site.run("eject", str(tmp_path), ends=3)

    assert "nothing is written over" in refused["error"]["message"]
    assert [one.name for one in tmp_path.iterdir()] == ["mine.tf"]


def test_a_state_that_is_not_there_names_bootstrap(site: Site, tmp_path: Path):
    """The first command that somebody tries says what comes first."""
    other = CONFIGURATION.replace("acme-data", "acme-other")
    stranger = replace(site, folder=make_project(tmp_path / "other", ["sales"], configuration=other))

    refused = stranger.run("plan", "--image", new_image(), ends=3)

    assert "pplns bootstrap" in refused["error"]["hint"]
