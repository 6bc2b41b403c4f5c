"""`pplns deploy`: checks, image, the plan that is shown and confirmed, its apply, and traffic for what is well."""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pplns_deploy.cli.completion import complete_pipelines
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.deployments import (
    ImageChoice,
    Target,
    checked_manifest,
    confirm,
    find_target,
    image_options,
    opened,
    plan_totals,
    wanted_variables,
    write_plan,
)
from pplns_deploy.cli.errors import RUN_FAILED, Stopped, write_error
from pplns_deploy.cli.options import env_option, examples, json_option, project_option
from pplns_deploy.cli.stages import StageLines, following

if TYPE_CHECKING:
    from pplns_deploy.deploying import Deployed
    from pplns_deploy.deploying.health import Health
    from pplns_deploy.deploying.stages import Deploying, Outcome, Planned

TRIES = 3  # of a plan that somebody else's deployment makes stale
DIGEST_LETTERS = 19  # sha256: and twelve more
VERDICTS = {"healthy": "is well", "unasked": "wasn't asked", "unhealthy": "isn't well"}


@click.command(
    epilog=examples(
        "pplns deploy --env prod",
        "pplns deploy daily_sales --env prod --yes",
        "pplns deploy --env prod --image europe-west1-docker.pkg.dev/acme/pplns-prod/pipelines@sha256:0123…",
    )
)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_pipelines)
@env_option
@click.option("--yes", is_flag=True, help="Don't ask whether to go on.")
@click.option(
    "--smoke/--no-smoke", default=None,
    help="Ask each new revision for a run before it gets traffic, or none; by default those with `smoke` params.",
)  # fmt: skip
@image_options
@json_option
@project_option
@click.pass_context
def deploy(
    context: click.Context, *, names: Sequence[str], env: str | None, yes: bool, smoke: bool | None,
    images: ImageChoice, project: Path | None,
) -> None:  # fmt: skip
    """Deploy the project, or the pipelines that are named.

    Exactly the plan that is shown is applied. A new revision gets no traffic until it is healthy; otherwise the old
    one goes on serving, and the exit code is 1. A deployment that was cut off is finished by the next one.
    """
    console: Console = context.obj
    target = find_target(project, env)
    try:
        with following(console) as progress:
            planned, found = _deployed(target, progress, names=names, images=images, yes=yes, smoke=smoke)
    except KeyboardInterrupt:
        raise _stopped(target, names) from None
    for one in found:
        _write_outcome(console, one, target.environment.name)
    if console.as_json:
        changes = [one.as_json() for one in planned.summary.changes]
        pipelines = [one.as_json() for one in found]
        console.document({"environment": target.environment.name, "changes": changes, "pipelines": pipelines})
    if any(one.state in ("held_back", "failed") for one in found):
        context.exit(RUN_FAILED)


def _deployed(
    target: Target, progress: StageLines, *, names: Sequence[str], images: ImageChoice, yes: bool, smoke: bool | None
) -> "tuple[Planned, list[Outcome]]":
    """Go through the stages, and return the plan that was applied and what became of each pipeline."""
    with ExitStack() as stack:
        with progress.stage("checks"):
            manifest = checked_manifest(progress.console, target)
        with progress.stage("state"):
            deploying = stack.enter_context(opened(progress.console, target, watch=progress.watch))
            deployed = deploying.read()
        with progress.stage("image", _image_text(images)), progress.aside() as console:
            wanted = wanted_variables(console, target, manifest, deployed, names=names, images=images, is_pushed=True)
            progress.note(_digests(wanted))
        planned = _applied(target, progress, deploying, wanted, deployed=deployed, names=names, yes=yes)
        return planned, _verified(target, progress, deploying, planned, smoke=smoke)


def _applied(
    target: Target, progress: StageLines, deploying: "Deploying", wanted: Mapping[str, Any], *, deployed: "Deployed",
    names: Sequence[str], yes: bool,
) -> "Planned":  # fmt: skip
    """Plan, show, ask and apply; again where somebody else was faster and `--yes` allows for it."""
    from pplns_deploy.deploying.refusals import StalePlan

    for number in range(1, TRIES + 1):
        try:
            planned = _planned(progress, deploying, wanted, deployed=deployed, names=names)
            if planned.summary.is_empty:
                return planned
            with progress.aside() as console:
                confirm(console, f"Apply this to {target.environment.name}?", yes=yes)
            progress.expect(planned.summary)
            with progress.stage("apply", "Applying: new revisions get no traffic yet"):
                deploying.apply(planned)
        except StalePlan:
            if number == TRIES or not yes:
                raise
            progress.console.say("Somebody else deployed meanwhile; planning again")
            deployed = deploying.read()
        else:
            return planned
    raise AssertionError


def _planned(
    progress: StageLines, deploying: "Deploying", wanted: Mapping[str, Any], *, deployed: "Deployed",
    names: Sequence[str],
) -> "Planned":  # fmt: skip
    with progress.stage("plan", "Planning"):
        planned = deploying.plan(wanted, deployed, chosen=names)
        write_plan(progress.console, planned.summary)
        progress.note(plan_totals(planned.summary).rstrip("."))
    return planned


def _verified(
    target: Target, progress: StageLines, deploying: "Deploying", planned: "Planned", *, smoke: bool | None
) -> "list[Outcome]":
    """Ask the new revisions for their health, move the traffic to those that are well, and say what became of all."""
    from pplns_deploy.deploying.stages import outcomes

    waiting = planned.rollout.waiting
    if not waiting:
        return outcomes(planned, [], planned.deployed if planned.summary.is_empty else deploying.read())
    with progress.stage("verify", "Asking new revisions for their health"):
        healths = _healths(target, progress, deploying, waiting, smoke=smoke)
    if not any(one.may_serve for one in healths):
        return outcomes(planned, healths, deploying.read())
    with progress.stage("traffic", "Moving the traffic"):
        deployed = deploying.shift(planned, healths)
        progress.note(", ".join(one.pipeline for one in healths if one.may_serve))
    return outcomes(planned, healths, deployed)


def _healths(
    target: Target, progress: StageLines, deploying: "Deploying", waiting: Sequence[str], *, smoke: bool | None
) -> "list[Health]":
    """Return how each new revision is."""
    from pplns_deploy.deploying.health import HealthCheck, ask_all

    place, deployed = target.environment, deploying.read()
    services = [deployed.services[name] for name in waiting if name in deployed.services]
    check = HealthCheck(
        deploying.google, deployed.invoke_account, place.ingress, os.environ, place.project,
        _smoke_params(target, waiting, smoke),
    )  # fmt: skip
    for one in services:
        progress.begin_part(one.pipeline)
    found: list[Health] = []
    for health, seconds in ask_all(check, services):
        found.append(health)
        progress.end_part(health.pipeline, VERDICTS[health.verdict], is_good=health.may_serve, seconds=seconds)
    return found


def _smoke_params(target: Target, waiting: Sequence[str], smoke: bool | None) -> dict[str, Mapping[str, Any]]:
    """Return the parameters of those pipelines that are asked for a run."""
    if smoke is False:
        return {}
    said = {name: target.environment.config_of(name).smoke for name in waiting}
    return {name: params or {} for name, params in said.items() if smoke or params is not None}


def _digests(wanted: Mapping[str, Any]) -> str:
    """Return the images of some variables by the beginnings of their digests."""
    images = {str(entry["image"]).rpartition("@")[2] for entry in wanted["pipelines"].values()}
    return ", ".join(one[:DIGEST_LETTERS] for one in sorted(images))


def _image_text(images: ImageChoice) -> str:
    if images.image is not None:
        return f"Taking the image {images.image}"
    return "Keeping the images that are live" if images.no_build else "Building the image"


def _stopped(target: Target, names: Sequence[str]) -> Stopped:
    again = " ".join(("pplns deploy", *names, f"--env {target.environment.name}"))
    done = "Interrupted. What Terraform had done is in its state, and its lock is free."
    return Stopped(f"Go on with: {again}", done)


def _write_outcome(console: Console, one: "Outcome", environment: str) -> None:
    if one.state in ("held_back", "failed"):
        went = (
            f"{one.pipeline} is held back; {one.revision} goes on serving."
            if one.state == "held_back"
            else f"{one.pipeline} was deployed for the first time and isn't well."
        )
        log = "\n  ".join(("Its last lines in Cloud Logging:", *one.log)) if one.log else None
        write_error(console, f"{went} {one.reason}", "Correct it and deploy again.", trace=log)
    elif one.state == "left_back":
        console.say(f"{one.pipeline}: {one.revision}, to which it was rolled back")
        console.say(f"  forward again: pplns deploy {one.pipeline} --env {environment}")
    else:
        note = f" ({one.reason.rstrip('.')})" if one.reason else ""
        console.say(f"{one.pipeline}: {one.revision}{note}")
        console.say(f"  {one.url}")
