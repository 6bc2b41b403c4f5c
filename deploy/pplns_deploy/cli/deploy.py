"""`pplns deploy`: checks, image, the plan that is shown and confirmed, its apply, and traffic for what is well."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

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
    wanted_variables,
    write_plan,
)
from pplns_deploy.cli.errors import RUN_FAILED, write_error
from pplns_deploy.cli.options import env_option, examples, json_option, project_option

if TYPE_CHECKING:
    from pplns_deploy.deploying.health import Health
    from pplns_deploy.deploying.stages import Deploying, Outcome, Planned
    from pplns_deploy.manifest import Manifest

TRIES = 3  # of a plan that somebody else's deployment makes stale


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
@image_options
@json_option
@project_option
@click.pass_context
def deploy(
    context: click.Context, *, names: Sequence[str], env: str | None, yes: bool, images: ImageChoice,
    project: Path | None,
) -> None:  # fmt: skip
    """Deploy the project, or the pipelines that are named.

    Exactly the plan that is shown is applied. A new revision gets no traffic until it is healthy; otherwise the old
    one goes on serving, and the exit code is 1. A deployment that was cut off is finished by the next one.
    """
    console: Console = context.obj
    target = find_target(project, env)
    manifest = checked_manifest(console, target)
    with opened(console, target) as deploying:
        planned = _applied(console, target, manifest, deploying, names=names, images=images, yes=yes)
        found = _verified(console, target, deploying, planned)
    if console.as_json:
        changes = [one.as_json() for one in planned.summary.changes]
        pipelines = [one.as_json() for one in found]
        console.document({"environment": target.environment.name, "changes": changes, "pipelines": pipelines})
    if any(one.state in ("held_back", "failed") for one in found):
        context.exit(RUN_FAILED)


def _applied(
    console: Console, target: Target, manifest: "Manifest", deploying: "Deploying", *, names: Sequence[str],
    images: ImageChoice, yes: bool,
) -> "Planned":  # fmt: skip
    """Plan, show, ask and apply; again where somebody else was faster and `--yes` allows for it."""
    from pplns_deploy.deploying.refusals import StalePlan

    deployed = deploying.read()
    wanted = wanted_variables(console, target, manifest, deployed, names=names, images=images, is_pushed=True)
    for number in range(1, TRIES + 1):
        try:
            console.say("Planning")
            planned = deploying.plan(wanted, deployed, chosen=names)
            write_plan(console, planned.summary)
            if planned.summary.is_empty:
                return planned
            confirm(console, f"Apply this to {target.environment.name}?", yes=yes)
            console.say("Applying: new revisions get no traffic yet")
            deploying.apply(planned)
        except StalePlan:
            if number == TRIES or not yes:
                raise
            console.say("Somebody else deployed meanwhile; planning again")
            deployed = deploying.read()
        else:
            return planned
    raise AssertionError


def _verified(console: Console, target: Target, deploying: "Deploying", planned: "Planned") -> "list[Outcome]":
    """Ask the new revisions for their health, move the traffic to those that are well, and say what became of all."""
    from pplns_deploy.deploying.health import HealthCheck
    from pplns_deploy.deploying.stages import outcomes, to_verify

    deployed = deploying.read()
    check = HealthCheck(deploying.google, deployed.invoke_account, target.environment.ingress, os.environ)
    healths: list[Health] = []
    for name in to_verify(planned):
        console.say(f"Asking the new revision of {name} for its health")
        if name in deployed.services:
            healths.append(check.ask(deployed.services[name]))
    if any(one.may_serve and one.pipeline in planned.rollout.waiting for one in healths):
        console.say("Moving the traffic")
    found = outcomes(planned, healths, deploying.shift(planned, healths))
    for one in found:
        _write_outcome(console, one)
    return found


def _write_outcome(console: Console, one: "Outcome") -> None:
    if one.state == "held_back":
        write_error(
            console, f"{one.pipeline} is held back; {one.revision} goes on serving. {one.reason}",
            "Correct it and deploy again. See its log in Cloud Logging.",
        )  # fmt: skip
    elif one.state == "failed":
        write_error(
            console, f"{one.pipeline} was deployed for the first time and isn't well. {one.reason}",
            "Correct it and deploy again. See its log in Cloud Logging.",
        )  # fmt: skip
    elif one.state == "left_back":
        console.say(f"{one.pipeline}: stays at {one.revision}, to which it was rolled back; name it to go forward.")
    else:
        note = f" ({one.reason.rstrip('.')})" if one.reason else ""
        console.say(f"{one.pipeline}: {one.revision} at {one.url}{note}")
