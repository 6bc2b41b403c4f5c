"""A deployment as stages: what is live is read, the first apply planned and applied, the new revisions are asked for
their health, and the second apply gives traffic to those that are well.

Each plan begins with the state as it was read, and nothing is applied but what was planned. A revision that doesn't
come up is held back: Cloud Run keeps the service with it, the old one goes on serving, and the state is made to say
so, so that the next plan is empty."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pplns_deploy.deploying.deployed import Deployed, LiveService, read_deployed
from pplns_deploy.deploying.google import Google
from pplns_deploy.deploying.health import Health
from pplns_deploy.deploying.leftovers import find_leftovers
from pplns_deploy.deploying.refusals import StalePlan, TerraformFailed
from pplns_deploy.deploying.rollout import Rollout, Suffix, roll_out, shift_traffic
from pplns_deploy.deploying.saved_state import saved_state
from pplns_deploy.deploying.summary import (
    SERVICE,
    Change,
    PlanSummary,
    beyond_traffic,
    changed_containers,
    pipeline_of,
    same_named_revisions,
    summarize,
)
from pplns_deploy.deploying.terraform import AS_SAVED, DESTROY, REFRESH_ONLY, Terraform

SHIFT_TRIES = 3  # of a move of traffic that somebody else's apply makes stale
State = Literal["deployed", "unchanged", "held_back", "left_back", "failed"]


@dataclass(frozen=True, slots=True)
class Planned:
    """A first apply that can be shown and applied, what was live when it was planned, and Terraform's own JSON."""

    rollout: Rollout
    deployed: Deployed
    summary: PlanSummary
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Destruction:
    """A destruction that can be shown and applied. With data it is two applies: by `first` the pipelines go, and the
    bucket of runs is told that it may go with what it keeps; by `summary` goes the rest. Before, `summary` has all."""

    variables: Mapping[str, Any]
    summary: PlanSummary
    first: PlanSummary | None = None

    @property
    def rest(self) -> PlanSummary:
        """What the last apply destroys: all but what is gone by then."""
        gone = {one.address for one in self.first.changes if one.action == "destroy"} if self.first else set[str]()
        return PlanSummary(tuple(one for one in self.summary.changes if one.address not in gone))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a pipeline: which revision serves it, where, why it was held back, and the last
    lines of the revision that was."""

    pipeline: str
    state: State
    revision: str | None
    image: str
    url: str
    reason: str = ""
    log: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the outcome for `pplns deploy --json`."""
        return {
            "pipeline": self.pipeline, "state": self.state, "revision": self.revision, "image": self.image,
            "url": self.url, "reason": self.reason, "log": list(self.log),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Deploying:
    """What the stages share: Terraform with the state of one environment, and Google's APIs."""

    terraform: Terraform
    google: Google
    suffix: Suffix

    def read(self) -> Deployed:
        """Return what is deployed."""
        place = self.terraform.place
        return read_deployed(saved_state(self.google, place.bucket, place.state_object))

    def plan(
        self, wanted: Mapping[str, Any], deployed: Deployed, *, chosen: Collection[str] = (), retry: bool = True
    ) -> Planned:
        """Plan the first apply: all that differs, with new revisions that get no traffic.

        Raises: NotFoundError, StateError, TerraformFailed; StalePlan where somebody else deployed meanwhile."""

        def rollout_with(renamed: Collection[str]) -> Rollout:
            return roll_out(wanted, deployed, suffix=self.suffix, chosen=chosen, retry=retry, renamed=renamed)

        rollout = rollout_with(())
        document = self._plan(rollout.variables)
        if same := same_named_revisions(document):
            rollout = rollout_with({name for address in same if (name := pipeline_of(address))})
            document = self._plan(rollout.variables)
        if self.read() != deployed:
            raise StalePlan(
                "Somebody else deployed while this was planned.", "A plan begins with what is live.", "Do it again."
            )
        return Planned(rollout, deployed, summarize(document), document)

    def plan_exactly(self, variables: Mapping[str, Any], deployed: Deployed) -> Planned:
        """Plan the way to some variables as they are, without new revisions.

        Raises: TerraformFailed."""
        document = self._plan(variables)
        return Planned(Rollout(dict(variables), (), ()), deployed, summarize(document), document)

    def plan_destruction(self, deployed: Deployed, *, with_data: bool) -> Destruction:
        """Plan to take down all pipelines; with data all that there is.

        Raises: TerraformFailed."""
        shared: dict[str, Any] = {**(deployed.settings or {}), "pipelines": {}}
        if not with_data:
            return Destruction(shared, summarize(self.terraform.plan(shared)))
        shared["store"] = {**shared["store"], "force_destroy": True}
        first = summarize(self.terraform.plan(shared))
        return Destruction(shared, summarize(self.terraform.plan(shared, DESTROY)), first)

    def destroy(self, planned: Destruction) -> None:
        """Apply exactly the destruction that was planned; each of its plans is made again, and compared.

        Raises: StalePlan, TerraformFailed."""
        if planned.first is None:
            self.terraform.apply()
            return
        self._apply_as_shown(planned.variables, planned.first.changes)
        self._apply_as_shown(planned.variables, planned.rest.changes, DESTROY)

    def _apply_as_shown(self, variables: Mapping[str, Any], shown: tuple[Change, ...], *mode: str) -> None:
        document = self.terraform.plan(variables, *mode)
        if summarize(document).changes != shown:
            raise StalePlan(
                "The environment was changed after this was planned.", "What is applied is exactly what was shown.",
                "Do it again: the new plan begins with what is there now.",
            )  # fmt: skip
        self.terraform.apply()

    def apply(self, planned: Planned) -> None:
        """Apply the first plan.

        Where only containers don't come up, the rest is applied and the state takes note of them.

        Raises: StalePlan, TerraformFailed."""
        try:
            self.terraform.apply()
        except StalePlan:
            raise
        except TerraformFailed as failed:
            if not failed.addresses or not all(f"{SERVICE}." in address for address in failed.addresses):
                raise
            self._settle(planned, failed)

    def shift(self, planned: Planned, healths: Iterable[Health]) -> Deployed:
        """Give all traffic to the new revisions that may serve, name those that had it, and return what is live then.

        Where somebody else's apply came between plan and apply it is planned again from what is live then; a pipeline
        that has their newer revision is left to them.

        Raises: StalePlan where the plan holds anything else, TerraformFailed."""
        healthy = {one.pipeline for one in healths if one.may_serve} & set(planned.rollout.waiting)
        variables, is_fresh = planned.rollout.variables, not planned.summary.is_empty
        for left in reversed(range(SHIFT_TRIES)):
            deployed = self.read()
            revisions = _still_newest(planned, deployed, healthy)
            try:
                if revisions and self.move_traffic(variables, revisions, is_fresh=is_fresh):
                    return self.read()
                return deployed
            except StalePlan:
                if not left:
                    raise
            variables, is_fresh = self.read().variables(), False
        raise AssertionError

    def move_traffic(
        self, variables: Mapping[str, Any], revisions: Mapping[str, str], *, is_fresh: bool = False
    ) -> bool:
        """Plan and apply a change of traffic alone, and tell whether there was any.

        Right after an apply the state is fresh, and Google isn't asked for everything once more.

        Raises: StalePlan where the plan holds anything else, TerraformFailed."""
        mode = (AS_SAVED,) if is_fresh else ()
        document = self.terraform.plan(shift_traffic(variables, revisions), *mode)
        if others := beyond_traffic(document):
            raise StalePlan(
                f"To move the traffic Terraform would change more: {'; '.join(others)}.",
                "The second apply changes traffic and nothing else.",
                "Somebody else changed the environment meanwhile: see `pplns plan`, and do it again.",
            )
        if summarize(document).is_empty:
            return False
        self.terraform.apply()
        return True

    def _settle(self, planned: Planned, failed: TerraformFailed) -> None:
        """Apply what was left undone because services failed, and let the state see what Cloud Run kept of them."""
        variables = planned.rollout.variables
        document = self._plan(variables)
        if changed_containers(document):  # then it wasn't only a container that failed
            raise failed
        if summarize(document).is_empty:
            self.terraform.plan(variables, REFRESH_ONLY)
        self.terraform.apply()

    def _plan(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Plan; where something is there that the state doesn't know, plan again and take it over."""
        document = self.terraform.plan(variables)
        leftovers = find_leftovers(document, self.google)
        if not leftovers:
            return document
        self.terraform.take_over(leftovers)
        return self.terraform.plan(variables)


def _still_newest(planned: Planned, deployed: Deployed, pipelines: Collection[str]) -> dict[str, str]:
    """Return the revisions of a plan that nobody's newer one has taken the place of, by pipeline."""
    found = {name: str(deployed.services[name].created) for name in pipelines}
    wanted = planned.rollout.variables["pipelines"]
    return {name: one for name, one in found.items() if wanted[name]["revision"] in (None, one)}


def outcomes(planned: Planned, healths: Iterable[Health], deployed: Deployed) -> list[Outcome]:
    """Return what became of each pipeline that was meant."""
    by_name = {one.pipeline: one for one in healths}
    return [_outcome(planned, by_name.get(name), live) for name, live in sorted(deployed.services.items())]


def _outcome(planned: Planned, health: Health | None, live: LiveService) -> Outcome:
    serving = live.serving[0].revision if live.serving else None
    state: State = "unchanged"
    if health is not None:
        bad: State = "failed" if live.pipeline in planned.rollout.fresh else "held_back"
        state = "deployed" if health.may_serve else bad
    elif live.pipeline in planned.rollout.left_back:
        state = "left_back"
    reason, log = (health.reason, health.log) if health else ("", ())
    return Outcome(live.pipeline, state, serving, live.image, live.url, reason, log)
