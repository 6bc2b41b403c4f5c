"""The google provider against the stand-in: one resource of every type that pplns makes."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from google_stand_in import Google
from pplns_deploy.emulator import provider_endpoints, provider_environment
from terraforming import Terraform, TerraformFailed, environ_for

pytestmark = pytest.mark.needs_terraform

EVERYTHING = Path(__file__).parent / "everything"
SERVICE = "projects/acme-data/locations/us-central1/services/pplns-daily-prod"
JOB = "projects/acme-data/locations/us-central1/jobs/pplns-daily-prod_schedule"
BINDING = {"role": "roles/run.invoker", "members": ["allUsers"]}


@pytest.fixture
def terraform(google: Google, tmp_path: Path) -> Iterator[Terraform]:
    """Return a copy of the configuration, pointed at an empty cloud; what a failed test leaves goes with the cloud."""
    shutil.copy(EVERYTHING / "main.tf", tmp_path)
    made = Terraform(tmp_path, environ_for(tmp_path, provider_environment(google.url)))
    made.init()
    yield made
    google.control("reset")


def test_everything_is_made_found_again_repaired_and_destroyed(google: Google, terraform: Terraform) -> None:
    """A second plan is empty; drift of three kinds is seen and mended; nothing is left."""
    terraform.apply()
    assert terraform.changes() == {}

    google.control("drift", kind="run.services", name=SERVICE, set={"template.timeout": "60s"})
    google.control("drift", kind="policies", name=SERVICE, set={"bindings.0": BINDING})
    google.control("drift", kind="cloudscheduler.jobs", name=JOB, delete=True)
    assert terraform.changes() == {
        "google_cloud_run_v2_service.daily": ["update"],
        "google_cloud_run_v2_service_iam_binding.invokers": ["update"],
        "google_cloud_scheduler_job.morning": ["create"],
    }

    terraform.apply()
    assert terraform.changes() == {}
    terraform.destroy()
    assert google.control("inventory") == {}
    assert all("bindings" not in one or not one["bindings"] for one in google.control("state")["policies"].values())


def test_a_container_that_does_not_come_up_and_then_does(google: Google, terraform: Terraform) -> None:
    """Terraform fails with Cloud Run's words; the same command with a fixed image succeeds without a hand on it."""
    google.control("startups", image="*0000*")
    target = "-target=google_cloud_run_v2_service.daily"
    apply = ("apply", "-no-color", "-input=false", "-auto-approve", target)
    with pytest.raises(TerraformFailed, match="failed to start and listen"):
        terraform.run(*apply)

    terraform.run(*apply, "-var=image=fixed@sha256:11")
    assert google.get(f"run/v2/{SERVICE}")["terminalCondition"]["state"] == "CONDITION_SUCCEEDED"


def test_a_service_under_deletion_protection_stays(google: Google, terraform: Terraform) -> None:
    """The provider refuses to destroy it until the protection was applied away."""
    file = terraform.folder / "main.tf"
    protected = file.read_text().replace(
        "deletion_protection = false\n  ingress", "deletion_protection = true\n  ingress"
    )
    file.write_text(protected)
    target = "-target=google_cloud_run_v2_service.daily"
    terraform.run("apply", "-no-color", "-input=false", "-auto-approve", target)

    with pytest.raises(TerraformFailed, match="deletion_protection"):
        terraform.run("destroy", "-no-color", "-input=false", "-auto-approve", target)
    assert google.get(f"run/v2/{SERVICE}")


def test_faults_that_pass_are_waited_for_by_the_provider(google: Google, terraform: Terraform) -> None:
    """A 429, a 503, a policy changed meanwhile and an operation that takes polls end in the same state."""
    google.control("faults", method="pubsub.projects.topics.create", status="RESOURCE_EXHAUSTED", times=2)
    google.control("faults", method="artifactregistry.*.create", operation={"polls": 2}, times=1)
    google.control("faults", method="pubsub.projects.topics.setIamPolicy", status="ABORTED", times=1)
    targets = ["google_pubsub_topic_iam_member.dead", "google_artifact_registry_repository.images"]
    terraform.run("apply", "-no-color", "-input=false", "-auto-approve", *(f"-target={one}" for one in targets))

    assert set(targets) < set(terraform.state())


@pytest.mark.needs_google_provider
def test_the_provider_has_the_arguments_of_its_endpoints(google: Google, terraform: Terraform) -> None:
    """A name that the provider doesn't know would leave one of its APIs at Google."""
    schemas: dict[str, Any] = json.loads(terraform.run("providers", "schema", "-json"))["provider_schemas"]
    (schema,) = (one["provider"]["block"]["attributes"] for one in schemas.values())

    assert set(provider_endpoints(google.url)) <= set(schema)
