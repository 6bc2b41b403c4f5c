"""`pplns bootstrap`: what has to be there before the first deployment, made once and again without harm."""

from pathlib import Path
from typing import Any

import click

from pplns_deploy.cli.console import Console
from pplns_deploy.cli.deployments import confirm, find_target, opened, write_plan
from pplns_deploy.cli.options import env_option, examples, json_option, project_option
from pplns_deploy.cli.stages import StageLines


@click.command(epilog=examples("pplns bootstrap --env prod", "pplns bootstrap --env prod --yes"))
@env_option
@click.option("--yes", is_flag=True, help="Don't ask whether to go on.")
@json_option
@project_option
@click.pass_obj
def bootstrap(console: Console, /, *, env: str | None, yes: bool, project: Path | None) -> None:
    """Prepare a project of Google Cloud for an environment.

    Makes the bucket of Terraform's state, and by Terraform all that pipelines share: APIs, accounts, the image
    repository, the bucket of runs. What is there stays, pipelines too, so it can be repeated.
    """
    import os

    from pplns_deploy.deploying.binary import find_terraform
    from pplns_deploy.deploying.google import Google
    from pplns_deploy.environments import names
    from pplns_deploy.manifest import Manifest
    from pplns_deploy.terraform import generate_variables

    target = find_target(project, env)
    place = target.environment
    bucket = names.state_bucket_name(place.project, place.name)
    find_terraform(os.environ)  # before anything is made that it would go on with
    console.say(f"{place.name} is the project {place.project}, region {place.region}")
    confirm(console, f"Enable APIs and make gs://{bucket} in {place.project}?", yes=yes)
    google = Google(os.environ)
    google.enable_apis(place.project)
    is_new = google.make_state_bucket(place.project, bucket, place.region)
    console.say(f"gs://{bucket} {'was made' if is_new else 'is there'}")
    shown = StageLines(console)
    with opened(console, target, watch=shown.watch) as deploying:
        deployed = deploying.read()
        shared = generate_variables(Manifest(()), place, images={})
        there: dict[str, Any] = deployed.variables()["pipelines"] if deployed.settings is not None else {}
        planned = deploying.plan_exactly({**shared, "pipelines": there}, deployed)
        write_plan(console, planned.summary)
        if not planned.summary.is_empty:
            confirm(console, f"Apply this to {place.name}?", yes=yes)
            shown.expect(planned.summary)
            deploying.apply(planned)
    console.say(f"Ready: pplns deploy --env {place.name}")
    if console.as_json:
        changes = [one.as_json() for one in planned.summary.changes]
        console.document({"environment": place.name, "state_bucket": bucket, "is_new": is_new, "changes": changes})
