"""A new version that is broken in one way or another never gets traffic, and whatever happened a plan is empty."""

import os
from pathlib import Path

import pytest

from deploy_site import CONFIGURATION, SERVICES, Site, new_image
from started_containers import NOT_LISTENING, PROBE_FAILED, Version, start_container

pytestmark = [
    pytest.mark.needs_terraform,
    pytest.mark.slow,
    pytest.mark.sampled(2),
]
SLOW = "import time; print('reading all orders', flush=True); time.sleep(600)"
# Versions of a pipeline that don't come up, what Cloud Run says of each, and what its container writes.
BROKEN = {
    "an import error": (
        Version("import shop_that_is_not_there", writes="Error:"), PROBE_FAILED,
        "sales.py:2: no module named 'shop_that_is_not_there'",
    ),
    "a crash at start": (
        Version(environ={"PPLNS_LEASE_SECONDS": "soon"}), "Container called exit(3)", "PPLNS_LEASE_SECONDS is 'soon'",
    ),
    "the wrong port": (Version(is_asked_elsewhere=True), NOT_LISTENING, ""),
    "a start that is too slow": (Version(SLOW, writes="reading"), PROBE_FAILED, "reading all orders"),
}  # fmt: skip


def visited(site: Site) -> set[str]:
    """Return the revisions that somebody asked for anything but their health."""
    calls = site.cloud.control("requests")["requests"]
    return {one["names"]["revision"] for one in calls if one["method"] == "run.invoke"}


@pytest.mark.skipif(os.name == "nt", reason="the container's server runs on POSIX only")
@pytest.mark.parametrize("kind", BROKEN)
def test_a_version_that_does_not_come_up_gets_no_traffic(kind: str, site: Site, tmp_path: Path):
    """Its container is started here. The old one serves, the reason is Cloud Run's with the lines that the container
    wrote, and the revision isn't even asked."""
    bad, good, (version, reason, line) = new_image(), site.serving(), BROKEN[kind]
    message, logs = start_container(version, tmp_path)
    site.cloud.control("startups", image=bad, message=message, logs=logs)
    site.cloud.control("requests", clear=True)

    found = site.deploy(bad, ends=1)["sales"]

    assert (found["state"], [found["revision"]]) == ("held_back", good)
    assert reason.rstrip(".") in found["reason"]
    assert line in "".join(found["log"])
    assert site.serving() == good
    assert not visited(site)
    assert site.is_settled(bad)


@pytest.mark.parametrize("status", [500, 501])
def test_a_version_that_is_not_healthy_gets_no_traffic(status: int, site: Site):
    """It came up, answered its health with an error at the address of its tag, and the old one serves."""
    bad, (good,) = new_image(), site.serving()
    site.cloud.control("answers", image=bad, path="/health", status=status, body="no such table")

    found = site.deploy(bad, ends=1)["sales"]

    assert (found["state"], found["revision"]) == ("held_back", good)
    assert f"answered {status}: 'no such table'" in found["reason"]
    assert site.serving() == [good]
    assert site.is_settled(bad)


def test_a_version_that_starts_slowly_gets_traffic_when_it_is_up(site: Site):
    """Cloud Run says so once its startup probe has succeeded; until then the old one serves."""
    image, good = new_image(), site.serving()
    site.cloud.control("faults", method="run.*.services.patch", operation={"polls": 2}, times=1)

    found = site.deploy(image)["sales"]

    assert found["state"] == "deployed"
    assert [found["revision"]] == site.serving() != good


def test_rolling_back_restores_the_old_image(site: Site):
    """The revision that serves then runs it, and a plan is empty."""
    old, first, new = site.image(), site.serving(), new_image()
    site.deploy(new)

    back = site.run("rollback", "sales", "--yes")

    path = f"run/v2/{SERVICES}/pplns-sales-prod/revisions/{back['revision']}"
    assert site.serving() == [back["revision"]] == first
    assert site.cloud.call("GET", path)["containers"][0]["image"] == old
    assert site.is_settled(new)


def test_an_ingress_that_keeps_the_laptop_out_relies_on_the_startup_probe(site: Site):
    """The command says so, and the new revision gets the traffic without having been asked."""
    (site.folder / "pyproject.toml").write_text(f'{CONFIGURATION}ingress = "internal"\n')
    site.cloud.control("requests", clear=True)

    found = site.deploy(new_image())["sales"]

    assert found["state"] == "deployed"
    assert "'internal' keeps this machine out; its startup probe succeeded" in found["reason"]
    assert not visited(site)
