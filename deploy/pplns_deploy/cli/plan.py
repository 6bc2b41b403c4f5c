"""`pplns plan`: what a deployment would change, by pipeline, without changing anything."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pplns_deploy.cli.completion import complete_pipelines
from pplns_deploy.cli.deployments import (
    ImageChoice,
    checked_manifest,
    find_target,
    image_options,
    opened,
    wanted_variables,
    write_plan,
)
from pplns_deploy.cli.options import env_option, examples, json_option, project_option, write_file

if TYPE_CHECKING:
    from pplns_deploy.cli.console import Console

HAS_CHANGES = 2  # as Terraform's own --detailed-exitcode


@click.command(
    epilog=examples(
        "pplns plan --env prod",
        "pplns plan daily_sales --env prod --no-build",
        "pplns plan --env prod --detailed-exitcode --out plan.json",
    )
)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_pipelines)
@env_option
@image_options
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 where something would change.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write Terraform's plan to a file, as its JSON.")  # fmt: skip
@json_option
@project_option
@click.pass_context
def plan(
    context: click.Context, *, names: Sequence[str], env: str | None, images: ImageChoice, detailed_exitcode: bool,
    out: Path | None, project: Path | None,
) -> None:  # fmt: skip
    """Show what a deployment would change, and change nothing.

    The image is built, so that the plan says whether it differs, but not pushed. With names only those pipelines are
    planned; every other stays as Terraform's state has it. Says what is lost where something is replaced.
    """
    console: Console = context.obj
    target = find_target(project, env)
    manifest = checked_manifest(console, target)
    with opened(console, target) as deploying:
        deployed = deploying.read()
        wanted = wanted_variables(console, target, manifest, deployed, names=names, images=images, is_pushed=False)
        planned = deploying.plan(wanted, deployed, chosen=names, retry=False)
    if out is not None:
        write_file(out, json.dumps(planned.document, indent=2, sort_keys=True) + "\n")
    if console.as_json:
        changes = [one.as_json() for one in planned.summary.changes]
        console.document(
            {"environment": target.environment.name, "is_empty": planned.summary.is_empty, "changes": changes}
        )
    else:
        write_plan(console, planned.summary)
    if detailed_exitcode and not planned.summary.is_empty:
        context.exit(HAS_CHANGES)
