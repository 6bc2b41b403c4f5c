"""`pplns check`: all that can be known before a run and before deploying, for people, programs and pull requests."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pplns_deploy.cli.console import Console
from pplns_deploy.cli.errors import RUN_FAILED
from pplns_deploy.cli.nearest import NearChoice
from pplns_deploy.cli.opening import load_project
from pplns_deploy.cli.options import env_option, examples, json_option, project_option, store_option

if TYPE_CHECKING:
    from pplns.settings import Settings
    from pplns_deploy.checks import Checked, Finding
    from pplns_deploy.environments import Environment

FORMATS = ("text", "github")


@click.command(
    epilog=examples(
        "pplns check", "pplns check --env prod", "pplns check --env prod --online", "pplns check --format github"
    )
)
@env_option
@click.option(
    "--online", is_flag=True, help="Ask Google Cloud and the base's registry too: secrets, accounts, APIs, topics."
)
@click.option("--format", "form", type=NearChoice(FORMATS), metavar="FORMAT", default="text", show_default=True,
              help="text, or github for annotations in a workflow.")  # fmt: skip
@store_option
@json_option
@project_option
@click.pass_context
def check(
    context: click.Context, *, env: str | None, online: bool, form: str, store: str | None, project: Path | None
) -> None:
    """Check all that can be known before a run.

    Files load, pipelines connect, parameters of triggers fit, timeouts and retries go together, the store can be
    written. With environments in [tool.pplns.env], each of them too, or the one that --env names: names, machines,
    secrets, locked dependencies, key files, and more. Nothing needs the network but --online. Exits 1 when there are
    errors; warnings don't count.
    """
    from pplns_deploy.checks import check_everything
    from pplns_deploy.environments import choose_environment, read_environments

    console: Console = context.obj
    settings = load_project(project, store=store)
    environments = read_environments(settings.root)
    chosen = list(environments.values()) if env is None else [choose_environment(environments, env)]
    checked = check_everything(settings, now=datetime.now(UTC), chosen=chosen, environments=environments, online=online)
    if console.as_json:
        console.document(_as_json(checked, chosen))
    elif form == "github":
        _write_annotations(console, checked)
    else:
        _write_text(console, checked, settings, chosen, online=online)
    if checked.count("error"):
        context.exit(RUN_FAILED)


def _write_text(
    console: Console, checked: "Checked", settings: "Settings", chosen: "list[Environment]", *, online: bool
) -> None:
    from pplns_deploy.cli.errors import write_error
    from pplns_deploy.cli.output import count_text

    for finding in checked.findings:
        message = f"{_where(finding)}{finding.message}"
        write_error(console, message, finding.remedy, kind=finding.severity.capitalize())
    names = f": {', '.join(checked.pipelines)}" if checked.pipelines else ""
    pipelines, files = count_text(len(checked.pipelines), "pipeline"), count_text(len(checked.files), "file")
    console.say(f"Checked {pipelines} in {files}{names}.")
    console.say("Checked imports, steps, parameters, triggers, timeouts, retries, resources.")
    console.say(f"Checked the store {settings.store}.")
    unasked = {found.environment for found in checked.findings if found.check == "online"}
    for one in chosen:
        asked = ", and asked Google Cloud" if online and one.name not in unasked else ""
        console.say(f"Checked the environment {one.name}, project {one.project} in {one.region}{asked}.")
    errors, warnings = checked.count("error"), checked.count("warning")
    console.say(
        f"{count_text(errors, 'error')}, {count_text(warnings, 'warning')}." if errors + warnings else "All well."
    )


def _where(finding: "Finding") -> str:
    whose = ", ".join(one for one in (finding.environment, finding.pipeline) if one)
    where = " ".join(part for part in (finding.place, f"({whose})" if whose else "") if part)
    return f"{where}: " if where else ""


def _write_annotations(console: Console, checked: "Checked") -> None:
    """Write a workflow command of GitHub a finding, which shows it beside the line in a pull request."""
    for finding in checked.findings:
        facts = {"file": _from_here(finding.file), "line": finding.line, "title": f"pplns check: {finding.check}"}
        said = ",".join(f"{name}={_escaped(str(value), in_facts=True)}" for name, value in facts.items() if value)
        console.say(f"::{finding.severity} {said}::{_escaped(f'{finding.message} {finding.remedy}')}")


def _escaped(text: str, *, in_facts: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if in_facts else text


def _from_here(file: Path | None) -> str:
    if file is None:
        return ""
    here = Path.cwd()
    return file.relative_to(here).as_posix() if file.is_relative_to(here) else file.as_posix()


def _as_json(checked: "Checked", chosen: "list[Environment]") -> dict[str, Any]:
    return {
        "pipelines": list(checked.pipelines),
        "files": [str(file) for file in checked.files],
        "environments": [one.name for one in chosen],
        "errors": checked.count("error"),
        "warnings": checked.count("warning"),
        "findings": [finding.as_json() for finding in checked.findings],
    }
