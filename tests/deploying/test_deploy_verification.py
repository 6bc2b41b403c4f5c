"""What a new revision is asked before it gets traffic: its health, and by choice a run."""

import json

import pytest

from deploy_site import CONFIGURATION, Site, add_pipeline, new_image

pytestmark = [
    pytest.mark.needs_terraform,
    pytest.mark.slow,
    pytest.mark.sampled(2),
]
RUNS = "/pipelines/sales/runs"


def answer_runs(site: Site, status: int, **record: object) -> None:
    """Order what runs that are asked for come to."""
    site.cloud.control("answers", path=RUNS, status=status, body=json.dumps({"run_id": "r1", **record}))


def test_a_run_that_succeeds_lets_the_revision_have_the_traffic(site: Site):
    """`smoke` params of the environment ask for a run without any option."""
    (site.folder / "pyproject.toml").write_text(f'{CONFIGURATION}pipelines.sales.smoke = {{ day = "2026-01-01" }}\n')
    file = site.folder / "pipelines" / "sales.py"
    file.write_text(file.read_text().replace("def sales():", "def sales(day: str = 'today'):"))
    answer_runs(site, 200, state="succeeded")

    found = site.deploy(new_image(), "sales")["sales"]

    assert found["state"] == "deployed"
    assert RUNS in [one["names"].get("path") for one in site.cloud.control("requests")["requests"]]


def test_a_run_that_fails_holds_the_revision_back(site: Site):
    """The old one goes on serving, and the run's own error is the reason."""
    good = site.serving()
    answer_runs(site, 422, state="failed", error={"code": "failed", "message": "Step 'one' failed: no such table"})

    held = site.deploy(new_image(), "sales", "--smoke", ends=1)["sales"]

    assert (held["state"], [held["revision"]]) == ("held_back", good)
    assert held["reason"] == "Its smoke run r1 failed: Step 'one' failed: no such table"


def test_a_run_that_goes_on_elsewhere_holds_the_revision_back(site: Site):
    """Its continuation would be taken by the old revision."""
    answer_runs(site, 202, state="continuing")

    held = site.deploy(new_image(), "sales", "--smoke", ends=1)["sales"]

    assert "goes on in another request" in held["reason"]


def test_a_first_revision_that_is_not_well_is_no_success_the_second_time_either(site: Site):
    """Nothing is left to change, but it still isn't well; once it is, the same command says so."""
    image, name = new_image(), "extra"
    add_pipeline(site, name)
    site.cloud.control("answers", image=image, path="/health", status=500)

    first = site.deploy(image, name, ends=1)[name]
    again = site.deploy(image, name, ends=1)[name]
    is_settled = site.run("plan", name, "--image", image)["is_empty"]
    site.cloud.control("clear")
    last = site.deploy(image, name)[name]

    assert (first["state"], again["state"], last["state"]) == ("failed", "failed", "deployed")
    assert is_settled
    assert {first["revision"], again["revision"], last["revision"]} == set(site.serving(name))
