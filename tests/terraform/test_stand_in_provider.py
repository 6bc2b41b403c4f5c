"""The stand-in of the google provider by itself: it knows the real one's fields, and what it refuses."""

import json
from pathlib import Path

import pytest

from deployable import full_environment, shop, variables
from google_provider.schema import FILE
from provider_stand_in import read_schema
from terraforming import STATE_BUCKET, Google, TerraformFailed, environment_on, google

pytestmark = [pytest.mark.needs_terraform, pytest.mark.slow, pytest.mark.sampled(3)]
SERVICES = "projects/acme-data/locations/europe-west1/services"
TOPIC = "projects/acme-data/topics/pplns-daily-orders-prod.dead-letters"


@pytest.mark.needs_google_provider
def test_it_has_the_fields_of_the_real_one() -> None:
    """Of all that the tests use; `python tests/provider_stand_in.py` writes them down anew."""
    assert json.loads(FILE.read_text(encoding="utf-8")) == read_schema()


def test_an_environment_is_made_repaired_and_destroyed_on_it(tmp_path: Path) -> None:
    """An empty second plan, drift of two kinds found and repaired, nothing left: also where the real one is there."""
    with google() as cloud, environment_on(cloud, tmp_path, is_real=False) as it:
        before = _furnished(cloud)
        it.write(variables(shop(1), full_environment()))
        it.apply()
        assert it.changes() == {}

        service = f"{SERVICES}/pplns-daily-orders-prod"
        cloud.control("drift", kind="run.services", name=service, set={"description": "changed by hand"})
        cloud.control("drift", kind="pubsub.topics", name=TOPIC, delete=True)
        assert {"update", "create"} <= {action for actions in it.changes().values() for action in actions}
        it.apply()

        assert it.changes() == {}
        it.destroy()
        assert cloud.inventory() == before | {"storage.objects": [f"{STATE_BUCKET}/prod/default.tfstate"]}


def test_an_unknown_field_and_a_missing_one_are_refused_on_it(tmp_path: Path) -> None:
    """As the schema says, which is what a mistake in the configuration meets first."""
    with google() as cloud, environment_on(cloud, tmp_path, is_real=False) as it:
        it.write(variables(shop(1)))
        file = it.folder / "modules" / "schedule" / "main.tf"
        text = file.read_text(encoding="utf-8")
        for wrong in (text.replace("attempt_deadline", "attempt_dedline"), text.replace("service_account_email", "#")):
            file.write_text(wrong, encoding="utf-8")
            with pytest.raises(TerraformFailed, match=r"Unsupported argument|Missing required argument"):
                it.run("validate", "-no-color")


def test_what_google_refuses_is_said_in_its_words(tmp_path: Path) -> None:
    """The diagnostic has the status, the message and the permission, as the real provider prints them."""
    with google() as cloud, environment_on(cloud, tmp_path, is_real=False) as it:
        cloud.control("faults", permission="pubsub.topics.create")
        it.write(variables(shop(1)))

        with pytest.raises(TerraformFailed, match=r"googleapi: Error 403: Permission 'pubsub\.topics\.create' denied"):
            it.apply()


def test_it_calls_this_machine_only(tmp_path: Path) -> None:
    """Without an endpoint here and without a proxy here nothing is asked."""
    with google() as cloud, environment_on(cloud, tmp_path, is_real=False) as it:
        it.write(variables(shop(1)))
        kept = {name: value for name, value in it.environ.items() if "RESOURCE_MANAGER" not in name}
        it.environ = kept | {"HTTPS_PROXY": "", "https_proxy": ""}

        with pytest.raises(TerraformFailed, match=r"calls\s+this\s+machine\s+only"):
            it.run("plan", "-no-color", "-input=false")


def _furnished(cloud: Google) -> dict[str, list[str]]:
    """Make what the pipelines use, and return what is there."""
    cloud.furnish()
    return cloud.inventory()
