"""What a new revision is asked before it gets traffic: its health, and by choice a run."""

import json
from collections.abc import Iterator

import pytest

import terraforming
from deploy_site import CONFIGURATION, Site, bootstrapped_site, new_image

pytestmark = [
    pytest.mark.needs_google_provider,
    pytest.mark.slow,
    pytest.mark.sampled(2),
    pytest.mark.skipif(not terraforming.find_provider(), reason=terraforming.HOW_TO_GET),
]
RUNS = "/pipelines/sales/runs"


@pytest.fixture(scope="module")
def bootstrapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with bootstrapped_site(tmp_path_factory.mktemp("site"), "sales", "stock") as made:
        yield made


@pytest.fixture
def site(bootstrapped: Site) -> Site:
    """A site whose containers all come up and are well, without `smoke` params."""
    bootstrapped.cloud.control("clear")
    (bootstrapped.folder / "pyproject.toml").write_text(CONFIGURATION)
    return bootstrapped


def answer_runs(site: Site, status: int, **record: object) -> None:
    """Order what runs that are asked for come to."""
    site.cloud.control("answers", path=RUNS, status=status, body=json.dumps({"run_id": "r1", **record}))


def test_a_run_that_succeeds_lets_the_revision_have_the_traffic(site: Site):
    """`smoke` params of the environment ask for a run without any option."""
    site.deploy(new_image(), "sales")
    (site.folder / "pyproject.toml").write_text(f"{CONFIGURATION}pipelines.sales.smoke = {{ day = 2026-01-01 }}\n")
    answer_runs(site, 200, state="succeeded")
    site.cloud.control("requests", clear=True)

    found = site.deploy(new_image(), "sales")["sales"]

    assert found["state"] == "deployed"
    assert RUNS in [one["names"].get("path") for one in site.cloud.control("requests")["requests"]]


def test_a_run_that_fails_holds_the_revision_back(site: Site):
    """The old one goes on serving, and the run's own error is the reason."""
    good = site.deploy(new_image(), "sales")["sales"]
    answer_runs(site, 422, state="failed", error={"code": "failed", "message": "Step 'one' failed: no such table"})

    held = site.deploy(new_image(), "sales", "--smoke", ends=1)["sales"]

    assert (held["state"], held["revision"]) == ("held_back", good["revision"])
    assert held["reason"] == "Its smoke run r1 failed: Step 'one' failed: no such table"


def test_a_run_that_goes_on_elsewhere_holds_the_revision_back(site: Site):
    """Its continuation would be taken by the old revision."""
    site.deploy(new_image(), "sales")
    answer_runs(site, 202, state="continuing")

    held = site.deploy(new_image(), "sales", "--smoke", ends=1)["sales"]

    assert "goes on in another request" in held["reason"]


def test_a_first_revision_that_is_not_well_is_no_success_the_second_time_either(site: Site):
    """Nothing is left to change, but it still isn't well; once it is, the same command says so."""
    image = new_image()
    site.cloud.control("answers", image=image, path="/health", status=500)

    first = site.deploy(image, "stock", ends=1)["stock"]
    again = site.deploy(image, "stock", ends=1)["stock"]
    is_settled = site.run("plan", "stock", "--image", image)["is_empty"]
    site.cloud.control("clear")
    last = site.deploy(image, "stock")["stock"]

    assert (first["state"], again["state"], last["state"]) == ("failed", "failed", "deployed")
    assert is_settled
    assert {first["revision"], again["revision"], last["revision"]} == set(site.serving("stock"))
