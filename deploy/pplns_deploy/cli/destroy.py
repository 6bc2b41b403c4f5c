"""`pplns destroy`: an environment taken down; the data stays unless it is asked for."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pplns.errors import ConfigError
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.deployments import find_target, opened, require_deployed, write_plan
from pplns_deploy.cli.options import env_option, examples, json_option, project_option
from pplns_deploy.cli.stages import StageLines

if TYPE_CHECKING:
    from pplns_deploy.deploying.stages import Destruction


@click.command(epilog=examples("pplns destroy --env staging", "pplns destroy --env staging --data --confirm staging"))
@env_option
@click.option("--data", is_flag=True, help="Destroy what all share too: the runs, the images, the accounts that call.")
@click.option("--confirm", "confirmed", metavar="ENVIRONMENT", help="The environment's name, instead of being asked.")
@json_option
@project_option
@click.pass_obj
def destroy(console: Console, /, *, env: str | None, data: bool, confirmed: str | None, project: Path | None) -> None:
    """Take down the pipelines of an environment.

    Services, schedules, topics, alerts and the accounts that pipelines run as go. What all share stays: the runs, the
    images, the accounts that call pipelines. A later deployment finds it. With --data it goes too, but the bucket of
    Terraform's state; APIs stay enabled. Asks for the environment's name.
    """
    target = find_target(project, env)
    place = target.environment
    shown = StageLines(console)
    with opened(console, target, watch=shown.watch) as deploying:
        deployed = deploying.read()
        require_deployed(deployed, target)
        planned = deploying.plan_destruction(deployed, with_data=data)
        _write_destruction(console, planned)
        if not planned.summary.is_empty:
            _confirm_name(console, place.name, confirmed)
            shown.expect(planned.summary)
            deploying.destroy(planned)
    console.say(
        f"{place.name} is taken down." if not planned.summary.is_empty else f"Nothing of {place.name} is there."
    )
    if console.as_json:
        changes = [one.as_json() for one in planned.summary.changes]
        first = [one.as_json() for one in planned.first.changes] if planned.first else []
        console.document({"environment": place.name, "data": data, "first": first, "changes": changes})


def _write_destruction(console: Console, planned: "Destruction") -> None:
    """Write the plan of a destruction, or with data both of them, one after the other."""
    if planned.first is not None and not planned.first.is_empty:
        console.say("First the pipelines go; the bucket of runs may go with what it keeps then:")
        write_plan(console, planned.first)
        console.say("Then all that is left:")
    write_plan(console, planned.rest)


def _confirm_name(console: Console, name: str, confirmed: str | None) -> None:
    """Have the environment's name written once more.

    Raises: ConfigError for another name."""
    if confirmed is None and (console.as_json or not console.lines.isatty()):
        raise ConfigError(
            "Nobody can be asked here whether to destroy.",
            "This is no terminal, or --json was given.",
            f"Write the environment's name: --confirm {name}",
        )
    given = confirmed if confirmed is not None else click.prompt(f"Write {name} to destroy it", err=True)
    if given.strip() != name:
        raise ConfigError(f"{given!r} isn't {name!r}.", "Nothing was destroyed.", "Write the environment's name.")
