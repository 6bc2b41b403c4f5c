"""The stand-in of the google provider is held to the real one: from the same configuration both make the same.

Each applies to a cloud of its own; what is compared is what Google has then, and what a plan of a change would do."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, cast

import pytest

from deployable import full_environment, shop, variables
from terraforming import Google, Terraform, environment_on, google

pytestmark = [
    pytest.mark.needs_terraform,
    pytest.mark.needs_google_provider,
    pytest.mark.slow,
    pytest.mark.sampled(1),
]
GOOGLES_OWN = re.compile(
    r"etag|.*Time|time.*|updated|uid|uniqueId|oauth2ClientId|.*[gG]eneration|_operation|creationRecord|mutationRecord"
)
NUMBERED = re.compile(r"\b1\d{18}\b|(?<=-)\d{5}-[a-z]{3}\b")  # names in Monitoring, and revisions
Json = dict[str, Any]
Sides = tuple[tuple[Google, Terraform], tuple[Google, Terraform]]


@pytest.fixture(scope="module")
def wanted() -> Json:
    """Variables of three pipelines that use everything."""
    channel = "projects/acme-data/notificationChannels/1"
    return variables(shop(3), full_environment(notification_channels=(channel,)))


@pytest.fixture(scope="module")
def sides(wanted: Json, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sides]:
    """The same environment twice: applied by the real provider, and by the stand-in."""
    with ExitStack() as stack:
        made = list[tuple[Google, Terraform]]()
        for is_real in (True, False):
            cloud = stack.enter_context(google())
            folder = tmp_path_factory.mktemp("real" if is_real else "stand_in")
            place = stack.enter_context(environment_on(cloud, folder, is_real=is_real))
            place.write({**wanted, "notification_channels": [cloud.furnish()]})
            made.append((cloud, place))
        with ThreadPoolExecutor() as pool:
            list(pool.map(Terraform.apply, (place for _, place in made)))
        yield made[0], made[1]


def test_both_make_the_same(sides: Sides) -> None:
    """Every resource, field by field, and every policy; only times, ETags and numbers are each cloud's own."""
    (real, _), (stand_in, _) = sides

    assert facts(stand_in) == facts(real)


def no_schedule(wanted: Json) -> None:
    del wanted["pipelines"]["daily_orders"]["schedules"]["us"]


def other_image(wanted: Json) -> None:
    wanted["pipelines"]["pipeline_1"]["image"] = wanted["pipelines"]["pipeline_1"]["image"].replace("00", "11")


def paused(wanted: Json) -> None:
    wanted["pipelines"]["daily_orders"]["paused"] = True


def other_labels(wanted: Json) -> None:
    wanted["labels"] = {"team": "other"}


def other_filter(wanted: Json) -> None:
    wanted["pipelines"]["daily_orders"]["subscriptions"]["returns"]["filter"] = 'attributes.kind = "other"'


def other_region(wanted: Json) -> None:
    wanted["region"] = "us-central1"


def other_prefix(wanted: Json) -> None:
    wanted["store"] = {**wanted["store"], "prefix": "elsewhere", "soft_delete_days": 0}


CHANGES = (no_schedule, other_image, paused, other_labels, other_filter, other_region, other_prefix)


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__)
def test_both_plan_the_same(change: Callable[[Json], None], sides: Sides, wanted: Json) -> None:
    """What a change makes, updates, replaces and deletes."""
    changed = copy.deepcopy(wanted)
    change(changed)

    real, stand_in = (_changes(place, changed) for _, place in sides)

    assert stand_in == real != {}


def _changes(place: Terraform, wanted: Json) -> dict[str, list[str]]:
    before = json.loads((place.folder / "pplns.auto.tfvars.json").read_text(encoding="utf-8"))
    place.write({**wanted, "notification_channels": before["notification_channels"]})
    return place.changes()


def facts(cloud: Google) -> Json:
    """Return what Google has, without what it says of itself and without an order that means nothing."""
    state = cloud.control("state")
    rows = {
        kind: sorted((_stripped(row) for row in found.values()), key=_text)
        for kind, found in state["resources"].items()
    }
    policies = {
        name: sorted([one["role"], _text(one.get("condition")), sorted(one["members"])] for one in found["bindings"])
        for name, found in state["policies"].items()
        if found.get("bindings")
    }
    return {"resources": rows, "policies": policies}


def _stripped(value: Any) -> Any:
    """Return a value without what is Google's own; nothing, zero and empty are the same."""
    if isinstance(value, dict):
        row = cast("Json", value)
        kept = {name: _stripped(one) for name, one in row.items() if not GOOGLES_OWN.fullmatch(name)}
        return {name: one for name, one in kept.items() if one not in ("None", "", "0", "False", [], {})}
    if isinstance(value, list):
        return sorted((_stripped(one) for one in cast("list[Any]", value)), key=_text)
    return NUMBERED.sub("N", str(value))


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
