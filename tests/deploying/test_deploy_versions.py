"""A new version that is broken in one way or another never gets traffic, and whatever happened a plan is empty."""

from collections.abc import Iterator

import pytest

import terraforming
from deploy_site import CONFIGURATION, PROJECT, Site, bootstrapped_site, new_image

pytestmark = [
    pytest.mark.needs_google_provider,
    pytest.mark.slow,
    pytest.mark.sampled(2),
    pytest.mark.skipif(not terraforming.find_provider(), reason=terraforming.HOW_TO_GET),
]
# What Cloud Run says of containers; https://cloud.google.com/run/docs/troubleshooting#container-failed-to-start
NOT_LISTENING = (
    "The user-provided container failed to start and listen on the port defined provided by the PORT=8080 environment"
    " variable within the allocated timeout."
)
NOT_STARTED = {
    "an import error": "The user-provided container failed the configured startup probe checks.",
    "a crash at start": "Container called exit(1).",
    "the wrong port": NOT_LISTENING,
    "a start that is too slow": f"{NOT_LISTENING} This can happen when the container port is misconfigured.",
}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with bootstrapped_site(tmp_path_factory.mktemp("site"), "sales") as site:
        site.deploy(new_image())
        yield site


@pytest.fixture
def site(deployed: Site) -> Site:
    """A site on which nothing is on order."""
    deployed.cloud.control("clear")
    return deployed


def visited(site: Site) -> set[str]:
    """Return the revisions that somebody asked for anything but their health."""
    calls = site.cloud.control("requests")["requests"]
    return {one["names"]["revision"] for one in calls if one["method"] == "run.invoke"}


@pytest.mark.parametrize("kind", NOT_STARTED)
def test_a_version_that_does_not_come_up_gets_no_traffic(kind: str, site: Site):
    """The old one serves, the reason is Cloud Run's own, and the revision isn't even asked."""
    bad, (good,) = new_image(), site.serving()
    site.cloud.control("startups", image=bad, message=NOT_STARTED[kind])
    site.cloud.control("requests", clear=True)

    found = site.deploy(bad, ends=1)["sales"]

    assert (found["state"], found["revision"]) == ("held_back", good)
    assert NOT_STARTED[kind].rstrip(".") in found["reason"]
    assert site.serving() == [good]
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
    old, new = new_image(), new_image()
    first = site.deploy(old)["sales"]
    site.deploy(new)

    back = site.run("rollback", "sales", "--yes")

    path = f"run/v2/projects/{PROJECT}/locations/europe-west1/services/pplns-sales-prod/revisions/{back['revision']}"
    assert site.serving() == [back["revision"]] == [first["revision"]]
    assert site.cloud.call("GET", path)["containers"][0]["image"] == old
    assert site.is_settled(new)


def test_an_ingress_that_keeps_the_laptop_out_relies_on_the_startup_probe(site: Site):
    """The command says so, and the new revision gets the traffic without having been asked."""
    file, image = site.folder / "pyproject.toml", new_image()
    file.write_text(f'{CONFIGURATION}ingress = "internal"\n')
    try:
        site.deploy(new_image())
        site.cloud.control("requests", clear=True)
        found = site.deploy(image)["sales"]
    finally:
        file.write_text(CONFIGURATION)

    assert found["state"] == "deployed"
    assert "'internal' keeps this machine out; its startup probe succeeded" in found["reason"]
    assert not visited(site)
