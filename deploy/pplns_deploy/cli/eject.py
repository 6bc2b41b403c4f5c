"""`pplns eject`: an environment's Terraform configuration as files of the user's, to go on without pplns."""

from pathlib import Path

import click

from pplns_deploy.cli.console import Console
from pplns_deploy.cli.deployments import find_target, opened, require_deployed, state_place
from pplns_deploy.cli.options import env_option, examples, json_option, project_option
from pplns_deploy.cli.output import count_text


@click.command(epilog=examples("pplns eject --env prod", "pplns eject infrastructure/prod --env prod"))
@click.argument("folder", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@env_option
@json_option
@project_option
@click.pass_obj
def eject(console: Console, /, *, folder: Path | None, env: str | None, project: Path | None) -> None:
    """Write the Terraform configuration of an environment into a folder.

    What is written is what is deployed: the configuration with its modules, the variables, the place of the state, and
    a README. From then on Terraform alone goes on with it, and its first plan is empty. DIR is a new folder,
    terraform-ENV when left out; nothing is written over, and nothing in the cloud changes.
    """
    from pplns_deploy.deploying.ejecting import eject as write_configuration
    from pplns_deploy.deploying.ejecting import require_empty

    target = find_target(project, env)
    name = target.environment.name
    place = folder or Path(f"terraform-{name}")
    require_empty(place)
    with opened(console, target) as deploying:
        deployed = deploying.read()
    require_deployed(deployed, target)
    files = write_configuration(deployed, state_place(target.environment), environment=name, folder=place)
    console.say(f"{count_text(len(files), 'file')} written to {place}. Go on there: terraform init, terraform plan.")
    if console.as_json:
        names = [one.relative_to(place).as_posix() for one in files]
        console.document({"environment": name, "folder": str(place), "files": names})
