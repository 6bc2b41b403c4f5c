"""Several people at one environment: one waits for the other, nobody's work is lost, and only the state says what is
live, not a laptop."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from commands import read_until
from deploy_site import SERVICES, STATE_BUCKET, STATE_LOCK, Site, new_image

pytestmark = [
    pytest.mark.needs_terraform,
    pytest.mark.slow,
    pytest.mark.sampled(2),
]
LOCK = {
    "ID": "0a7d8f1e-0000-4c00-8000-000000000000", "Operation": "OperationTypeApply", "Info": "", "Who": "ann@laptop",
    "Version": "1.11.4", "Created": "2026-11-22T22:10:00.123456789Z", "Path": f"gs://{STATE_BUCKET}/{STATE_LOCK}",
}  # fmt: skip


def hold_lock(site: Site) -> str:
    """Hold the lock of the state as somebody's Terraform would, and return its id."""
    path = f"upload/storage/v1/b/{STATE_BUCKET}/o?uploadType=media&name={STATE_LOCK}"
    return str(site.cloud.call("POST", path, LOCK)["generation"])


def finished(process: Any) -> dict[str, dict[str, Any]]:
    """Return what became of the pipelines of a deployment, once it has ended well."""
    said, told = process.communicate(timeout=600)
    assert process.returncode == 0, said + told
    return {one["pipeline"]: one for one in json.loads(said)["pipelines"]}


def revisions(site: Site, pipeline: str) -> set[str]:
    """Return the images of all revisions of a pipeline."""
    path = f"run/v2/{SERVICES}/pplns-{pipeline}-prod/revisions"
    return {one["containers"][0]["image"] for one in site.cloud.call("GET", path)["revisions"]}


def test_a_deployment_waits_for_the_lock(site: Site):
    """It says that it waits, and goes on once the lock is given back."""
    hold_lock(site)
    with site.start("deploy", "--yes", "--image", new_image()) as process:
        read_until(process.stderr, "Waiting for the lock", "pplns unlock --env prod")
        site.unlock()

        found = finished(process)

    assert {one["state"] for one in found.values()} == {"deployed"}


def test_who_waits_for_the_lock_may_stop(site: Site):
    """Ctrl-C ends the command, and the lock stays with its holder."""
    held = hold_lock(site)
    with site.start("deploy", "--yes", "--image", new_image()) as process:
        read_until(process.stderr, "Waiting for the lock")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)

    assert process.returncode == 130
    assert (site.lock() or {})["generation"] == held


def test_a_lock_says_whose_it_is_and_is_removed_by_its_id_alone(site: Site):
    """Not by that of a lock that was there before."""
    held = hold_lock(site)

    shown = site.run("unlock")["lock"]
    refused = site.run("unlock", str(int(held) - 1), "--yes", ends=3)
    unasked = site.run("unlock", held, ends=3)
    removed = site.run("unlock", held, "--yes")
    gone = site.run("unlock")

    assert (shown["id"], shown["who"], shown["operation"]) == (held, "ann@laptop", "apply")
    assert f"It is {held}, of ann@laptop" in refused["error"]["message"]
    assert "--yes" in unasked["error"]["hint"]
    assert removed["is_removed"]
    assert (gone["lock"], site.lock()) == (None, None)


def test_two_people_deploy_two_pipelines_at_once(site: Site, tmp_path: Path):
    """Each finds its own deployed, and the other's as the other left it."""
    ours, theirs, colleague = new_image(), new_image(), site.on_another_laptop(tmp_path, "sales", "stock")

    with (
        site.start("deploy", "sales", "--yes", "--image", ours) as first,
        colleague.start("deploy", "stock", "--yes", "--image", theirs) as second,
    ):
        found = finished(first)["sales"], finished(second)["stock"]

    assert [one["state"] for one in found] == ["deployed", "deployed"]
    assert (site.image("sales"), site.image("stock")) == (ours, theirs)
    assert site.there() == site.managed()
    assert site.run("plan", "sales", "--image", ours)["is_empty"]
    assert site.run("plan", "stock", "--image", theirs)["is_empty"]


def test_two_people_deploy_the_same_at_once(site: Site, tmp_path: Path):
    """Both images were live for a while; the one that was applied last stays."""
    images, colleague = [new_image(), new_image()], site.on_another_laptop(tmp_path, "sales", "stock")

    with (
        site.start("deploy", "--yes", "--image", images[0]) as first,
        colleague.start("deploy", "--yes", "--image", images[1]) as second,
    ):
        found = [finished(first), finished(second)]

    assert {one["sales"]["state"] for one in found} == {"deployed"}
    assert revisions(site, "sales") >= set(images)
    assert site.image("sales") == site.image("stock") in images
    assert site.there() == site.managed()
    assert site.is_settled(site.image())


def test_a_colleague_with_an_older_tree_rolls_back(site: Site, tmp_path: Path):
    """Neither the code nor anything of the laptop that deployed is needed, and no other pipeline is touched."""
    first, new = site.serving(), new_image()
    site.deploy(new)
    other = site.service("stock")

    colleague = site.on_another_laptop(tmp_path, "something_older")
    colleague.run("rollback", "sales", "--yes")

    assert site.serving("sales") == first
    assert site.service("stock") == other
    assert site.is_settled(new)


def test_deploying_one_leaves_all_others_alone(site: Site, tmp_path: Path):
    """Whatever the working tree says of them, or that it lacks them."""
    colleague = site.on_another_laptop(tmp_path, "sales")
    before, image = site.cloud.control("state"), new_image()

    found = colleague.run("deploy", "sales", "--yes", "--image", image)

    after = site.cloud.control("state")
    assert {one["pipeline"] for one in found["changes"]} == {"sales"}
    assert site.image("sales") == image
    for kind in ("pubsub.topics", "pubsub.subscriptions", "cloudscheduler.jobs", "iam.serviceAccounts"):
        assert after["resources"][kind] == before["resources"][kind], kind
    assert others(after) == others(before)


def others(state: dict[str, Any]) -> dict[str, Any]:
    """Return the services but the one that was deployed."""
    rows = state["resources"]["run.services"]
    return {name: row for name, row in rows.items() if not name.endswith("pplns-sales-prod")}
