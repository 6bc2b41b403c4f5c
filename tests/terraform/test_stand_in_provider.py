"""The stand-in of the google provider: as the real one where both are asked, and a whole life of an environment."""

import json
import re
from pathlib import Path

import pytest

from deployable import full_environment, shop, variables
from provider_stand_in import PUT_BACK, SCHEMA, read_schema, stand_in_provider
from terraforming import STATE_BUCKET, TerraformFailed, environment_on, google


@pytest.mark.needs_google_provider
def test_it_has_the_fields_of_the_real_one() -> None:
    """Of all that the configuration uses; `python tests/provider_stand_in.py` writes them down anew."""
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == read_schema()


@pytest.mark.needs_terraform
def test_an_environment_is_made_repaired_and_destroyed_on_it(tmp_path: Path) -> None:
    """An empty second plan, drift of two kinds found and repaired, nothing left; the state in the bucket."""
    with (
        google() as cloud,
        stand_in_provider() as (there, found),
        environment_on(cloud, tmp_path, provider=found) as it,
    ):
        it.write(variables(shop(1), full_environment()))
        it.apply()
        assert it.changes() == {}
        kinds = {kind for address in it.state() for kind in re.findall(r"google_\w+", address)}
        assert kinds == {*there.known["resource"], *there.known["data_source"]} - {PUT_BACK}

        service = next(row for row in there.rows.values() if row.get("custom_audiences"))
        service["description"] = "changed by hand"
        there.rows.pop(next(row["id"] for row in there.rows.values() if "http_target" in row))
        assert sorted(it.changes().values()) == [["create"], ["update"]]
        it.apply()

        assert it.changes() == {}
        it.destroy()
        assert there.rows == {}
        assert cloud.inventory()["storage.objects"] == [f"{STATE_BUCKET}/prod/default.tfstate"]


@pytest.mark.needs_terraform
def test_an_unknown_field_and_a_missing_one_are_refused_on_it(tmp_path: Path) -> None:
    """As the schema says, which is what a mistake in the configuration meets first."""
    with google() as cloud, stand_in_provider() as (_, found), environment_on(cloud, tmp_path, provider=found) as it:
        it.write(variables(shop(1)))
        file = it.folder / "modules" / "schedule" / "main.tf"
        text = file.read_text(encoding="utf-8")
        for wrong in (text.replace("attempt_deadline", "attempt_dedline"), text.replace("service_account_email", "#")):
            file.write_text(wrong, encoding="utf-8")
            with pytest.raises(TerraformFailed, match=r"Unsupported argument|Missing required argument"):
                it.run("validate", "-no-color")
