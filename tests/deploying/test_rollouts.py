"""Which variables come next: what is new gets a revision without traffic, the rest stays as the state has it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pplns.errors import NotFoundError, StateError
from pplns_deploy.deploying.deployed import TAG, Deployed, LiveService, Target
from pplns_deploy.deploying.rollout import next_revision, roll_back, roll_out, shift_traffic

OLD, NEW = ("registry/shop@sha256:" + digit * 64 for digit in "01")
SHARED = {"project": "acme", "region": "europe-west1", "store": {"bucket": "runs", "prefix": ""}, "invokers": []}


def entry(name: str, *, image: str = OLD, **values: Any) -> dict[str, Any]:
    return {"service": f"pplns-{name}-prod", "image": image, "memory": "512Mi", "schedules": {}, **values}


def live(name: str, **values: Any) -> LiveService:
    revision = f"pplns-{name}-prod-00004-kkkk"
    return LiveService(
        **{
            "pipeline": name,
            "service": f"pplns-{name}-prod",
            "url": "https://x",
            "audience": "a",
            "image": OLD,
            "revision": revision,
            "created": revision,
            "ready": revision,
            "traffic": (Target(revision, 100),),
            "urls": {},
            **values,
        }
    )


def deployed(*services: LiveService) -> Deployed:
    entries = {one.pipeline: {**entry(one.pipeline), "spare_instances": 2} for one in services}
    for one in entries.values():
        del one["image"]
    return Deployed(SHARED, entries, {one.pipeline: one for one in services})


def wanted(*entries: dict[str, Any]) -> dict[str, Any]:
    return {**SHARED, "pipelines": {one["service"].split("-")[1]: one for one in entries}}


def rolled(want: dict[str, Any], there: Deployed, **options: Any) -> Any:
    return roll_out(want, there, suffix=lambda: "bbbb", **options)


def test_a_new_image_gets_a_new_revision_without_traffic():
    """The old revision keeps all traffic by its name; the newest only has a tag."""
    found = rolled(wanted(entry("sales", image=NEW)), deployed(live("sales")))

    made = found.variables["pipelines"]["sales"]
    assert made["revision"] == "pplns-sales-prod-00005-bbbb"
    assert [(one["revision"], one["percent"], one["tag"]) for one in made["traffic"]] == [
        ("pplns-sales-prod-00004-kkkk", 100, None), (None, 0, TAG),
    ]  # fmt: skip
    assert found.waiting == ("sales",)


def test_what_does_not_change_keeps_revision_and_traffic():
    """A second deployment of the same is empty."""
    there = deployed(live("sales"))

    found = rolled(wanted(entry("sales")), there)

    assert found.variables["pipelines"]["sales"]["revision"] == there.services["sales"].revision
    assert found.variables["pipelines"]["sales"]["traffic"] == [Target("pplns-sales-prod-00004-kkkk", 100).as_json()]
    assert not found.waiting


def test_another_schedule_needs_no_new_revision():
    """What is outside of the container changes without it."""
    found = rolled(wanted(entry("sales", schedules={"s": {"cron": "0 6 * * *"}})), deployed(live("sales")))

    assert not found.waiting


@pytest.mark.parametrize("change", [{"memory": "1Gi"}, {"env": {"A": "b"}}])
def test_another_container_needs_a_new_revision(change: dict[str, Any]):
    """The same image with other settings is another revision."""
    assert rolled(wanted(entry("sales", **change)), deployed(live("sales"))).waiting == ("sales",)


def test_shared_settings_that_containers_have_renew_all():
    """Another bucket is another variable of each container."""
    want = {**wanted(entry("sales"), entry("stock")), "store": {"bucket": "other", "prefix": ""}}

    assert rolled(want, deployed(live("sales"), live("stock"))).waiting == ("sales", "stock")


def test_a_first_deployment_has_the_traffic_at_once():
    """There is no older revision that could serve."""
    found = rolled(wanted(entry("sales")), Deployed(None, {}, {}))

    assert found.variables["pipelines"]["sales"]["traffic"] == [Target(None, 100, TAG).as_json()]
    assert (found.waiting, found.fresh) == (("sales",), ("sales",))


def test_a_service_that_never_came_up_is_like_a_new_one():
    """Its next revision has the traffic at once, and is asked for its health."""
    broken = live("sales", ready=None, traffic=(Target(None, 100),))

    found = rolled(wanted(entry("sales", image=NEW)), deployed(broken))

    assert (found.waiting, found.fresh, found.left_back) == (("sales",), ("sales",), ())
    assert found.variables["pipelines"]["sales"]["traffic"] == [Target(None, 100, TAG).as_json()]


def test_a_first_revision_is_verified_until_it_is_well():
    """Its tag stays in the state, so that a repeated deployment asks again and doesn't call it unchanged."""
    first = live("sales", traffic=(Target(None, 100, TAG),))

    found = rolled(wanted(entry("sales")), deployed(first))

    assert (found.waiting, found.fresh) == (("sales",), ("sales",))
    assert found.variables["pipelines"]["sales"]["revision"] == first.revision


def test_the_next_revision_waits_while_an_unverified_first_one_serves():
    """There is something to compare with now, even if it isn't well."""
    first = live("sales", traffic=(Target(None, 100, TAG),))

    found = rolled(wanted(entry("sales", image=NEW)), deployed(first))

    assert (found.waiting, found.fresh) == (("sales",), ())
    assert [one["percent"] for one in found.variables["pipelines"]["sales"]["traffic"]] == [100, 0]


def test_a_revision_that_did_not_come_up_is_tried_again_by_deploy_only():
    """`pplns plan` finds nothing to change; `pplns deploy` makes a new revision of the same code."""
    broken = live("sales", created="pplns-sales-prod-00005-xxxx", revision="pplns-sales-prod-00005-xxxx")

    assert (
        rolled(wanted(entry("sales")), deployed(broken), retry=False)
        .variables["pipelines"]["sales"]["revision"]
        .endswith("00005-xxxx")
    )
    assert (
        rolled(wanted(entry("sales")), deployed(broken))
        .variables["pipelines"]["sales"]["revision"]
        .endswith("00006-bbbb")
    )


def test_a_deployment_that_was_cut_off_before_the_traffic_goes_on():
    """The tag of the waiting revision is in the state, so the next deployment verifies and moves it."""
    waiting = (Target("pplns-sales-prod-00003-aaaa", 100), Target(None, 0, TAG))

    assert rolled(wanted(entry("sales")), deployed(live("sales", traffic=waiting))).waiting == ("sales",)


def test_a_pipeline_that_was_rolled_back_goes_forward_only_by_name():
    """A colleague's deployment of everything doesn't undo a rollback."""
    there = deployed(live("sales", traffic=(Target("pplns-sales-prod-00003-aaaa", 100),)))

    unnamed, named = rolled(wanted(entry("sales")), there), rolled(wanted(entry("sales")), there, chosen=["sales"])

    assert (unnamed.waiting, unnamed.left_back) == ((), ("sales",))
    assert (named.waiting, named.left_back) == (("sales",), ())


@given(st.integers(min_value=0, max_value=3), st.sampled_from([OLD, NEW]), st.booleans())
def test_what_is_not_named_stays_as_the_state_has_it(others: int, image: str, is_changed: bool):
    """Whatever the working tree says, or no longer has, of other pipelines and of what all share."""
    names = [f"other{number}" for number in range(others)]
    there = deployed(live("sales"), *map(live, names))
    tree = [entry(one, image=NEW, memory="8Gi") for one in names] if is_changed else []
    want = {**wanted(entry("sales", image=image), *tree), "labels": {"team": "other"}}

    found = rolled(want, there, chosen=["sales"]).variables

    assert {name: found["pipelines"][name] for name in names} == {name: there.variables_of(name) for name in names}
    assert {name: found[name] for name in SHARED} == SHARED
    assert "labels" not in found


def test_a_pipeline_that_the_project_has_not_is_refused():
    """A typing error deploys nothing, and the nearest name is offered."""
    with pytest.raises(NotFoundError, match="Did you mean 'sales'"):
        rolled(wanted(entry("sales")), deployed(live("sales")), chosen=["sale"])


def test_a_half_deployed_neighbour_is_refused():
    """What it was to be isn't known, so nothing can be left exactly as it is."""
    there = Deployed(SHARED, {}, {"stock": live("stock")})

    with pytest.raises(StateError, match="pplns deploy stock"):
        rolled(wanted(entry("sales")), there, chosen=["sales"])


def test_moving_traffic_changes_nothing_else():
    """The second apply differs from the first in one list."""
    first = rolled(wanted(entry("sales", image=NEW)), deployed(live("sales"))).variables

    second = shift_traffic(first, {"sales": "pplns-sales-prod-00005-bbbb"})

    assert second["pipelines"]["sales"].pop("traffic") == [Target("pplns-sales-prod-00005-bbbb", 100).as_json()]
    del first["pipelines"]["sales"]["traffic"]
    assert second == first


def test_a_rollback_is_a_change_of_traffic_from_the_state_alone():
    """So a colleague's laptop can roll back without the code."""
    there = deployed(live("sales"), live("stock"))

    found = roll_back(there, "sales", "pplns-sales-prod-00003-aaaa")

    assert found["pipelines"]["stock"] == there.variables_of("stock")
    assert found["pipelines"]["sales"]["traffic"] == [Target("pplns-sales-prod-00003-aaaa", 100).as_json()]


@given(st.lists(st.one_of(st.none(), st.integers(0, 99998).map(lambda number: f"s-{number:05d}-kvwz"))))
def test_the_number_of_a_revision_is_higher_than_any_before(before: list[str | None]):
    """A name is never used twice, and the newest sorts last."""
    assert all(one is None or one < next_revision("s", before, "bbbb") for one in before)
