"""A deployment that Google refuses somewhere: it says so, and the next one finishes.

Each gives one pipeline new code, adds another and takes a third away, as in test_deploy_kills.py."""

import os
import signal
from typing import Any

import pytest

from commands import read_until
from deploy_site import PROJECT, Site, change_pipelines, new_image

pytestmark = [
    pytest.mark.needs_terraform,
    pytest.mark.slow,
    pytest.mark.sampled(2),
]
FAULTS = {
    "409 once": {"method": "run.*.services.patch", "status": "ABORTED", "times": 1},
    "409 always": {"method": "run.*.services.patch", "status": "ABORTED"},
    "429 for a while": {"method": "pubsub.*.create", "status": "RESOURCE_EXHAUSTED", "times": 3},
    "503 once": {"method": "cloudscheduler.*.create", "status": "UNAVAILABLE", "times": 1},
    "500 once": {"method": "run.*.services.create", "status": "INTERNAL", "times": 1},
    "503 for the token": {"method": "iamcredentials.*", "status": "UNAVAILABLE", "times": 1},
    "a permission to create": {"permission": "pubsub.topics.create"},
    "a permission to update": {"permission": "run.services.update"},
    "a permission to delete": {"permission": "cloudscheduler.jobs.delete"},
    "a permission to read": {"permission": "run.services.get", "after": 4},
    "an operation that fails": {"method": "run.*.services.patch", "operation": {"error": {"message": "no capacity"}}},
    "a creation that fails": {"method": "run.*.services.create", "operation": {"error": {"message": "no capacity"}}},
    "a slow operation": {"method": "run.*.services.*", "operation": {"polls": 2}},
    "the state can't be saved": {"method": "storage.objects.insert", "status": "PERMISSION_DENIED", "after": 3},
    "the lock can't be released": {"method": "storage.objects.delete", "status": "PERMISSION_DENIED", "after": 1},
}  # fmt: skip
LASTING = ("409 always", "a permission to create", "a permission to update", "a permission to delete")


def attempt(site: Site, image: str) -> tuple[int, str]:
    """Deploy, and return the exit code with all that was said."""
    with site.start("deploy", "--yes", "--image", image) as process:
        said, told = process.communicate(timeout=600)
    return process.returncode, said + told


@pytest.mark.parametrize("fault", FAULTS)
def test_a_deployment_that_was_refused_is_finished_by_the_next(fault: str, site: Site):
    """What was done is kept, the rest follows, and what is there is what Terraform's state says."""
    image, order = new_image(), dict(FAULTS[fault])
    change_pipelines(site)
    site.cloud.control("faults", **order)

    code, said = attempt(site, image)
    site.cloud.control("clear")
    if held := site.run("unlock")["lock"]:
        site.run("unlock", held["id"], "--yes")
    found = site.deploy(image)

    assert code in (0, 1), said
    assert code == 1 or fault not in LASTING, said
    assert {one["state"] for one in found.values()} <= {"deployed", "unchanged"}
    assert site.image() == image
    assert site.there() == site.managed()
    assert site.is_settled(image)


def test_what_a_lost_state_had_is_found_again(site: Site):
    """A process that is killed before it saves its state leaves resources that the state doesn't know: of every kind.

    They are taken over, and none is made twice, though Google takes two alerts of one name."""
    image = new_image()
    change_pipelines(site)
    before = site.saved_state()
    site.deploy(image)
    there = site.there()
    site.save_state(without_kinds(before, "google_monitoring"))

    found = site.run("deploy", "--yes", "--image", image)

    taken = {one["kind"] for one in found["changes"] if one["action"] in ("import", "update")}
    assert taken >= {"service", "account", "schedule", "topic", "subscription", "alert", "dashboard"}
    assert site.there() == site.managed() == there
    assert site.is_settled(image)


def test_a_name_that_somebody_else_has_is_not_taken_over(site: Site):
    """It fails, and says that the name is taken: what is there isn't this environment's."""
    image = new_image()
    change_pipelines(site)
    topic = f"pubsub/v1/projects/{PROJECT}/topics/extra-landed-prod"
    site.cloud.call("PUT", topic, {"labels": {"team": "other"}})

    code, said = attempt(site, image)
    site.cloud.call("DELETE", topic)
    site.deploy(image)

    assert code == 1
    assert "That name is taken by something that no deployment of this environment made" in said
    assert site.there() == site.managed()


@pytest.mark.skipif(os.name == "nt", reason="there a test can't send Ctrl-C to one process")
def test_an_operation_that_never_ends_is_left_by_the_third_interrupt(site: Site):
    """Terraform would wait for it for twenty minutes; the next deployment finishes."""
    image = new_image()
    change_pipelines(site)
    site.cloud.control("faults", method="run.*.services.patch", operation={"never": True}, times=1)

    with site.start("deploy", "--yes", "--image", image) as process:
        while process.poll() is None and site.cloud.control("state")["faults"]:
            pass
        process.send_signal(signal.SIGINT)
        read_until(process.stderr, "Ctrl-C twice more")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
    if held := site.run("unlock")["lock"]:
        site.run("unlock", held["id"], "--yes")
    site.deploy(image)

    assert process.returncode == 130
    assert site.image() == image
    assert site.there() == site.managed()


def without_kinds(state: dict[str, Any], beginning: str) -> dict[str, Any]:
    """Return a state without the resources of some types."""
    kept = [one for one in state["resources"] if not one["type"].startswith(beginning)]
    return {**state, "resources": kept}
