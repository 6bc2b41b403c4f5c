"""The commands of `pplns`, as click has them: one module a group of commands, each imported when it is asked for.

`COMMANDS` is the whole list, so that `pplns --help` imports none of them and `pplns run` only its own."""

import click

from pplns._version import __version__
from pplns_deploy.cli.group import CommandGroup, CommandPlace

COMMANDS = {
    "init": CommandPlace("pplns_deploy.cli.project", "init", "Make a new project with a running example."),
    "list": CommandPlace("pplns_deploy.cli.project", "list_pipelines", "List the pipelines of the project."),
    "show": CommandPlace("pplns_deploy.cli.project", "show", "Show the steps, parameters and triggers of a pipeline."),
    "check": CommandPlace("pplns_deploy.cli.check", "check", "Check all that can be known before a run."),
    "lock": CommandPlace("pplns_deploy.cli.lock", "lock", "Lock the dependencies for the container."),
    "run": CommandPlace(
        "pplns_deploy.cli.run", "run", "Run a pipeline, or go on with a run of it; with --url on a service."
    ),
    "resume": CommandPlace("pplns_deploy.cli.run", "resume", "Go on with a run where it stopped."),
    "cancel": CommandPlace("pplns_deploy.cli.run", "cancel", "Cancel a run."),
    "runs": CommandPlace("pplns_deploy.cli.inspect", "runs", "List runs, newest first."),
    "run-info": CommandPlace("pplns_deploy.cli.inspect", "run_info", "Show all that is recorded about a run."),
    "logs": CommandPlace("pplns_deploy.cli.run_logs", "logs", "Show what the steps of a run logged and printed."),
    "artifact": CommandPlace("pplns_deploy.cli.artifact", "artifact", "Show or save what a step of a run returned."),
    "serve": CommandPlace(
        "pplns_deploy.cli.serve", "serve", "Serve the pipelines over HTTP on this machine, as the container does."
    ),
    "dev": CommandPlace("pplns_deploy.cli.dev", "dev", "Serve the project on this machine, as the cloud would."),
    "event": CommandPlace("pplns_deploy.cli.event", "event", "Print the request that Google would send."),
    "publish": CommandPlace("pplns_deploy.cli.publish", "publish", "Publish a message to a topic of a pipeline."),
    "trigger": CommandPlace("pplns_deploy.cli.trigger", "trigger", "Run a pipeline on a service."),
    "package": CommandPlace(
        "pplns_deploy.cli.package", "package", "Build the container image of the project, without Docker."
    ),
    "bootstrap": CommandPlace(
        "pplns_deploy.cli.bootstrap", "bootstrap", "Prepare a project of Google Cloud for an environment."
    ),
    "plan": CommandPlace("pplns_deploy.cli.plan", "plan", "Show what a deployment would change, and change nothing."),
    "deploy": CommandPlace("pplns_deploy.cli.deploy", "deploy", "Deploy the project, or the pipelines that are named."),
    "rollback": CommandPlace(
        "pplns_deploy.cli.rollback", "rollback", "Let an older revision of a pipeline serve again."
    ),
    "destroy": CommandPlace("pplns_deploy.cli.destroy", "destroy", "Take down the pipelines of an environment."),
    "unlock": CommandPlace(
        "pplns_deploy.cli.unlock", "unlock", "Show who holds the lock of Terraform's state, or remove it."
    ),
    "eject": CommandPlace(
        "pplns_deploy.cli.eject", "eject", "Write the Terraform configuration of an environment into a folder."
    ),
    "completion": CommandPlace("pplns_deploy.cli.completion", "completion", "Print the script for completion by TAB."),
}


@click.group(
    cls=CommandGroup,
    places=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `pplns init my-project`. Each command explains itself: `pplns run --help`.",
)
@click.version_option(__version__, prog_name="pplns", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show tracebacks of errors inside pplns itself.")
def cli(*, debug: bool) -> None:
    """Write, run and look into data pipelines.

    Exit codes: 0 done, 1 the run failed, 2 wrong usage, 3 configuration or environment, 130 interrupted.
    """
