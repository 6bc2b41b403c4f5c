"""Environments of any size, by Terraform and the google provider: made, unchanged, repaired, gone.

It takes a quarter of an hour on the real provider, most of it waiting, so it is for `--full` and for runs of this file
alone; test_life.py has environments of one and of three pipelines."""

from pathlib import Path

import pytest

from deployable import full_environment, shop, variables
from terraforming import STATE_BUCKET, environment_on, google

pytestmark = [pytest.mark.needs_terraform, pytest.mark.slow, pytest.mark.sampled(0)]
SERVICES = "projects/acme-data/locations/europe-west1/services"
JOBS = "projects/acme-data/locations/europe-west1/jobs"


@pytest.mark.parametrize("count", [1, 50])
def test_an_environment_of_any_size_is_made_and_destroyed(count: int, tmp_path: Path) -> None:
    """Apply, an empty second plan, drift, its repair, destroy: for one pipeline and for fifty, of all kinds."""
    with google() as cloud, environment_on(cloud, tmp_path) as made:
        channel = cloud.furnish()
        before = cloud.inventory()
        made.write(variables(shop(count), full_environment(notification_channels=(channel,))))
        made.apply()
        assert made.changes() == {}
        assert len(cloud.inventory()["run.services"]) == count

        changed = f"{SERVICES}/pplns-daily-orders-prod"
        cloud.control("drift", kind="run.services", name=changed, set={"template.timeout": "60s"})
        cloud.control("drift", kind="cloudscheduler.jobs", name=f"{JOBS}/pplns-daily-orders-prod_us", delete=True)
        assert made.changes() == {
            'module.pipeline_service["daily_orders"].google_cloud_run_v2_service.this': ["update"],
            'module.schedule["daily_orders/us"].google_cloud_scheduler_job.this': ["create"],
        }
        made.apply()
        assert made.changes() == {}

        made.destroy()
        assert cloud.inventory() == before | {"storage.objects": [f"{STATE_BUCKET}/prod/default.tfstate"]}
