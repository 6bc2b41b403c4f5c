"""`pplns rollback`: a pipeline served again by an older revision, by an apply that moves traffic and nothing else."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pplns.errors import NotFoundError
from pplns_deploy.cli.completion import complete_pipelines
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.deployments import confirm, find_target, opened, require_deployed
from pplns_deploy.cli.options import env_option, examples, json_option, project_option

if TYPE_CHECKING:
    from pplns_deploy.deploying import LiveService

SHOWN = 10


@click.command(
    epilog=examples(
        "pplns rollback daily_sales --env prod",
        "pplns rollback daily_sales --env prod --to pplns-daily-sales-prod-00004-kvwz --yes",
    )
)
@click.argument("name", shell_complete=complete_pipelines)
@env_option
@click.option("--to", "revision", metavar="REVISION", help="The revision to go back to; by default the last good one.")
@click.option("--yes", is_flag=True, help="Don't ask whether to go on.")
@json_option
@project_option
@click.pass_obj
def rollback(
    console: Console, /, *, name: str, env: str | None, revision: str | None, yes: bool, project: Path | None
) -> None:
    """Let an older revision of a pipeline serve again.

    Only traffic changes; the revision brings its own code and settings. Without --to it is the newest one that came
    up before the one that serves now. Schedules and topics stay as they are. `pplns deploy NAME` goes forward again.
    """
    from pplns_deploy.deploying.rollout import require_known
    from pplns_deploy.deploying.terraform import ignore

    target = find_target(project, env)
    place = target.environment
    with opened(console, target, watch=ignore) as deploying:
        deployed = deploying.read()
        require_deployed(deployed, target, needs_pipelines=True)
        require_known([name], deployed.services)
        live = deployed.services[name]
        known = deploying.google.revisions(place.project, place.region, live.service)
        wanted = choose_revision(known, live, revision)
        console.say(f"{name}: from {', '.join(_serving(live)) or 'nothing'} back to {wanted}")
        confirm(console, f"Move the traffic of {name} in {place.name}?", yes=yes)
        moved = deploying.move_traffic(deployed.variables(), {name: wanted})
    console.say(f"{name} is served by {wanted}." if moved else f"{name} was served by {wanted} already.")
    if console.as_json:
        console.document({"environment": place.name, "pipeline": name, "revision": wanted, "was": _serving(live)})


def choose_revision(known: "list[dict[str, Any]]", live: "LiveService", named: str | None) -> str:
    """Return the revision to go back to; `known` are the service's, newest first.

    Raises: NotFoundError."""
    good = [str(one["name"]).rpartition("/")[2] for one in known if _came_up(one)]
    if named is not None:
        if named not in good:
            raise NotFoundError(
                f"{named!r} is no revision of {live.pipeline!r} that came up.",
                f"Those are: {', '.join(good[:SHOWN]) or 'none'}.",
                "Name one of them with --to.",
            )
        return named
    serving = _serving(live)
    older = good[max((good.index(one) for one in serving if one in good), default=-1) + 1 :]
    if not older:
        raise _nothing_older(live, [one for one in good if one not in serving])
    return older[0]


def _nothing_older(live: "LiveService", newer: list[str]) -> NotFoundError:
    met = f"No revision of {live.pipeline!r} came up before {', '.join(_serving(live)) or 'the newest'}."
    if newer:
        return NotFoundError(met, f"Newer ones did: {', '.join(newer[:SHOWN])}.", "Name one of them with --to.")
    return NotFoundError(met, "No other one came up.", f"Deploy the code that you want: pplns deploy {live.pipeline}")


def _came_up(revision: "dict[str, Any]") -> bool:
    ready = [one for one in revision.get("conditions", []) if one.get("type") == "Ready"]
    return bool(ready) and ready[0].get("state") == "CONDITION_SUCCEEDED"


def _serving(live: "LiveService") -> list[str]:
    return [one.revision for one in live.serving if one.revision is not None]
