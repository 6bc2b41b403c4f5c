"""`pplns trigger NAME --env ENV`: a deployed pipeline, called as people may call it."""

from pathlib import Path

import pytest

from deploy_site import Site
from service import serving

pytestmark = [pytest.mark.needs_terraform, pytest.mark.slow]
NO_TOKEN = "iam.serviceAccounts.getOpenIdToken"


def test_a_deployed_pipeline_runs_by_its_name(site: Site, tmp_path: Path):
    """The address is found, and the token has the audience and the account that the service takes."""
    with serving(site.folder / "pipelines", tmp_path) as service:
        site.cloud.control("answers", service="pplns-sales-prod", url=f"http://127.0.0.1:{service.port}")

        record = site.run("trigger", "sales")

    assert (record["pipeline"], record["state"], record["result"]) == ("sales", "succeeded", 1)
    assert record["trigger"]["kind"] == "api"


def test_a_pipeline_that_is_not_deployed_is_named(site: Site):
    """With the command that deploys it."""
    refused = site.run("trigger", "nothing", ends=2)

    assert "isn't deployed to 'prod'" in refused["error"]["message"]
    assert "pplns deploy nothing --env prod" in refused["error"]["hint"]


def test_who_is_no_invoker_learns_how_to_become_one(site: Site):
    """Cloud Run itself would only say 403."""
    site.cloud.control("faults", permission=NO_TOKEN)

    refused = site.run("trigger", "sales", ends=3)

    assert "`invokers`" in refused["error"]["message"]
    assert "pplns bootstrap" in refused["error"]["hint"]


def test_an_environment_and_an_address_do_not_go_together(site: Site):
    """Each says which service it is."""
    refused = site.run("trigger", "sales", "--url", "http://127.0.0.1:9", ends=2)

    assert "--url goes without it" in refused["error"]["message"]
