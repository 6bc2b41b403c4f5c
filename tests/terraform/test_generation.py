"""Manifest and environment → variables: pure, the same bytes every time, and nothing that Terraform would refuse."""

import json
from pathlib import Path
from typing import Any

import pytest

from deployable import EVERY_TRIGGER, IMAGE, entry, environment, full_environment, shop, variables
from pplns.errors import ConfigError
from pplns_deploy.environments import ContainerLimits, PipelineConfig
from pplns_deploy.manifest import Manifest
from pplns_deploy.manifest.model import TriggerEntry
from pplns_deploy.terraform import generate_variables, variables_text, warn_of_changes

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("one", lambda: variables([entry("daily_orders")])),
        ("everything", lambda: variables(shop(2), full_environment(scheduler_region="europe-west3"))),
        ("own_bucket", lambda: variables(shop(1), environment(store="gs://acme-runs/pplns/prod/"))),
    ],
)
def test_the_file_is_as_it_was_kept(name: str, made: Any) -> None:
    """Byte for byte; a wanted change is seen in the diff of tests/terraform/golden."""
    assert variables_text(made()) == (GOLDEN / f"{name}.tfvars.json").read_text(encoding="utf-8")


def test_a_pipeline_without_an_image_is_refused() -> None:
    """Nothing is deployed that wasn't built."""
    with pytest.raises(ConfigError, match="no image for the pipeline 'daily_orders'"):
        generate_variables(Manifest((entry("daily_orders"),)), environment(), images={})


def test_two_schedules_that_a_request_couldn_t_tell_apart_are_refused() -> None:
    """The same cron line in two zones, without names: the second one's zone would never be taken."""
    zones = [TriggerEntry("schedule", None, {}, cron="0 6 * * *", timezone=zone) for zone in ("UTC", "Asia/Kathmandu")]

    with pytest.raises(ConfigError, match="Two schedules of 'daily' are called '0 6 \\* \\* \\*'"):
        variables([entry("daily", *zones)])


def test_two_triggers_whose_resources_would_have_one_name_are_refused() -> None:
    """One called as another without a name is: the second job would take the place of the first."""
    nameless, named = (TriggerEntry("schedule", one, {}, cron=f"{place} 6 * * *", timezone="UTC")
                       for place, one in enumerate([None, "schedule"]))  # fmt: skip

    with pytest.raises(ConfigError, match="Two triggers of 'daily' are called 'schedule'"):
        variables([entry("daily", nameless, named)])


def test_a_cron_line_has_single_spaces() -> None:
    """However it is written; by its own text the service still tells which schedule it is."""
    spaced = TriggerEntry("schedule", None, {}, cron="0  6\t* * *\n", timezone="UTC")
    made = variables([entry("daily", spaced)])["pipelines"]["daily"]["schedules"]["schedule"]

    assert made["cron"] == "0 6 * * *"
    assert json.loads(made["body"])["schedule"] == "0  6\t* * *\n"


def test_a_number_that_json_hasn_t_is_refused() -> None:
    """A request couldn't carry it."""
    endless = TriggerEntry("schedule", None, {"rate": float("inf")}, cron="0 6 * * *", timezone="UTC")

    with pytest.raises(ConfigError, match="a number that JSON hasn't"):
        variables([entry("daily", endless)])


@pytest.mark.parametrize(
    ("declared", "limits", "runs"), [(None, None, 8), (1, None, 1), (None, 3, 3), (1, 3, 3), (5000, None, 1000)]
)
def test_the_instances_follow_the_runs(declared: int | None, limits: int | None, runs: int) -> None:
    """What the environment says, else the code's max_concurrent_runs, else eight."""
    config = PipelineConfig(resources=ContainerLimits(max_instances=limits))
    made = variables([entry("daily", max_concurrent_runs=declared)], environment(defaults=config))

    assert made["pipelines"]["daily"]["max_runs"] == runs


def test_parameters_of_the_environment_go_to_those_that_have_them() -> None:
    """Others would be refused by the service."""
    config = PipelineConfig(params={"region": "eu", "dataset": "mart"})
    made = variables([entry("daily")], environment(defaults=config))

    assert json.loads(made["pipelines"]["daily"]["env"]["PPLNS_PARAMS"]) == {"region": "eu"}


def test_nothing_is_warned_of_at_first_and_where_nothing_changes() -> None:
    """An environment that isn't there has nothing to lose."""
    made = variables(shop(3))

    assert warn_of_changes({}, made) == ()
    assert warn_of_changes(made, json.loads(variables_text(made))) == ()


def test_a_pipeline_that_is_gone_is_warned_of() -> None:
    """Its topics go with the messages in them."""
    [warned] = warn_of_changes(variables(shop(3)), variables(shop(2)))

    assert (warned.pipeline, "no longer there" in warned.message) == ("pipeline_2", True)


def test_a_filter_that_changes_is_warned_of() -> None:
    """Pub/Sub replaces the subscription, and its messages are lost."""
    changed = [*EVERY_TRIGGER[:3], TriggerEntry("pubsub", "returns", {}, topic="orders", filter="attributes:x")]
    [warned] = warn_of_changes(variables([entry("a", *EVERY_TRIGGER)]), variables([entry("a", *changed)]))

    assert "pplns-a-prod_returns" in warned.message
    assert "is replaced" in warned.message


def test_a_store_that_moves_is_warned_of() -> None:
    """Runs that go on aren't found in the new one."""
    [warned] = warn_of_changes(variables([entry("a")]), variables([entry("a")], environment(store="gs://acme-runs")))

    assert "moves from 'acme-data-pplns-prod' to 'acme-runs'" in warned.message


def test_images_are_named_by_digest() -> None:
    """As they come from `pplns package`."""
    assert variables([entry("a")])["pipelines"]["a"]["image"] == IMAGE
